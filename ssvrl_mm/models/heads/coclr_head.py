"""Co-training of two streams, each guided by the other."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import StreamTensors
from ssvrl_mm.models.heads.mvcgc_head import MVCGCHead
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class CoCLRHead(MVCGCHead):
    """Self-supervised co-training, the baseline that MVCGC is compared with.

    `CoCLR <https://arxiv.org/abs/2010.09709>`_: each stream is contrasted with itself, and its
    positives are the ``k`` nearest queue entries in the *other* stream alone. Stages: ``'init'``,
    both streams with InfoNCE; then one named after each stream, which trains that stream while
    the other only guides. The recognizer's table of stages lets them take turns.

    Args:
        projector: Config of the projection for both streams, or stream -> config.
        criterion: Config of the loss.
        streams: Names of the two streams.
        **kwargs: See :class:`MVCGCHead`; ``mining='none'`` switches the guidance off, the
            other two modes are the same here, where a single stream proposes.

    Example:
        >>> head = CoCLRHead(projector=dict(type='ProjectionHead', in_channels=1024),
        ...                  criterion=dict(type='InfoNCELoss', temperature=0.07))
        >>> losses = head.loss({'rgb': z_r}, data_samples,
        ...                    key_feats={'rgb': k_r, 'motion': k_m}, stage='rgb')
    """

    def __init__(
        self,
        projector: Mapping[str, Any],
        criterion: Mapping[str, Any],
        streams: Sequence[str] = ('rgb', 'motion'),
        **kwargs: Any,
    ) -> None:
        self.stages = ('init', *streams)
        super().__init__(projector, criterion, streams, **kwargs)

    def trained_streams(self, stage: str) -> tuple[str, ...]:
        """Both streams in ``'init'``, afterwards the one the stage is named after."""
        return self.streams if stage == 'init' else (stage,)

    def loss_by_embedding(
        self, queries: StreamTensors, keys: StreamTensors, video_ids: Tensor, stage: str
    ) -> StreamTensors:
        """InfoNCE per stream, or with positives that the other stream mined."""
        if stage == 'init':
            return super().loss_by_embedding(queries, keys, video_ids, stage)
        (guide,) = set(self.streams) - {stage}
        positives = self.find_positives(keys, video_ids, (guide,))
        usable = self.queue.usable(video_ids)
        losses = self._contrast({stage: stage}, queries, keys, usable, positives)
        losses['num_positives'] = positives.sum(dim=1).float().mean()
        return losses
