"""Recognizers: streams, backbones, momentum copies and head of one method."""

from ssvrl_mm.models.recognizers.context_motion import ContextMotionDecoupling
from ssvrl_mm.models.recognizers.contrastive import ContrastiveRecognizer
from ssvrl_mm.models.recognizers.late_fusion import LateFusionRecognizer
from ssvrl_mm.models.recognizers.linear_probe import LinearProbe
from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.recognizers.multi_stream_classifier import MultiStreamClassifier
from ssvrl_mm.models.recognizers.pretext import PretextRecognizer

__all__ = [
    'ContextMotionDecoupling',
    'ContrastiveRecognizer',
    'LateFusionRecognizer',
    'LinearProbe',
    'MultiStreamClassifier',
    'MultiStreamRecognizer',
    'PretextRecognizer',
]
