"""Momentum contrast of one stream."""

from collections.abc import Mapping
from typing import Any

from ssvrl_mm.models.recognizers.contrastive_recognizer import ContrastiveRecognizer
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MoCoRecognizer(ContrastiveRecognizer):
    """`MoCo <https://arxiv.org/abs/1911.05722>`_ on clips of one stream.

    Clip 0 of a video is the query, clip 1 the key. The stream is the head's; further streams in
    the inputs are not looked at.

    Args:
        backbone: Config of the backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.MoCoHead`.
        **kwargs: See :class:`ContrastiveRecognizer`.

    Example:
        >>> model = dict(
        ...     type='MoCoRecognizer',
        ...     backbone=dict(type='S3D', in_channels=2),
        ...     head=dict(type='MoCoHead', stream='motion', queue_length=2048,
        ...               projector=dict(type='ProjectionHead', in_channels=1024)))
    """

    def __init__(self, backbone: Mapping[str, Any], head: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__({head.get('stream', 'rgb'): backbone}, head, **kwargs)
