"""VCOP: the clips of a video told apart by their order."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.clip_order_head import ClipOrderHead
from ssvrl_mm.models.heads.labelled_head import check_head
from ssvrl_mm.models.recognizers.pretext import PretextRecognizer
from ssvrl_mm.models.utils.features import Features, pool_features
from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ClipOrderRecognizer(PretextRecognizer):
    """Video clip order prediction (VCOP) by one backbone that encodes all clips of a video.

    Xu et al., "Self-Supervised Spatiotemporal Learning via Video Clip Order Prediction", CVPR 2019;
    see :class:`~ssvrl_mm.models.heads.ClipOrderHead`.

    Args:
        backbones: The one stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.ClipOrderHead` of this stream.
        answers_pretext: Whether :meth:`predict` also asks the head, for
            :class:`~ssvrl_mm.evaluation.PretextAccuracy`; the pipeline has to sample tuples and
            pack ``clip_order``.
        **kwargs: See :class:`MultiStreamRecognizer`.

    Raises:
        ValueError: when backbones and head differ in their streams.
        TypeError: for another head.

    Example:
        >>> model = dict(
        ...     type='ClipOrderRecognizer',
        ...     backbones=dict(rgb=dict(type='VideoResNet', arch='r3d', depth=10)),
        ...     head=dict(type='ClipOrderHead', in_channels=512, num_clips=3))
    """

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any],
        answers_pretext: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbones, head, **kwargs)
        check_head('head', self.head, ClipOrderHead)
        self.answers_pretext = answers_pretext
        if answers_pretext:
            # A test of a head that nobody trained would give figures, too.
            self.training_only = ()
        self.spread = SpreadMonitor()

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The head's losses.

        Args:
            inputs: Stream -> (N, n, C, T, H, W), the n clips that the head orders.
            data_samples: N samples with ``clip_order``.

        Returns:
            What the head returns, and to be logged ``effective_rank_<stream>`` and
            ``mean_cosine_<stream>`` of the features of this process.
        """
        (stream,) = self.streams
        clips = self._clips(inputs, stream).flatten(0, 1)
        features = pool_features(self._run(self.backbone(stream), stream, clips))
        losses = self.head.loss(features, data_samples)
        losses.update(self.spread(lambda: {stream: features.detach()}))
        return losses

    def _write(self, features: Mapping[str, Features], samples: Sequence[Any]) -> Sequence[Any]:
        """The features, and answers if wanted."""
        super()._write(features, samples)
        if self.answers_pretext:
            self.head.answer(features, samples)
        return samples
