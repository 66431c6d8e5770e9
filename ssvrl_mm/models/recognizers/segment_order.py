"""Segments told apart by order and sampling rate, beside the contrast of clips and views."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead
from ssvrl_mm.models.heads.labelled_head import check_head, described_by
from ssvrl_mm.models.heads.sampling_rate_head import SamplingRateHead
from ssvrl_mm.models.heads.segment_order_head import SegmentOrderHead
from ssvrl_mm.models.recognizers.contrastive import ContrastiveRecognizer
from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.utils.chunks import padded
from ssvrl_mm.models.utils.features import Features, pool_features
from ssvrl_mm.models.utils.freezing import freeze
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor
from ssvrl_mm.models.view_synthesis.normalisation import check_normalisation
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class SegmentOrderRecognizer(ContrastiveRecognizer):
    """Segment order and sampling rate prediction with content-related contrast, or some of them.

    "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate Order
    Prediction", IEEE TCSVT 2021. The features of clip 0 serve the heads of order and
    rate, and are the query of the contrast; its key is clip 1, another clip of the video whose
    segments were sampled and shuffled by themselves, or a view of clip 0 that a frozen generator
    makes. The loss is L = lambda_1 L_order + lambda_2 L_sr + lambda_3 L_ctr.

    Any of the three may be left out. Without contrast there are no momentum copies, and one clip of
    a video is enough.

    Args:
        backbones: The one stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.ContrastiveHead` of this stream, such as a
            :class:`~ssvrl_mm.models.heads.MoCoHead`; None: no contrast.
        order: Config of a :class:`~ssvrl_mm.models.heads.SegmentOrderHead`; None: not asked.
        rate: Config of a :class:`~ssvrl_mm.models.heads.SamplingRateHead`; None: not asked.
        contrast_weight: lambda_3, multiplies the losses of ``head``; those of order and rate are
            their heads' ``loss_weight``.
        view_generator: Config of what has ``synthesise``: clips (N, C, T, H, W), normalised as the
            networks see them -> views alike. It stays as it is: in evaluation, without gradient.
            Its ``init_cfg`` names the checkpoint of the trained one. None: keys are clips.
        view_probability: With which probability in (0, 1], drawn for each video, its key is a view;
            nothing without ``view_generator``.
        answers_pretext: Whether :meth:`predict` also asks the heads of order and rate, for
            :class:`~ssvrl_mm.evaluation.PretextAccuracy` and
            :class:`~ssvrl_mm.evaluation.SamplingRateError`; the pipeline has to sample segments and
            pack their labels.
        **kwargs: See :class:`ContrastiveRecognizer`.

    Raises:
        ValueError: for several streams, no head at all, heads that differ in stream or segments, a
            ``similarity`` of another number of parts, a ``view_probability`` outside (0, 1], a
            generator for clips that are normalised otherwise, or views, ``contrast_weight``,
            ``stages``, ``shuffle_bn`` or ``answers_pretext`` that nothing uses.
        TypeError: for an ``order`` or ``rate`` that is another head, a ``head`` without contrast,
            and a ``view_generator`` without ``synthesise``.

    Example:
        >>> model = dict(
        ...     type='SegmentOrderRecognizer',
        ...     backbones=dict(rgb=dict(type='VideoResNet', arch='r3d', depth=10)),
        ...     order=dict(type='SegmentOrderHead', in_channels=512, num_segments=3),
        ...     rate=dict(type='SamplingRateHead', in_channels=512, num_segments=3),
        ...     head=dict(
        ...         type='MoCoHead', queue_length=4096,
        ...         projector=dict(type='ProjectionHead', in_channels=512, out_channels=129),
        ...         criterion=dict(type='InfoNCELoss', temperature=0.07)))
    """

    training_only: tuple[str, ...] = ('key_backbone', 'head.', 'order.', 'rate.', 'view_generator.')

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any] | None = None,
        order: Mapping[str, Any] | None = None,
        rate: Mapping[str, Any] | None = None,
        contrast_weight: float = 1.0,
        view_generator: Mapping[str, Any] | None = None,
        view_probability: float = 0.5,
        answers_pretext: bool = False,
        **kwargs: Any,
    ) -> None:
        if len(backbones) != 1:
            raise ValueError(f'backbones of one stream are needed, got {tuple(backbones)}')
        if head is not None:
            super().__init__(backbones, head, **kwargs)
        else:
            unused = sorted({'stages', 'shuffle_bn'} & kwargs.keys())
            if unused:
                raise ValueError(
                    f'{" and ".join(unused)} of no contrast: there is no head; leave them out'
                )
            # What the base adds is the contrast, and a table of its stages.
            MultiStreamRecognizer.__init__(self, backbones, **kwargs)
            self.head, self.stages, self._epoch = None, ((0, 'tasks'),), None
        of_stream = dict(stream=self.streams[0])
        self.order = None if order is None else MODELS.build({**of_stream, **order})
        self.rate = None if rate is None else MODELS.build({**of_stream, **rate})
        self._check_heads(contrast_weight, answers_pretext)
        if not 0 < view_probability <= 1:
            raise ValueError(
                f'view_probability must lie in (0, 1], got {view_probability}: without views leave '
                'view_generator out'
            )
        self.contrast_weight = contrast_weight
        self.answers_pretext = answers_pretext
        if answers_pretext:
            # A test of heads that nobody trained would give figures, too.
            asked = ('order.', 'rate.')
            self.training_only = tuple(part for part in self.training_only if part not in asked)
        self.view_probability = view_probability
        self.view_generator = self._generator(view_generator)
        self.spread = SpreadMonitor()

    def train(self, mode: bool = True) -> 'SegmentOrderRecognizer':
        """Sets the mode; the view generator stays in evaluation."""
        super().train(mode)
        if self.view_generator is not None:
            freeze(self.view_generator)
        return self

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The losses of the heads that there are.

        Args:
            inputs: Stream -> (N, V, C, T, H, W); V at least 2 with contrast.
            data_samples: N samples with the labels (V, ...) of ``SampleShuffledSegments``.

        Returns:
            What the heads return. Without contrast also, to be logged, ``effective_rank_<stream>``
            and ``mean_cosine_<stream>`` of the features of this process.

        Raises:
            ValueError: for too few clips, or labels that do not fit.
            KeyError: for samples without labels.
        """
        if self.head is not None:
            return super().loss(inputs, data_samples)
        (stream,) = self.streams
        clips = self._clips(inputs, stream)
        if clips.dim() != 6:
            raise ValueError(f'{stream}: needs (N, V, C, T, H, W), got {tuple(clips.shape)}')
        batch = GlobalBatch(len(clips), clips.device)
        features = pool_features(self._run(self.backbone(stream), stream, clips[:, 0]))
        losses = self._task_losses(features, data_samples, batch)
        losses.update(self.spread(lambda: {stream: features.detach()}))
        return losses

    def _write(self, features: Mapping[str, Features], samples: Sequence[Any]) -> Sequence[Any]:
        """The features, of clips without labels where there are some, and answers if wanted."""
        keys = (SegmentOrderHead.label_key, SamplingRateHead.label_key)
        super()._write(described_by(features, samples, *keys), samples)
        for head in (self.order, self.rate) if self.answers_pretext else ():
            if head is not None:
                head.answer(features, samples)
        return samples

    def restart(self) -> None:
        """Empties the queue of the contrast, if there is one; see the base class."""
        if self.head is not None:
            super().restart()

    def _views(self, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Clip 0, and clip 1 or a view of clip 0."""
        queries, keys = super()._views(inputs)
        if self.view_generator is not None:
            (stream,) = self.streams
            keys[stream] = self._with_views(queries[stream], keys[stream])
        return queries, keys

    @torch.no_grad()
    def _with_views(self, clips: Tensor, others: Tensor) -> Tensor:
        """Other clips (N, C, T, H, W), of some videos replaced by views of theirs."""
        # Drawn on the host, so that it knows how many views there are without waiting.
        drawn = (torch.rand(len(clips)) < self.view_probability).nonzero().flatten()
        if not len(drawn):
            return others
        chosen = drawn.to(clips.device, non_blocking=True)
        seen = self._lay_out(clips[chosen])
        # Their number differs from step to step.
        views = self.view_generator.synthesise(padded(seen, len(clips)))[: len(seen)]
        if views.shape != seen.shape:
            raise ValueError(
                f'{type(self.view_generator).__name__} made views {tuple(views.shape)} of clips '
                f'{tuple(seen.shape)}'
            )
        return others.index_copy(0, chosen, views.to(others.dtype))

    def _head_loss(
        self, feats: Mapping[str, Any], data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """What all heads make of the features of the queries."""
        contrast = super()._head_loss(feats, data_samples, **kwargs)
        weighted = {
            name: self.contrast_weight * value if name.startswith('loss') else value
            for name, value in contrast.items()
        }
        return {**self._task_losses(feats, data_samples, kwargs['batch']), **weighted}

    def _task_losses(
        self, feats: Any, data_samples: Sequence[Any], batch: GlobalBatch
    ) -> dict[str, Tensor]:
        """Those of order and rate."""
        losses: dict[str, Tensor] = {}
        for head in (self.order, self.rate):
            if head is not None:
                losses.update(head.loss(feats, data_samples, batch=batch))
        return losses

    def _check_heads(self, contrast_weight: float, answers_pretext: bool) -> None:
        tasks = [head for head in (self.order, self.rate) if head is not None]
        if self.head is None and not tasks:
            raise ValueError('nothing to train: neither head, order nor rate is given')
        if self.head is None and contrast_weight != 1:
            raise ValueError(f'contrast_weight={contrast_weight} of no contrast: there is no head')
        if answers_pretext and not tasks:
            raise ValueError('answers_pretext: there is neither order nor rate to be asked')
        wanted = {'head': ContrastiveHead, 'order': SegmentOrderHead, 'rate': SamplingRateHead}
        for name, kind in wanted.items():
            check_head(name, getattr(self, name), kind)
        for head in tasks:
            if head.streams != self.streams:
                raise ValueError(f'a head of {head.streams}, but a backbone of {self.streams}')
        if len({head.num_parts for head in tasks}) > 1:
            raise ValueError(
                'order and rate differ in num_segments: '
                f'{[head.num_parts for head in tasks]}, of the same clips'
            )
        for segments in {head.num_parts for head in tasks}:
            parts = getattr(getattr(self.head, 'similarity', None), 'num_parts', segments)
            if parts != segments:
                raise ValueError(
                    f'similarity of head has num_parts={parts}, but order and rate are of '
                    f'{segments} segments: set head.similarity.num_parts={segments}'
                )

    def _generator(self, config: Mapping[str, Any] | None) -> Any:
        """The frozen generator of views."""
        if config is None:
            return None
        if self.head is None:
            raise ValueError('nothing uses view_generator: views are keys, and there is no head')
        generator = MODELS.build(config)
        if not callable(getattr(generator, 'synthesise', None)):
            raise TypeError(f'{type(generator).__name__} has no synthesise(clips)')
        if self.streams == ('rgb',):
            check_normalisation(self.data_preprocessor, generator)
        if any(True for _ in generator.parameters()) and not config.get('init_cfg'):
            print_log(
                'view_generator has no init_cfg: unless a checkpoint brings its weights, its views '
                'are those of a random network',
                logger='current',
                level=logging.WARNING,
            )
        freeze(generator)
        return to_channels_last_3d(generator) if self.channels_last else generator
