"""Co-training of two streams, each guided by the other."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import StreamTensors
from ssvrl_mm.models.heads.mvcgc_head import MVCGCHead
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class CoCLRHead(MVCGCHead):
    """Self-supervised co-training, the baseline that MVCGC is compared with.

    `CoCLR <https://arxiv.org/abs/2010.09709>`_: each stream is contrasted with itself, and its
    positives are the ``k`` nearest queue entries in the *other* stream alone. Stages: ``'init'``,
    both streams with InfoNCE; then one named after each stream, which trains that stream while
    the other only guides. The recognizer's table of stages lets them take turns.

    The released code differs from the paper: ``own_key_p=0.1``, ``fixed_guide=True``,
    ``sibling_positives=True``, and a :class:`~ssvrl_mm.engine.hooks.RestartStagesHook`.

    Args:
        projector: Config of the projection for both streams, or stream -> config.
        criterion: Config of the loss.
        streams: Names of the two streams.
        own_key_p: How often a query's own key is among its positives where there are others: the
            probability, drawn once for the global batch of an iteration. After InfoNCE it is so
            near that the others count for little. It always stays in the denominator.
        fixed_guide: Whether the guide's keys come from its trained network, in evaluation, and not
            from the momentum copy.
        **kwargs: See :class:`MVCGCHead`; ``mining='none'`` switches the guidance off, the
            other two modes are the same here, where a single stream proposes.

    Raises:
        ValueError: for an ``own_key_p`` outside [0, 1].

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
        own_key_p: float = 1.0,
        fixed_guide: bool = False,
        **kwargs: Any,
    ) -> None:
        if not 0 <= own_key_p <= 1:
            raise ValueError(f'own_key_p must lie in [0, 1], got {own_key_p}')
        self.stages = ('init', *streams)
        super().__init__(projector, criterion, streams, **kwargs)
        self.own_key_p = own_key_p
        self.fixed_guide = fixed_guide

    def trained_streams(self, stage: str) -> tuple[str, ...]:
        """Both streams in ``'init'``, afterwards the one the stage is named after."""
        return self.streams if stage == 'init' else (stage,)

    def fixed_streams(self, stage: str) -> tuple[str, ...]:
        """With ``fixed_guide`` the stream that guides, which rests."""
        return self._guides(stage) if self.fixed_guide else ()

    def loss_by_embedding(
        self,
        queries: StreamTensors,
        keys: StreamTensors,
        video_ids: Tensor,
        stage: str,
        batch: GlobalBatch,
    ) -> StreamTensors:
        """InfoNCE per stream, or with positives that the other stream mined."""
        if stage == 'init':
            return super().loss_by_embedding(queries, keys, video_ids, stage, batch)
        positives = self.find_positives(keys, video_ids, self._guides(stage))
        usable = self.queue.usable(video_ids)
        own = self._own_positive(positives, batch)
        losses = self._contrast({stage: stage}, queries, keys, usable, batch, positives, own)
        losses['num_positives'] = positives.sum(dim=1).float().mean()
        return losses

    def _guides(self, stage: str) -> tuple[str, ...]:
        return tuple(set(self.streams) - set(self.trained_streams(stage)))

    def _own_positive(self, positives: Tensor, batch: GlobalBatch) -> Tensor | None:
        """(N,) bool, the queries whose own key is a positive this time; None: all of them."""
        if self.own_key_p == 1:
            return None
        return ~positives.any(dim=1) | (batch.draw() < self.own_key_p)
