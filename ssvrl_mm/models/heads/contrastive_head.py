"""What the contrastive heads share: projections, momentum projections, queue, protocol."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssvrl_mm.models.heads.pretext_head import PretextHead, StreamTensors
from ssvrl_mm.models.losses import MultiInstanceInfoNCELoss
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.key_queue import UNKNOWN_VIDEO, KeyQueue
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS


class ContrastiveHead(PretextHead):
    """Base of heads that contrast queries with momentum keys and a queue.

    mmaction2's head protocol: :meth:`loss` and :meth:`predict`. A subclass says in
    :meth:`loss_by_embedding` what is contrasted with what.

    In a recognizer of this package the keys come from a momentum copy of the backbone and are
    given as ``key_feats``. In a plain mmaction2 ``Recognizer3D`` they are not: the features then
    hold ``num_clips`` consecutive clips per video, the first is the query, and the second -
    without gradient, through the momentum projection - the key.

    Args:
        streams: Names of the streams, e.g. ``('rgb', 'motion')``.
        projector: Config of a projection with the attribute ``out_channels``, for all streams, or
            stream -> config.
        queue_length: Number of keys K to remember.
        temperature: tau.
        momentum: m of the key projections (and of the key backbones of our recognizers), or
            the keyword arguments of :class:`~ssvrl_mm.models.utils.MomentumEncoder`.
        num_clips: Clips per video when no ``key_feats`` are given; at least 2.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for ``num_clips`` below 2.
    """

    #: What :meth:`loss` can be asked for; the first is the default.
    stages: tuple[str, ...] = ('init',)

    def __init__(
        self,
        streams: Sequence[str],
        projector: Mapping[str, Any],
        queue_length: int = 2048,
        temperature: float = 0.07,
        momentum: float | Mapping[str, Any] = 0.999,
        num_clips: int = 2,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(streams, init_cfg)
        if num_clips < 2:
            raise ValueError(f'a query and a key need num_clips >= 2, got {num_clips}')
        self.num_clips = num_clips
        self.stage = self.stages[0]
        self.momentum_cfg = dict(
            momentum if isinstance(momentum, Mapping) else {'momentum': momentum}
        )
        configs = {s: projector if 'type' in projector else projector[s] for s in self.streams}
        projectors = {s: MODELS.build(configs[s]) for s in self.streams}
        encoders = {s: MomentumEncoder(p, **self.momentum_cfg) for s, p in projectors.items()}
        self.projector = nn.ModuleDict(projectors)
        self.key_projector = nn.ModuleDict(encoders)
        self.queue = KeyQueue(queue_length, {s: p.out_channels for s, p in projectors.items()})
        self.criterion = MultiInstanceInfoNCELoss(temperature)

    def trained_streams(self, stage: str) -> tuple[str, ...]:
        """The streams whose queries a stage needs; by default all of them."""
        self._check_stage(stage)
        return self.streams

    @abstractmethod
    def loss_by_embedding(
        self, queries: StreamTensors, keys: StreamTensors, video_ids: Tensor, stage: str
    ) -> StreamTensors:
        """The losses of one batch; nothing is enqueued yet.

        Args:
            queries: Stream -> (N, C), normalised, at least of the trained streams.
            keys: Stream -> (N, C), normalised, without gradient, of all streams.
            video_ids: (N,) int, -1 where unknown.
            stage: One of :attr:`stages`.

        Returns:
            ``loss_<stream>`` and further scalars to log.
        """

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        key_feats: Features | None = None,
        stage: str | None = None,
        **kwargs: Any,
    ) -> StreamTensors:
        """Computes the losses, then puts the keys into the queue.

        Args:
            feats: Features of the queries, (N, D, ...), or stream -> features. Without
                ``key_feats``: (N * num_clips, D, ...), the clips of a video side by side.
            data_samples: N samples; from their ``video_id``, where there is one, keys of the same
                video are known and are no negatives.
            key_feats: Features of the keys, laid out like ``feats``.
            stage: One of :attr:`stages`; None: :attr:`stage`.
            **kwargs: Ignored (``Recognizer3D`` passes ``loss_aux``).

        Returns:
            ``loss_<stream>`` (summed up for the backward pass), and to be logged:
            ``top1_<stream>``, the share of queries whose nearest key is a positive,
            ``num_positives``, the positives per query besides its own key (heads that mine), and
            ``queue_fill`` in [0, 1].
        """
        stage = self.stage if stage is None else stage
        self._check_stage(stage)
        query_maps = self._by_stream(feats)
        if key_feats is None:
            query_maps, key_maps = self._split_clips(query_maps, len(data_samples))
        else:
            key_maps = self._by_stream(key_feats)
        queries = {s: self._embed(self.projector[s], query_maps[s]) for s in query_maps}
        keys = self._embed_keys(key_maps)
        video_ids = torch.tensor(
            [int(sample.get('video_id', UNKNOWN_VIDEO)) for sample in data_samples],
            device=next(iter(keys.values())).device,
        )
        losses = self.loss_by_embedding(queries, keys, video_ids, stage)
        losses['queue_fill'] = self.queue.fill / self.queue.length
        self.queue.enqueue(keys, video_ids)
        return losses

    def forward(self, feats: Features, **kwargs: Any) -> StreamTensors:
        """The normalised embeddings, stream -> (N, C)."""
        maps = self._by_stream(feats)
        return {stream: self._embed(self.projector[stream], maps[stream]) for stream in maps}

    def _contrast(
        self,
        pairs: Mapping[str, str],
        queries: StreamTensors,
        keys: StreamTensors,
        usable: Tensor,
        positives: Tensor | None = None,
    ) -> StreamTensors:
        """Loss and accuracy of each pair (stream of the queries -> stream of the keys)."""
        losses = {}
        for stream, other in pairs.items():
            query, key, memory = queries[stream], keys[other], self.queue[other]
            losses[f'loss_{stream}'] = self.criterion(query, key, memory, positives, usable)
            losses[f'top1_{stream}'] = self._top1(query, key, memory, usable, positives)
        return losses

    @staticmethod
    @torch.no_grad()
    def _top1(
        query: Tensor, key: Tensor, memory: Tensor, usable: Tensor, positives: Tensor | None
    ) -> Tensor:
        """The share of queries that no usable negative is nearer to than the best positive."""
        with without_autocast(query):
            best_positive = (query * key).sum(dim=1)
            similarity = query @ memory.T
        negatives = usable
        if positives is not None:
            mined = similarity.masked_fill(~positives, -torch.inf).amax(dim=1)
            best_positive = torch.maximum(best_positive, mined)
            negatives = usable & ~positives
        best_negative = similarity.masked_fill(~negatives, -torch.inf).amax(dim=1)
        return (best_positive >= best_negative).to(similarity.dtype).mean()

    def _embed(self, projector: nn.Module, feats: Tensor) -> Tensor:
        """(N, C) unit vectors in at least float32."""
        return F.normalize(full_precision(projector(feats))[0], dim=1)

    @torch.no_grad()
    def _embed_keys(self, key_maps: Mapping[str, Tensor]) -> StreamTensors:
        """Moves the momentum projections on, then embeds the keys of all streams."""
        if set(key_maps) != set(self.streams):
            raise KeyError(f'keys of {self.streams} are needed, got {tuple(key_maps)}')
        keys = {}
        for stream in self.streams:
            encoder: Any = self.key_projector[stream]
            encoder.follow(self.projector[stream])
            keys[stream] = self._embed(encoder, key_maps[stream].detach())
        return keys

    def _by_stream(self, feats: Features) -> StreamTensors:
        """Stream -> feature map; a bare tensor belongs to the first stream."""
        maps = super()._by_stream(feats)
        unknown = set(maps) - set(self.streams)
        if unknown:
            raise KeyError(f'streams {sorted(unknown)} are not among {self.streams}')
        return maps

    def _split_clips(
        self, maps: StreamTensors, num_samples: int
    ) -> tuple[StreamTensors, StreamTensors]:
        """Separates query and key clips that lie side by side."""
        for stream, feats in maps.items():
            if len(feats) != num_samples * self.num_clips:
                raise ValueError(
                    f'{stream}: {num_samples} samples with {self.num_clips} clips each need '
                    f'{num_samples * self.num_clips} clips, got {len(feats)}'
                )
        split = {s: x.unflatten(0, (num_samples, self.num_clips)) for s, x in maps.items()}
        return {s: x[:, 0] for s, x in split.items()}, {s: x[:, 1] for s, x in split.items()}

    def _check_stage(self, stage: str) -> None:
        if stage not in self.stages:
            raise ValueError(f'stage must be one of {self.stages}, got {stage!r}')
