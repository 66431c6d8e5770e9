"""Contrast of the two clips of a video with those of other videos in the batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.heads.in_batch_contrast import contrast_over_processes
from ssvrl_mm.models.heads.joint_head import JointHead
from ssvrl_mm.models.necks import ProjectionHead
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ClipContrastHead(JointHead):
    """InfoNCE within the batch: each of two clips of a video finds the other.

    The contrastive baseline of Yu et al., "Self-Supervised Learning of Compressed Video
    Representations", ICLR 2021 (Table 3), of which the paper tells no more. The pooled features of
    all streams are projected and contrasted by cosine similarity over the batches of all
    processes.

    Args:
        channels: Stream -> channels of its maps.
        criterion: Config of the :class:`~ssvrl_mm.models.losses.InfoNCELoss`.
        hidden_channels: Width of the projection's hidden layer; None: that of the features.
        out_channels: Width of the embeddings.
        loss_weight: Multiplies the loss.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Example:
        >>> criterion = dict(type='InfoNCELoss', temperature=0.07)
        >>> head = ClipContrastHead(dict(iframe=512, motion=32), criterion)
        >>> feats = dict(iframe=torch.rand(4, 512, 5, 7, 7), motion=torch.rand(4, 32, 25, 7, 7))
        >>> sorted(head.loss(feats, two_data_samples))
        ['loss_contrast', 'top1_contrast']
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        criterion: Mapping[str, Any],
        hidden_channels: int | None = None,
        out_channels: int = 128,
        loss_weight: float = 1.0,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(channels, loss_weight, init_cfg)
        self.projector = ProjectionHead(self.width, hidden_channels, out_channels)
        self.criterion = MODELS.build({**criterion, 'reduction': 'none'})

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
            feats: Stream -> (2 N, C, ...) maps, the two clips of a video side by side.
            data_samples: N samples.
            batch: What the step knows of the batches of all processes; None: it is found out.
            weights: None: all clips count alike, as they must here.
            **kwargs: Ignored.

        Returns:
            ``loss_contrast``, the mean over both directions times ``loss_weight``; and to be logged
            ``top1_contrast``, the share of clips that are nearest to their sibling.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for features of other channels, not two clips of each video, or weights.
        """
        if weights is not None:
            raise ValueError(
                "mixing='single_pass' leaves few videos both clips aligned, which contrast is "
                "between: set correspondence=dict(mixing='two_passes')"
            )
        embedding = self.embed(feats)
        videos, rest = divmod(len(embedding), 2)
        if rest or len(data_samples or ()) != videos:
            raise ValueError(
                f'contrast is between two clips of each video (num_clips=2), got {len(embedding)} '
                f'clips of {len(data_samples or ())} videos'
            )
        first, second = self.projector(embedding).unflatten(0, (videos, 2)).unbind(1)
        own = torch.arange(videos, device=embedding.device)
        batch = batch or GlobalBatch(videos, embedding.device)
        losses, found = zip(
            *(
                contrast_over_processes(self.criterion, queries, candidates, own, batch)
                for queries, candidates in ((first, second), (second, first))
            ),
            strict=True,
        )
        return {
            'loss_contrast': self.loss_weight * torch.stack(losses).mean(),
            'top1_contrast': torch.stack(found).mean(),
        }
