"""Clips of RGB and flow contrasted within and between the two, and time by time."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead, Embedded, StreamTensors
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS

GROUPS = ('intra', 'inter', 'local')
#: The name of augmented flow beside those of the streams.
AUGMENTED = 'augmented'


@MODELS.register_module()
class MSCLHead(ContrastiveHead):
    """Motion Sensitive Contrastive Learning (MSCL) of an RGB and a flow stream.

    Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video Representation",
    ECCV 2022. Three groups of terms, whose weighted sum is Eq. (7):

    - ``intra``, Eq. (3), ``loss_rgb`` and ``loss_flow``: a query finds the key of its own stream
      among its memory.
    - ``inter``, Eq. (4), ``loss_rgb_flow`` and ``loss_flow_rgb``: a query of RGB finds the key of
      flow among the memory of flow, and the other way round.
    - ``local``, ``loss_local``: see :class:`~ssvrl_mm.models.heads.LocalMotionContrast`; its weight
      is the paper's lambda.

    Each term has an accuracy ``top1_*``. The released code contrasts rotated flow like the flow
    itself: given keys of it, ``loss_augmented``, ``loss_rgb_augmented`` and ``loss_augmented_rgb``
    join, with the weights of their groups. Negatives are the memories as they are; keys of
    augmented flow are never remembered.

    MoDist (`arXiv:2106.09703 <https://arxiv.org/abs/2106.09703>`_) is ``same_modality=False``
    without ``local``.

    Args:
        projector: Config of the projection for both streams, or stream -> config.
        criterion: Config of the loss, of the local one too.
        streams: The names of the RGB and of the flow stream, in this order.
        same_modality: Whether the negatives of inter-modality terms are of the stream of their
            positive, as in Eq. (4), or of the stream of their query, as in MoDist.
        weights: Group -> weight, by default 1; a group of weight 0 is not computed.
        local: Config of a :class:`~ssvrl_mm.models.heads.LocalMotionContrast`; its criterion and
            similarity are this head's unless given. None: no local term.
        **kwargs: See :class:`ContrastiveHead`; released: ``age_decay=0.99999`` and
            ``momentum=dict(momentum=0.994, total_steps=...)``.

    Raises:
        ValueError: for streams that are not two, a group that there is not, a negative weight,
            weights that leave nothing to learn, or ``same_modality`` of terms of weight 0.

    Example:
        >>> head = MSCLHead(
        ...     projector=dict(rgb=dict(type='ProjectionHead', in_channels=512),
        ...                    flow=dict(type='ProjectionHead', in_channels=64)),
        ...     criterion=dict(type='InfoNCELoss', temperature=0.07), queue_length=65536,
        ...     local=dict(type='LocalMotionContrast', projections=dict(
        ...         flow=dict(type='Conv1d', in_channels=64, out_channels=128, kernel_size=1))))
    """

    def __init__(
        self,
        projector: Mapping[str, Any],
        criterion: Mapping[str, Any],
        streams: Sequence[str] = ('rgb', 'flow'),
        same_modality: bool = True,
        weights: Mapping[str, float] | None = None,
        local: Mapping[str, Any] | None = None,
        similarity: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(streams, projector, criterion, similarity=similarity, **kwargs)
        if len(self.streams) != 2:
            raise ValueError(f'MSCL contrasts an RGB and a flow stream, got {self.streams}')
        self.same_modality = same_modality
        self.weights = _checked_weights(weights or {}, local is not None)
        if not (same_modality or self.weights['inter']):
            raise ValueError('same_modality=False changes inter, whose weight is 0')
        self.local = None
        if local is not None and self.weights['local']:
            shared = dict(criterion=criterion, similarity=similarity)
            self.local = MODELS.build({**shared, **local})

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        key_feats: Features | None = None,
        stage: str | None = None,
        batch: GlobalBatch | None = None,
        local_feats: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> StreamTensors:
        """Computes the losses, then puts the keys into the queue.

        Args:
            feats: See :class:`ContrastiveHead`, like the next ones.
            data_samples: N samples.
            key_feats: Likewise; besides those of the streams there may be ``'augmented'``, features
                (N, D) of augmented flow of the keys, by the flow's momentum backbone.
            stage: Likewise.
            batch: Likewise.
            local_feats: With ``local``, of the queries: each stream -> (N, C, T), pooled over
                space; and, where flow is augmented, ``'augmented'`` -> a list of such features of
                the flow stream, one per augmentation.
            **kwargs: Ignored.

        Returns:
            The terms that the class describes, times their weights; and what
            :class:`ContrastiveHead` logs.

        Raises:
            ValueError: ``local`` without ``local_feats``, as in a plain ``Recognizer3D``; or keys
                of augmented flow without queries.
        """
        local_feats = local_feats or {}
        augmented_keys = None
        if isinstance(key_feats, Mapping) and AUGMENTED in key_feats:
            augmented_keys = key_feats[AUGMENTED]
            key_feats = {s: x for s, x in key_feats.items() if s != AUGMENTED}
        embedded = self._embed_batch(feats, data_samples, key_feats, stage, batch)
        if augmented_keys is not None:
            embedded = self._with_augmented(embedded, local_feats, augmented_keys)
        losses = self.loss_by_embedding(*embedded)
        if self.local is not None:
            if not set(self.streams) <= set(local_feats):
                raise ValueError(
                    f'the local term needs local_feats of {self.streams}, got '
                    f'{tuple(local_feats)}: an MSCLRecognizer gives them'
                )
            rgb, flow = (local_feats[stream] for stream in self.streams)
            loss, shares = self.local.loss(
                rgb, flow, local_feats.get(AUGMENTED, ()), embedded.batch
            )
            losses.update({'loss_local': self.weights['local'] * loss, **shares})
        own = {s: embedded.keys[s] for s in self.streams}
        return self._remember(embedded._replace(keys=own), losses)

    def loss_by_embedding(
        self,
        queries: StreamTensors,
        keys: StreamTensors,
        video_ids: Tensor,
        stage: str,
        batch: GlobalBatch,
    ) -> StreamTensors:
        """Eqs. (3) and (4); see the base class for the arguments."""
        usable = self.queue.usable(video_ids)
        memories = {stream: self._memory(stream) for stream in self.streams}
        losses = {}
        for name, (group, query, key) in self._terms(AUGMENTED in keys).items():
            if not self.weights[group]:
                continue
            modality = self._modality(key if self.same_modality else query)
            loss, share = self._contrast_one(
                queries[query], keys[key], memories[modality], usable, batch
            )
            losses.update({f'loss_{name}': self.weights[group] * loss, f'top1_{name}': share})
        return losses

    def _terms(self, augmented: bool) -> dict[str, tuple[str, str, str]]:
        """Name -> group, and what gives the queries and the keys."""
        rgb, flow = self.streams
        flows = (flow, AUGMENTED) if augmented else (flow,)
        terms = {stream: ('intra', stream, stream) for stream in (rgb, *flows)}
        for other in flows:
            terms[f'{rgb}_{other}'] = ('inter', rgb, other)
            terms[f'{other}_{rgb}'] = ('inter', other, rgb)
        return terms

    def _modality(self, name: str) -> str:
        return self.streams[1] if name == AUGMENTED else name

    def _with_augmented(
        self, embedded: Embedded, local_feats: Mapping[str, Any], keys: Tensor
    ) -> Embedded:
        """Queries and keys of augmented flow join, embedded as flow."""
        flow = self.streams[1]
        if len(local_feats.get(AUGMENTED, ())) != 1:
            raise ValueError('keys of augmented flow need queries of one augmentation')
        # What was pooled over space is pooled over time, which gives the mean over both.
        (query,) = local_feats[AUGMENTED]
        query = self._embed(self.projector[flow], query.mean(dim=2))
        key = self._embed(self.key_projector[flow], keys)
        return embedded._replace(
            queries={**embedded.queries, AUGMENTED: query}, keys={**embedded.keys, AUGMENTED: key}
        )


def _checked_weights(weights: Mapping[str, float], has_local: bool) -> dict[str, float]:
    """All groups, those that are not given with weight 1."""
    unknown = set(weights) - set(GROUPS)
    if unknown:
        raise ValueError(f'weights are of {GROUPS}, got {sorted(unknown)}')
    complete = {group: float(weights.get(group, 1)) for group in GROUPS}
    if min(complete.values()) < 0:
        raise ValueError(f'weights must not be negative, got {complete}')
    if not (complete['intra'] or complete['inter'] or (has_local and complete['local'])):
        raise ValueError(f'nothing to learn: weights {complete}, local is {has_local}')
    return complete
