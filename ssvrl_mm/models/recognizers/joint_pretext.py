"""Pretext tasks on one network that takes all streams together."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import ModuleDict
from torch import Tensor

from ssvrl_mm.models.recognizers.pretext_answers import answer_pretext
from ssvrl_mm.models.recognizers.self_supervised import Inputs, SelfSupervisedRecognizer
from ssvrl_mm.models.utils.chunks import stream_chunks
from ssvrl_mm.models.utils.correspondence import Correspondence
from ssvrl_mm.models.utils.features import last_map, pool_features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor
from ssvrl_mm.registry import MODELS

FUSED = 'fused'


@MODELS.register_module()
class JointPretextRecognizer(SelfSupervisedRecognizer):
    """One backbone over several streams under the heads of one or several pretext tasks.

    IMRNet of Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR 2021,
    pretrained by a :class:`~ssvrl_mm.models.heads.PMSPHead` and a
    :class:`~ssvrl_mm.models.heads.CTPHead`, Eqs. (4) and (5); its baselines by a
    :class:`~ssvrl_mm.models.heads.PretextClassificationHead` or a
    :class:`~ssvrl_mm.models.heads.ClipContrastHead`. All losses, times their heads' weights, are
    summed.

    The backbone is ``backbone``, as of a
    :class:`~ssvrl_mm.models.recognizers.MultiStreamClassifier`: downstream, load it with
    ``init_cfg=dict(type='PretrainedBackbone', checkpoint=..., prefix='backbone.')``.

    Args:
        backbone: Config of a backbone that takes stream -> (M, C, T, H, W) and returns stream ->
            map (M, D, T', H', W'); it has ``streams`` and ``out_channels``, stream -> D.
        heads: Name -> config of a :class:`~ssvrl_mm.models.heads.JointHead`; its ``channels`` are
            the backbone's ``out_channels`` unless given.
        correspondence: Arguments of :class:`~ssvrl_mm.models.utils.correspondence.Correspondence`,
            for a head that tells types of correspondence; ``num_types`` is the head's. All passes
            of a step go through the network as one batch, so that BatchNorm's statistics do not
            tell the types apart.
        answers_pretext: Whether :meth:`predict` also asks the heads, for
            :class:`~ssvrl_mm.evaluation.PretextAccuracy`; the pipeline has to pack what they need.
        **kwargs: See :class:`SelfSupervisedRecognizer`.

    Raises:
        ValueError: No head; a head of correspondence types without ``correspondence`` or the other
            way round, or several that differ in their types.
        TypeError: A backbone without ``streams`` or ``out_channels``.

    Example:
        >>> model = dict(
        ...     type='JointPretextRecognizer',
        ...     backbone=dict(type='YourFusedBackbone'),
        ...     heads=dict(pmsp=dict(type='PMSPHead'), ctp=dict(type='CTPHead', loss_weight=1.0)),
        ...     correspondence=dict(mixing='two_passes'),
        ...     data_preprocessor=dict(type='SSLDataPreprocessor'))
    """

    training_only = ('heads.',)

    def __init__(
        self,
        backbone: Mapping[str, Any],
        heads: Mapping[str, Mapping[str, Any]],
        correspondence: Mapping[str, Any] | None = None,
        answers_pretext: bool = False,
        **kwargs: Any,
    ) -> None:
        built = MODELS.build(backbone)
        streams, channels = (getattr(built, a, None) for a in ('streams', 'out_channels'))
        if streams is None or not isinstance(channels, Mapping):
            raise TypeError(
                f'{type(built).__name__} is no backbone over several streams: it needs the '
                'attributes streams and out_channels, stream -> channels'
            )
        super().__init__(streams, **kwargs)
        self.backbone = to_channels_last_3d(built) if self.channels_last else built
        if not heads:
            raise ValueError('nothing to train: heads is empty')
        self.heads = ModuleDict(
            {
                name: MODELS.build({'channels': dict(channels), **config})
                for name, config in heads.items()
            }
        )
        self.correspondence = _correspondence(correspondence, self.heads)
        self.answers_pretext = answers_pretext
        self.spread = SpreadMonitor()

    def extract_feat(self, inputs: Mapping[str, Tensor], stream: str | None = None) -> Tensor:
        """The representation used downstream: the pooled maps of the backbone.

        Args:
            inputs: Stream -> (N, V, C, T, H, W), all streams; of ``'iframe'`` also single frames
                (N, V, C, H, W).
            stream: Which stream's features; None: all, side by side.

        Returns:
            (N, V, D), in at least float32.

        Raises:
            KeyError: for a stream that is missing, or that the model does not have.
            ValueError: for streams that differ in their clips.
        """
        clips, shape = self._joint_clips(inputs)
        features = self._pooled(clips)
        if stream is not None and stream not in features:
            raise KeyError(f'stream {stream!r} is not among {tuple(features)}')
        return pool_features(features if stream is None else features[stream]).unflatten(0, shape)

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The losses of all heads.

        Args:
            inputs: Stream -> (N, V, C, T, H, W); of ``'iframe'`` also (N, V, C, H, W).
            data_samples: N samples.

        Returns:
            What the heads return; to be logged also ``effective_rank_fused`` and
            ``mean_cosine_fused`` of this process's features.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for streams that differ in their clips, or a batch that the heads cannot
                use.
        """
        clips, shape = self._joint_clips(inputs)
        count = len(clips[self.streams[0]])
        batch = GlobalBatch(shape[0], clips[self.streams[0]].device)
        arrangement = None
        if self.correspondence is not None:
            arrangement = self.correspondence.draw(*shape)
            clips = self.correspondence.arrange(clips, arrangement)
        maps = self.backbone({stream: self._lay_out(x) for stream, x in clips.items()})
        aligned = {stream: last_map(x)[:count] for stream, x in maps.items()}
        weights = None
        if arrangement is not None and arrangement.aligned_weights is not None:
            weights = arrangement.aligned_weights.to(batch.device, non_blocking=True)
        losses: dict[str, Tensor] = {}
        head: Any
        for name, head in self.heads.items():
            if arrangement is not None and head.needs_types:
                types = dict(types=arrangement.types, weights=arrangement.weights)
                found = head.loss(maps, data_samples, batch=batch, **types)
            else:
                found = head.loss(aligned, data_samples, batch=batch, weights=weights)
            if losses.keys() & found.keys():
                raise ValueError(f'the head {name!r} gives what another one does: {sorted(found)}')
            losses.update(found)
        losses.update(self.spread(lambda: {FUSED: pool_features(aligned).detach()}))
        return losses

    @torch.no_grad()
    def predict(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        """Writes the videos' features into the samples, and with ``answers_pretext`` answers.

        Args:
            inputs: Stream -> (N, V, C, T, H, W).
            data_samples: N samples.

        Returns:
            The samples, see :class:`SelfSupervisedRecognizer` and
            :func:`~ssvrl_mm.models.recognizers.pretext_answers.answer_pretext`.
        """
        samples = super().predict(inputs, data_samples)
        if self.answers_pretext:
            clips, (_, num_clips) = self._joint_clips(inputs)
            answer_pretext(self, clips, num_clips, samples)
        return samples

    def _tensor(self, inputs: Inputs, stream: str | None) -> Tensor:
        """The features of :meth:`extract_feat`."""
        if isinstance(inputs, Tensor):
            raise ValueError(
                f'the network takes {self.streams} together: give a mapping of streams, no tensor'
            )
        return self.extract_feat(inputs, stream)

    def _named_features(self, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
        """``'fused'``, all streams side by side, and those of each stream."""
        features = self._pooled(self._joint_clips(inputs)[0])
        return {FUSED: features, **features}

    def _joint_clips(
        self, inputs: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], tuple[int, int]]:
        """Stream -> (N * V, C, T, H, W) in the backbone's order, and (N, V)."""
        missing = [stream for stream in self.streams if stream not in inputs]
        if missing:
            raise KeyError(f'the network takes {self.streams} together, and {missing} are missing')
        clips = {stream: self._clips(inputs, stream) for stream in self.streams}
        shapes = {stream: tuple(x.shape) for stream, x in clips.items()}
        counts = {shape[:2] for shape in shapes.values()}
        if len(counts) != 1 or any(len(shape) != 6 for shape in shapes.values()):
            raise ValueError(
                'every stream must be (N, V, C, T, H, W), of the same videos and clips, got '
                f'{shapes}'
            )
        videos, count = counts.pop()
        return {s: self._lay_out(x.flatten(0, 1)) for s, x in clips.items()}, (videos, count)

    def _pooled(self, clips: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Stream -> (M, D), from some clips at a time outside training."""
        total = len(clips[self.streams[0]])
        size = total if self.training else self.test_batch_clips
        chunks = [
            {stream: pool_features(x) for stream, x in self.backbone(chunk).items()}
            for chunk in stream_chunks(clips, size)
        ]
        return {s: torch.cat([chunk[s] for chunk in chunks])[:total] for s in chunks[0]}


def _correspondence(settings: Mapping[str, Any] | None, heads: Any) -> Correspondence | None:
    """The types that the heads tell, or None where none does."""
    told = {name: head.num_classes for name, head in heads.items() if head.needs_types}
    if bool(told) != (settings is not None):
        raise ValueError(
            f'{" and ".join(told)} tell types of correspondence: set correspondence=dict()'
            if told
            else 'correspondence is set, but no head, such as CTPHead, tells its types'
        )
    if settings is None:
        return None
    counts = {*told.values(), *([settings['num_types']] if 'num_types' in settings else [])}
    if len(counts) != 1:
        raise ValueError(f'heads and correspondence differ in their number of types: {counts}')
    return Correspondence(**{**settings, 'num_types': counts.pop()})
