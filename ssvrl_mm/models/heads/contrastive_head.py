"""What the contrastive heads share: projections, momentum projections, queue, protocol."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssvrl_mm.models.heads.pretext_head import PretextHead, StreamTensors
from ssvrl_mm.models.utils.features import Features, pool_features
from ssvrl_mm.models.utils.freezing import evaluating
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.key_queue import KeyQueue, recording_ids
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor
from ssvrl_mm.registry import MODELS


class Embedded(NamedTuple):
    """A batch as the head contrasts it; see :meth:`ContrastiveHead.loss_by_embedding`."""

    queries: StreamTensors
    keys: StreamTensors
    video_ids: Tensor
    stage: str
    batch: GlobalBatch


class ContrastiveHead(PretextHead):
    """Base of heads that contrast queries with momentum keys and a queue.

    mmaction2's head protocol: :meth:`loss` and :meth:`predict`. A subclass says in
    :meth:`loss_by_embedding` what is contrasted with what; one that also looks at the features
    place by place finds the queries' maps in the ``feats`` of :meth:`loss`.

    In a recognizer of this package the keys come from a momentum copy of the backbone and are
    given as ``key_feats``. In a plain mmaction2 ``Recognizer3D`` they are not: the features then
    hold ``num_clips`` consecutive clips per video, the first is the query, and the second -
    without gradient, through the momentum projection - the key. A head of several streams needs a
    backbone there that gives features by stream, a
    :class:`~ssvrl_mm.models.backbones.StackedStreamsBackbone`; ``stage`` says which stage the run
    trains.

    Args:
        streams: Names of the streams, e.g. ``('rgb', 'motion')``.
        projector: Config of a projection with the attribute ``out_channels``, for all streams, or
            stream -> config.
        criterion: Config of the loss, an :class:`~ssvrl_mm.models.losses.InfoNCELoss`; it has the
            temperature.
        queue_length: Number of keys K to remember.
        momentum: m of the key projections (and of the key backbones of our recognizers), or
            the keyword arguments of :class:`~ssvrl_mm.models.utils.MomentumEncoder`.
        similarity: Config of what compares embeddings, see
            :class:`~ssvrl_mm.models.utils.DotProduct`; None: that one, the cosine.
        stage: Which of :attr:`stages` to compute where :meth:`loss` is not told, as in a plain
            ``Recognizer3D``. None: the only one; of several, :meth:`loss` has to be told.
        num_clips: Clips per video when no ``key_feats`` are given; at least 2.
        age_decay: Factor by which the keys of the queue shrink with every batch, that with which
            they came included, where losses compare them: so do their dot products. Of dot products
            alone. None: they do not.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for ``num_clips`` below 2, an unknown ``stage``, or an ``age_decay`` outside
            (0, 1] or of another similarity.
    """

    #: What :meth:`loss` can be asked for.
    stages: tuple[str, ...] = ('init',)

    def __init__(
        self,
        streams: Sequence[str],
        projector: Mapping[str, Any],
        criterion: Mapping[str, Any],
        queue_length: int = 2048,
        momentum: float | Mapping[str, Any] = 0.999,
        similarity: Mapping[str, Any] | None = None,
        stage: str | None = None,
        num_clips: int = 2,
        age_decay: float | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(streams, init_cfg)
        if num_clips < 2:
            raise ValueError(f'a query and a key need num_clips >= 2, got {num_clips}')
        if age_decay is not None and not 0 < age_decay <= 1:
            raise ValueError(f'age_decay must lie in (0, 1], got {age_decay}')
        if age_decay is not None and (similarity or {}).get('type', 'DotProduct') != 'DotProduct':
            raise ValueError(
                f'age_decay shortens keys, which dot products tell alone: not with {similarity}'
            )
        self.age_decay = age_decay
        self.num_clips = num_clips
        self.stage = stage if stage is None else self._checked_stage(stage)
        self.momentum_cfg = dict(
            momentum if isinstance(momentum, Mapping) else {'momentum': momentum}
        )
        configs = {s: projector if 'type' in projector else projector[s] for s in self.streams}
        projectors = {s: MODELS.build(configs[s]) for s in self.streams}
        encoders = {s: MomentumEncoder(p, **self.momentum_cfg) for s, p in projectors.items()}
        self.projector = nn.ModuleDict(projectors)
        self.key_projector = nn.ModuleDict(encoders)
        dims = {s: p.out_channels for s, p in projectors.items()}
        self.queue = KeyQueue(queue_length, dims, track_age=age_decay is not None)
        self.similarity = MODELS.build(similarity or dict(type='DotProduct'))
        self.criterion = MODELS.build({**criterion, 'reduction': 'none'})
        self.spread = SpreadMonitor()

    def trained_streams(self, stage: str) -> tuple[str, ...]:
        """The streams whose queries a stage needs; by default all of them."""
        return self.streams

    def fixed_streams(self, stage: str) -> tuple[str, ...]:
        """The streams that rest in a stage and whose trained networks themselves make the keys.

        In evaluation, without their momentum copies; by default none.
        """
        return ()

    def restart(self) -> None:
        """Forgets the keys, and has the momentum projections start from exact copies anew."""
        self.queue.clear()
        for stream in self.streams:
            encoder: Any = self.key_projector[stream]
            encoder.restart()

    @abstractmethod
    def loss_by_embedding(
        self,
        queries: StreamTensors,
        keys: StreamTensors,
        video_ids: Tensor,
        stage: str,
        batch: GlobalBatch,
    ) -> StreamTensors:
        """The losses of one batch; nothing is enqueued yet.

        Args:
            queries: Stream -> (N, C), normalised, at least of the trained streams.
            keys: Stream -> (N, C), normalised, without gradient, of all streams.
            video_ids: (N,) int, the same for clips of one recording, -1 where unknown.
            stage: One of :attr:`stages`.
            batch: The batches of all processes.

        Returns:
            ``loss_<stream>`` and further scalars to log.
        """

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        key_feats: Features | None = None,
        stage: str | None = None,
        batch: GlobalBatch | None = None,
        **kwargs: Any,
    ) -> StreamTensors:
        """Computes the losses, then puts the keys into the queue.

        Args:
            feats: Features of the queries, (N, D, ...) or several maps of which the last counts,
                or stream -> features. Without ``key_feats``: (N * num_clips, D, ...), the clips
                of a video side by side.
            data_samples: N samples; from their ``recording_id``, or else ``video_id``, or else
                ``filename``, keys of the same recording are known and are no negatives.
            key_feats: Features of the keys, laid out like ``feats``.
            stage: One of :attr:`stages`; None: see the class.
            batch: What the step knows of the batches of all processes; None: it is found out.
            **kwargs: Ignored (``Recognizer3D`` passes ``loss_aux``).

        Returns:
            ``loss_<stream>`` (summed up for the backward pass; averaged over processes, the mean
            over the global batch, however it is split), and to be logged:
            ``top1_<stream>``, the share of queries whose nearest key is a positive,
            ``num_positives``, the positives per query besides its own key (heads that mine),
            ``queue_fill`` in [0, 1], and, every so many steps anew, ``effective_rank_<stream>``
            and ``mean_cosine_<stream>`` of the queue's keys, see
            :class:`~ssvrl_mm.models.utils.SpreadMonitor`.

        Raises:
            ValueError: An unknown stage, or none where there are several.
            KeyError: Features of a stream are missing.
        """
        embedded = self._embed_batch(feats, data_samples, key_feats, stage, batch)
        return self._remember(embedded, self.loss_by_embedding(*embedded))

    def forward(self, feats: Features, **kwargs: Any) -> StreamTensors:
        """The normalised embeddings, stream -> (N, C)."""
        pooled = self._pooled(feats)
        return {stream: self._embed(self.projector[stream], pooled[stream]) for stream in pooled}

    def _embed_batch(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        key_feats: Features | None,
        stage: str | None,
        batch: GlobalBatch | None,
    ) -> Embedded:
        """Moves the momentum projections on and embeds; see :meth:`loss` for the arguments."""
        stage = self._checked_stage(stage or self.stage)
        query_feats = self._pooled(feats)
        if key_feats is None:
            self._check_streams(query_feats)
            query_feats, pooled_keys = self._split_clips(query_feats, len(data_samples))
        else:
            pooled_keys = self._pooled(key_feats)
        # Keys first: the copies start from what the projections were before this batch.
        keys = self._embed_keys(pooled_keys, self.fixed_streams(stage))
        queries = {s: self._embed(self.projector[s], query_feats[s]) for s in query_feats}
        device = next(iter(keys.values())).device
        # Made on the host and sent without waiting.
        video_ids = torch.tensor(recording_ids(data_samples)).to(device, non_blocking=True)
        batch = batch or GlobalBatch(len(video_ids), device)
        return Embedded(queries, keys, video_ids, stage, batch)

    def _remember(self, embedded: Embedded, losses: StreamTensors) -> StreamTensors:
        """Puts the keys into the queue, and adds what is logged of it to the losses."""
        losses['queue_fill'] = self.queue.fill / self.queue.length
        self.queue.enqueue(embedded.keys, embedded.video_ids, embedded.batch)
        losses.update(self.spread(self._remembered))
        return losses

    def _remembered(self) -> StreamTensors:
        """The keys that the queue holds, stream -> (fill, C)."""
        fill = self.queue.count('fill')
        return {stream: self.queue[stream][:fill] for stream in self.streams}

    def _contrast(
        self,
        pairs: Mapping[str, str],
        queries: StreamTensors,
        keys: StreamTensors,
        usable: Tensor,
        batch: GlobalBatch,
        positives: Tensor | None = None,
        own_positive: Tensor | None = None,
    ) -> StreamTensors:
        """Loss and accuracy of each pair (stream of the queries -> stream of the keys).

        ``usable`` and ``positives`` are (N, K) marks of the queue's entries, ``own_positive`` (N,)
        of the queries whose own key is a positive of the loss, by default all of them: others
        have it in the denominator alone, and need a positive in the queue.
        """
        losses = {}
        for stream, other in pairs.items():
            losses[f'loss_{stream}'], losses[f'top1_{stream}'] = self._contrast_one(
                queries[stream],
                keys[other],
                self._memory(other),
                usable,
                batch,
                positives,
                own_positive,
            )
        return losses

    def _contrast_one(
        self,
        query: Tensor,
        key: Tensor,
        memory: Tensor,
        usable: Tensor,
        batch: GlobalBatch,
        positives: Tensor | None = None,
        own_positive: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Loss and accuracy of (N, C) queries with their keys (N, C) and a memory (K, C)."""
        mined = torch.zeros_like(usable) if positives is None else positives
        own = usable.new_ones(len(usable), 1)
        is_positive, counts = (torch.cat([own, marks], dim=1) for marks in (mined, usable | mined))
        wanted = is_positive
        if own_positive is not None:
            wanted = torch.cat([own_positive[:, None], mined], dim=1)
        # Column 0 is a query's own key, the others are the queue.
        similarities = self._compare(query, key, memory)
        loss = batch.mean(self.criterion(similarities, wanted, counts))
        return loss, _share_found(similarities.detach(), is_positive, counts)

    def _memory(self, stream: str) -> Tensor:
        """(K, C) keys of the queue as queries meet them, the older the shorter with decay."""
        memory, ages = self.queue[stream], self.queue.ages
        if self.age_decay is None or ages is None:
            return memory
        exponents = math.log(self.age_decay) * (ages + 1).to(memory.dtype)
        return memory * exponents.exp()[:, None]

    def _compare(self, query: Tensor, key: Tensor, memory: Tensor) -> Tensor:
        """(N, 1 + K) similarities of queries with their own keys and with the memory."""
        with without_autocast(query):
            query, key, memory = full_precision(query, key, memory)
            own = self.similarity(query[:, None], key[:, None])[:, 0]
            return torch.cat([own, self.similarity(query, memory)], dim=1)

    def _embed(self, projector: nn.Module, feats: Tensor) -> Tensor:
        """(N, C) unit vectors in at least float32."""
        return F.normalize(full_precision(projector(feats))[0], dim=1)

    @torch.no_grad()
    def _embed_keys(
        self, key_feats: Mapping[str, Tensor], fixed: Sequence[str] = ()
    ) -> StreamTensors:
        """Moves the momentum projections on, then embeds the keys of all streams.

        Those of the ``fixed`` streams come from the projections themselves.
        """
        if set(key_feats) != set(self.streams):
            raise KeyError(f'keys of {self.streams} are needed, got {tuple(key_feats)}')
        keys = {}
        for stream in self.streams:
            projector, feats = self.projector[stream], key_feats[stream].detach()
            if stream in fixed:
                with evaluating(projector):
                    keys[stream] = self._embed(projector, feats)
                continue
            encoder: Any = self.key_projector[stream]
            encoder.follow(projector)
            keys[stream] = self._embed(encoder, feats)
        return keys

    def _pooled(self, feats: Features) -> StreamTensors:
        """Stream -> (N, D); bare features belong to the first stream."""
        maps = self.by_stream(feats)
        unknown = set(maps) - set(self.streams)
        if unknown:
            raise KeyError(f'streams {sorted(unknown)} are not among {self.streams}')
        return {stream: pool_features(features) for stream, features in maps.items()}

    def _check_streams(self, feats: StreamTensors) -> None:
        """Features of all streams are there; those of a plain backbone are one stream's."""
        if set(feats) != set(self.streams):
            raise KeyError(
                f'{type(self).__name__} needs features of {self.streams}, got those of '
                f'{tuple(feats)}: in a Recognizer3D a StackedStreamsBackbone gives them by stream'
            )

    def _split_clips(
        self, feats: StreamTensors, num_samples: int
    ) -> tuple[StreamTensors, StreamTensors]:
        """Separates query and key clips that lie side by side."""
        for stream, rows in feats.items():
            if len(rows) != num_samples * self.num_clips:
                raise ValueError(
                    f'{stream}: {num_samples} samples with {self.num_clips} clips each need '
                    f'{num_samples * self.num_clips} clips, got {len(rows)}'
                )
        split = {s: rows.unflatten(0, (num_samples, self.num_clips)) for s, rows in feats.items()}
        return {s: x[:, 0] for s, x in split.items()}, {s: x[:, 1] for s, x in split.items()}

    def _checked_stage(self, stage: str | None) -> str:
        if stage is None and len(self.stages) == 1:
            return self.stages[0]
        if stage not in self.stages:
            raise ValueError(
                f'{type(self).__name__}: stage must be one of {self.stages}, got {stage!r}'
            )
        return stage


def _share_found(similarities: Tensor, positives: Tensor, counted: Tensor) -> Tensor:
    """The share of queries that no negative that counts is nearer to than the best positive."""
    best_positive = similarities.masked_fill(~positives, -torch.inf).amax(dim=1)
    best_negative = similarities.masked_fill(positives | ~counted, -torch.inf).amax(dim=1)
    return (best_positive >= best_negative).to(similarities.dtype).mean()
