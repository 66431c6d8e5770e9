"""Correspondence type prediction: how motion and residuals go with the I-frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.models.heads.pretext_classification_head import PretextClassificationHead
from ssvrl_mm.models.utils.correspondence import TYPES
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class CTPHead(PretextClassificationHead):
    """Correspondence type prediction (CTP), Eq. (5) of IMRNet.

    Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR 2021: a
    two-layer perceptron on the pooled features of all streams tells whether motion and residuals
    belong to the I-frames as they should, or come from another video, or in another order. The
    types are made by :class:`~ssvrl_mm.models.utils.correspondence.Correspondence`, before the
    network.

    Args:
        channels: Stream -> channels of its maps.
        num_types: 4 types, or the first 2 of them (the paper's binary variant).
        hidden_channels: Width of the hidden layer; None: that of the features.
        loss_weight: Multiplies the loss: lambda.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.
        num_gops: See :class:`PretextClassificationHead`.

    Raises:
        ValueError: Neither 2 nor 4 types.

    Example:
        >>> head = CTPHead(dict(iframe=512, motion=32))
        >>> feats = dict(iframe=torch.rand(2, 512, 5, 7, 7), motion=torch.rand(2, 32, 25, 7, 7))
        >>> sorted(head.loss(feats, data_samples, types=torch.tensor([0, 2])))
        ['balanced_ctp', 'chance_ctp', 'loss_ctp', 'top1_ctp', 'top1_ctp_aligned',
         'top1_ctp_shuffle']
    """

    needs_types = True

    def __init__(
        self,
        channels: Mapping[str, int],
        num_types: int = 4,
        hidden_channels: int | None = None,
        loss_weight: float = 1.0,
        init_cfg: Any = None,
        num_gops: int | None = None,
    ) -> None:
        if num_types not in (2, len(TYPES)):
            raise ValueError(f'num_types must be 2 or {len(TYPES)}, got {num_types}')
        super().__init__(
            num_types, channels, 'ctp', hidden_channels, loss_weight, init_cfg, num_gops
        )

    def loss(  # type: ignore[override]
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        weights: Tensor | None = None,
        *,
        types: Tensor,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Stream -> (M, C, ...) maps; M is a multiple of the N videos.
            data_samples: N samples.
            batch: What the step knows of the batches of all processes; None: it is found out.
            weights: (M,) weights of the rows, on average 1. None: all alike.
            types: (M,) int, the type of each row; on the CPU, so that nothing waits for the device.
            **kwargs: Ignored.

        Returns:
            ``loss_ctp``, the weighted mean cross-entropy over all processes times ``loss_weight``;
            and, of this process, to be logged: ``top1_ctp``, ``top1_ctp_<type>`` of every type
            that is in the batch, their mean ``balanced_ctp``, and ``chance_ctp``, the ``top1_ctp``
            of who always names the type that is most frequent in the batch.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for features of other channels, as many types or weights as there are not
                rows, or types that the head does not know.
        """
        embedding = self.embed(feats)
        count, known = len(embedding), self.num_classes
        named = types.tolist()
        if len(named) != count or not {*named} <= {*range(known)}:
            raise ValueError(f'{count} rows need as many types within 0..{known - 1}, got {named}')
        if weights is not None and tuple(weights.shape) != (count,):
            raise ValueError(f'{count} rows need as many weights, got {tuple(weights.shape)}')
        types = types.cpu()
        labels = types.to(embedding.device, non_blocking=True)
        logits = self.logits(embedding)
        losses = F.cross_entropy(logits, labels, reduction='none')
        if weights is not None:
            losses = losses * weights.to(losses, non_blocking=True)
        batch = batch or GlobalBatch(len(data_samples or types), embedding.device)
        right = (logits.argmax(dim=1) == labels).to(losses)
        return {
            'loss_ctp': self.loss_weight * batch.mean(losses),
            **_accuracies(right, types, known),
        }


def _accuracies(right: Tensor, types: Tensor, num_types: int) -> dict[str, Tensor]:
    """What is logged; (M,) rows that are right on any device, types on the CPU."""
    members = (types[:, None] == torch.arange(num_types)).to(right.dtype)
    counts = members.sum(dim=0)
    # Which types there are, the host knows: it need not ask the device.
    present = [number for number, count in enumerate(counts.tolist()) if count]
    shares = (members / counts.clamp(min=1)).to(right.device, non_blocking=True)
    per_type = (right[:, None] * shares).sum(dim=0)
    return {
        'top1_ctp': right.mean(),
        **{f'top1_ctp_{TYPES[number]}': per_type[number] for number in present},
        'balanced_ctp': per_type.sum() / len(present),
        'chance_ctp': (counts.max() / len(types)).to(torch.float64),
    }
