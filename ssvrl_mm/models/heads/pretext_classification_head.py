"""Classification of clips by what a transform did to them: rotation, the arrow of time."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.models.heads.joint_head import JointHead
from ssvrl_mm.models.necks import ProjectionHead
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.precision import full_precision
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class PretextClassificationHead(JointHead):
    """A two-layer perceptron on the pooled features of all streams, and softmax.

    The pretext tasks that Yu et al., "Self-Supervised Learning of Compressed Video
    Representations", ICLR 2021, compare with (Table 3): which of four rotations a clip was given,
    and whether it runs backwards.

    Args:
        num_classes: Classes.
        channels: Stream -> channels of its maps.
        label_key: The name of the labels in the data samples, (V,) int for the V clips of a video;
            the loss is named after it.
        hidden_channels: Width of the hidden layer; None: that of the features.
        loss_weight: Multiplies the loss.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.
        num_gops: Groups of pictures that features are averaged over one by one and lie side by
            side, for networks that see frame by frame: in an average over all frames their order
            is lost. None: that average.

    Raises:
        ValueError: Fewer than two classes, or ``num_gops`` below 1.

    Example:
        >>> head = PretextClassificationHead(4, dict(iframe=512, motion=32), 'rotation')
        >>> feats = dict(iframe=torch.rand(2, 512, 5, 7, 7), motion=torch.rand(2, 32, 25, 7, 7))
        >>> sorted(head.loss(feats, data_samples))
        ['loss_rotation', 'top1_rotation']
    """

    def __init__(
        self,
        num_classes: int,
        channels: Mapping[str, int],
        label_key: str,
        hidden_channels: int | None = None,
        loss_weight: float = 1.0,
        init_cfg: Any = None,
        num_gops: int | None = None,
    ) -> None:
        super().__init__(channels, loss_weight, init_cfg)
        if num_classes < 2:
            raise ValueError(f'num_classes must be at least 2, got {num_classes}')
        if num_gops is not None and num_gops < 1:
            raise ValueError(f'num_gops must be 1 or more, or None, got {num_gops}')
        self.num_classes = num_classes
        self.label_key = label_key
        self.num_gops = num_gops
        self.mlp = ProjectionHead(self.width * (num_gops or 1), hidden_channels, num_classes)

    def embed(self, feats: Features) -> Tensor:
        """(M, width) pooled maps of all streams side by side, with ``num_gops`` group by group.

        Args:
            feats: Stream -> (M, C, ...) maps; with ``num_gops`` (M, C, T, H, W), T a multiple.

        Raises:
            ValueError: Besides what the maps of the head are refused for: frames that do not
                divide into the groups.
        """
        if self.num_gops is None:
            return super().embed(feats)
        maps = self.maps(feats)
        lengths = {stream: tuple(x.shape) for stream, x in maps.items()}
        if any(x.dim() != 5 or x.shape[2] % self.num_gops for x in maps.values()):
            raise ValueError(f'frames must divide into {self.num_gops} groups, got {lengths}')
        groups = [
            full_precision(x)[0].unflatten(2, (self.num_gops, -1)).mean(dim=(3, 4, 5))
            for x in maps.values()
        ]
        return torch.cat(groups, dim=1).flatten(1)

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        weights: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Stream -> (N * V, C, ...) maps, the V clips of a video side by side.
            data_samples: N samples with the labels.
            batch: What the step knows of the batches of all processes; None: it is found out.
            weights: (N * V,) weights of the clips, on average 1; clips of weight 0 do not count for
                the accuracy. None: all alike.
            **kwargs: Ignored.

        Returns:
            ``loss_<label_key>``, the mean cross-entropy over the clips of all processes times
            ``loss_weight``; and to be logged ``top1_<label_key>`` of this process.

        Raises:
            KeyError: for a stream that is missing, or samples without labels.
            ValueError: for features of other channels, or another number of labels.
        """
        embedding = self.embed(feats)
        labels = self.labels(data_samples, self.label_key, (), embedding)
        logits = self.logits(embedding)
        losses = F.cross_entropy(logits, labels, reduction='none')
        right = (logits.argmax(dim=1) == labels).float()
        if weights is None:
            top1 = right.mean()
        else:
            losses = losses * weights
            counted = (weights > 0).float()
            top1 = (right * counted).sum() / counted.sum().clamp(min=1)
        batch = batch or GlobalBatch(len(data_samples or ()), embedding.device)
        return {
            f'loss_{self.label_key}': self.loss_weight * batch.mean(losses),
            f'top1_{self.label_key}': top1,
        }

    def answers(self, feats: Features) -> dict[str, Tensor]:
        """The class of each clip; see :class:`JointHead`."""
        return {self.label_key: self.logits(self.embed(feats)).argmax(dim=1, keepdim=True)}

    def truths(self, data_samples: Sequence[Any], like: Tensor) -> dict[str, Tensor]:
        """What the transform wrote; see :class:`JointHead`."""
        return {self.label_key: self.labels(data_samples, self.label_key, (), like)[:, None]}

    def logits(self, embedding: Tensor) -> Tensor:
        """(M, num_classes) in at least float32 of (M, width)."""
        return full_precision(self.mlp(embedding))[0]
