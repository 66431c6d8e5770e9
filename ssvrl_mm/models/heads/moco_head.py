"""Contrast of one stream with its own past."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead, StreamTensors
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MoCoHead(ContrastiveHead):
    """Momentum contrast of one stream.

    `MoCo <https://arxiv.org/abs/1911.05722>`_ on video: two clips of a video are query and key, a
    queue holds the negatives. The initialisation of one stream in MVCGC and CoCLR.

    Works inside mmaction2's ``Recognizer3D`` as ``cls_head=dict(type='ssvrl_mm.MoCoHead', ...)``
    with a pipeline that samples ``num_clips`` clips; keys are then made by the backbone itself
    without gradient and by the momentum projection.

    Args:
        projector: Config of the projection.
        criterion: Config of the loss.
        stream: Name of the stream, in the names of the losses too.
        **kwargs: See :class:`ContrastiveHead`.

    Example:
        >>> head = MoCoHead(projector=dict(type='ProjectionHead', in_channels=1024),
        ...                 criterion=dict(type='InfoNCELoss', temperature=0.07))
        >>> losses = head.loss(feats, data_samples, key_feats=key_feats)
        >>> sorted(losses)
        ['effective_rank_rgb', 'loss_rgb', 'mean_cosine_rgb', 'queue_fill', 'top1_rgb']
    """

    def __init__(
        self,
        projector: Mapping[str, Any],
        criterion: Mapping[str, Any],
        stream: str = 'rgb',
        **kwargs: Any,
    ) -> None:
        super().__init__((stream,), projector, criterion, **kwargs)

    def loss_by_embedding(
        self,
        queries: StreamTensors,
        keys: StreamTensors,
        video_ids: Tensor,
        stage: str,
        batch: GlobalBatch,
    ) -> StreamTensors:
        """InfoNCE of the stream; see the base class for the arguments."""
        pairs = {stream: stream for stream in self.streams}
        return self._contrast(pairs, queries, keys, self.queue.usable(video_ids), batch)
