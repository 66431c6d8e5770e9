"""Recognizers: streams, backbones, momentum copies and head of one method."""

from ssvrl_mm.models.recognizers.coclr import CoCLR
from ssvrl_mm.models.recognizers.context_motion import ContextMotionDecoupling
from ssvrl_mm.models.recognizers.contrastive_recognizer import ContrastiveRecognizer
from ssvrl_mm.models.recognizers.late_fusion import LateFusionRecognizer
from ssvrl_mm.models.recognizers.linear_probe import LinearProbe
from ssvrl_mm.models.recognizers.moco import MoCoRecognizer
from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.recognizers.mvcgc import MVCGC

__all__ = [
    'MVCGC',
    'CoCLR',
    'ContextMotionDecoupling',
    'ContrastiveRecognizer',
    'LinearProbe',
    'MoCoRecognizer',
    'MultiStreamRecognizer',
    'LateFusionRecognizer',
]
