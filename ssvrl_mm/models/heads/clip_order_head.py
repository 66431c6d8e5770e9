"""In which order several clips of a video come: the pretext task of VCOP."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.heads.order_head import OrderHead
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ClipOrderHead(OrderHead):
    """Which of the n! orders n clips of a video come in, from their features in pairs.

    Video clip order prediction (VCOP): Xu et al., "Self-Supervised Spatiotemporal Learning via
    Video Clip Order Prediction", CVPR 2019. The features of every two clips, (1, 2), (1, 3), (2, 3)
    of three, lie side by side and pass one linear layer that all pairs share, and ReLU; what comes
    of all pairs lies side by side and passes dropout and a linear layer of n! classes.

    In a plain mmaction2 ``Recognizer3D``: ``cls_head=dict(type='ssvrl_mm.ClipOrderHead', ...)``
    with :class:`~ssvrl_mm.datasets.transforms.SampleClipTuples` in the pipeline and
    ``dict(type='PackActionInputs', algorithm_keys=('clip_order',), meta_keys=('filename',))``
    at its end.

    Args:
        in_channels: Channels of the features.
        num_clips: n.
        hidden_channels: Width of a pair's layer.
        dropout: Probability of dropout.
        loss_weight: Multiplies the loss.
        stream: Name of the stream whose features the head takes.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: ``num_clips`` outside 2 to 8, widths below 1, or ``dropout`` outside [0, 1].

    Example:
        >>> head = ClipOrderHead(512, num_clips=3)
        >>> head(torch.rand(6, 512, 2, 7, 7)).shape
        torch.Size([2, 6])
        >>> sorted(head.loss(torch.rand(6, 512, 2, 7, 7), data_samples))
        ['loss_clip_order', 'top1_clip_order']
    """

    loss_name = 'clip_order'
    label_key = 'clip_order'
    parts_name = 'num_clips'
    sampler = 'SampleClipTuples'

    def __init__(
        self,
        in_channels: int = 512,
        num_clips: int = 3,
        hidden_channels: int = 512,
        dropout: float = 0.5,
        loss_weight: float = 1.0,
        stream: str = 'rgb',
        init_cfg: Any = None,
    ) -> None:
        super().__init__(
            in_channels, num_clips, loss_weight=loss_weight, stream=stream, init_cfg=init_cfg
        )
        if hidden_channels < 1:
            raise ValueError(f'hidden_channels must be at least 1, got {hidden_channels}')
        self.pairs = tuple(combinations(range(num_clips), 2))
        self.pair_fc = nn.Linear(2 * in_channels, hidden_channels)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(len(self.pairs) * hidden_channels, self.num_orders)

    def outputs(self, embedding: Tensor) -> Tensor:
        """(M / n, n!) logits of M clips, the n of a video side by side.

        Raises:
            ValueError: for clips that are not n of each video.
        """
        if len(embedding) % self.num_parts:
            raise ValueError(self._wrong_clips(len(embedding)))
        clips = embedding.unflatten(0, (-1, self.num_parts))
        pairs = torch.stack([torch.cat([clips[:, i], clips[:, j]], 1) for i, j in self.pairs], 1)
        return self.fc(self.dropout(self.relu(self.pair_fc(pairs)).flatten(1)))

    def orders(
        self, data_samples: Sequence[Any] | None, logits: Tensor, unlabelled: bool = False
    ) -> Tensor:
        """The right classes, one of each video."""
        if data_samples and len(logits) != len(data_samples):
            clips = len(logits) * self.num_parts
            raise ValueError(self._wrong_clips(clips, f' of {len(data_samples)} videos'))
        return super().orders(data_samples, logits, unlabelled)

    def _wrong_clips(self, clips: int, videos: str = '') -> str:
        return (
            f'ClipOrderHead(num_clips={self.num_parts}) takes {self.num_parts} clips of every '
            f'video, got {clips}{videos}: let the pipeline sample them with '
            f"dict(type='{self.sampler}', num_clips={self.num_parts})"
        )
