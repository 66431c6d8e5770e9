"""The recognizer of any pretext task whose head takes features and gives losses."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class PretextRecognizer(MultiStreamRecognizer):
    """Backbones of one or several streams under one head, from config alone.

    What a new pretext task starts from: write a :class:`~ssvrl_mm.models.heads.PretextHead`, and
    this recognizer gives it the feature maps of every clip and the data samples, with whatever the
    pipeline packed into them.

    Args:
        backbones: Stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.PretextHead` of the same streams.
        **kwargs: See :class:`MultiStreamRecognizer`.

    Raises:
        ValueError: when backbones and head differ in their streams.

    Example:
        >>> model = dict(
        ...     type='PretextRecognizer',
        ...     backbones=dict(rgb=dict(type='S3D', in_channels=3)),
        ...     head=dict(type='YourHead', streams=('rgb',)))
    """

    training_only: tuple[str, ...] = ('head.',)

    def __init__(
        self, backbones: Mapping[str, Any], head: Mapping[str, Any], **kwargs: Any
    ) -> None:
        built_head = MODELS.build(head)
        super().__init__(self._of_head(built_head, backbones), **kwargs)
        self.head = built_head

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The head's losses.

        Args:
            inputs: Stream -> (N, V, C, T, H, W); of the stream ``'iframe'`` also (N, V, C, H, W).
            data_samples: N samples.

        Returns:
            What the head gives for stream -> feature map (N * V, D, T', H', W'), or the tuple of
            maps that the backbone returns; the V clips of a video side by side.
        """
        feats = {
            stream: self._run(self.backbone(stream), stream, clips.flatten(0, 1))
            for stream, clips in ((s, self._clips(inputs, s)) for s in self.streams)
        }
        return self.head.loss(feats, data_samples)
