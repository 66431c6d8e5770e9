"""Recognizers: streams, backbones, momentum copies and head of one method."""

from ssvrl_mm.models.recognizers.clip_order import ClipOrderRecognizer
from ssvrl_mm.models.recognizers.context_motion import ContextMotionDecoupling
from ssvrl_mm.models.recognizers.contrastive import ContrastiveRecognizer
from ssvrl_mm.models.recognizers.joint_pretext import JointPretextRecognizer
from ssvrl_mm.models.recognizers.late_fusion import LateFusionRecognizer
from ssvrl_mm.models.recognizers.linear_probe import LinearProbe
from ssvrl_mm.models.recognizers.mscl import MSCLRecognizer
from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.recognizers.multi_stream_classifier import MultiStreamClassifier
from ssvrl_mm.models.recognizers.pretext import PretextRecognizer
from ssvrl_mm.models.recognizers.segment_order import SegmentOrderRecognizer
from ssvrl_mm.models.recognizers.self_supervised import SelfSupervisedRecognizer
from ssvrl_mm.models.recognizers.view_synthesis import ViewSynthesizer

__all__ = [
    'ClipOrderRecognizer',
    'ContextMotionDecoupling',
    'ContrastiveRecognizer',
    'JointPretextRecognizer',
    'LateFusionRecognizer',
    'LinearProbe',
    'MSCLRecognizer',
    'MultiStreamClassifier',
    'MultiStreamRecognizer',
    'PretextRecognizer',
    'SegmentOrderRecognizer',
    'SelfSupervisedRecognizer',
    'ViewSynthesizer',
]
