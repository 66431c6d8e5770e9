"""Heads: projections, queues and losses of the pretext tasks, and the classifier downstream."""

from ssvrl_mm.models.heads.classification_head import ClassificationHead
from ssvrl_mm.models.heads.clip_contrast_head import ClipContrastHead
from ssvrl_mm.models.heads.clip_order_head import ClipOrderHead
from ssvrl_mm.models.heads.coclr_head import CoCLRHead
from ssvrl_mm.models.heads.context_matching_head import ContextMatchingHead
from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead
from ssvrl_mm.models.heads.ctp_head import CTPHead
from ssvrl_mm.models.heads.joint_head import JointHead
from ssvrl_mm.models.heads.labelled_head import LabelledHead
from ssvrl_mm.models.heads.local_motion_head import LocalMotionContrast
from ssvrl_mm.models.heads.moco_head import MoCoHead
from ssvrl_mm.models.heads.motion_objectives import (
    MotionClassification,
    MotionObjective,
    MotionRegression,
    PointwiseContrast,
)
from ssvrl_mm.models.heads.motion_prediction_head import MotionPredictionHead
from ssvrl_mm.models.heads.mscl_head import MSCLHead
from ssvrl_mm.models.heads.multi_task_head import MultiTaskHead
from ssvrl_mm.models.heads.mvcgc_head import MVCGCHead
from ssvrl_mm.models.heads.order_head import OrderHead
from ssvrl_mm.models.heads.pmsp_head import PMSPHead
from ssvrl_mm.models.heads.pretext_classification_head import PretextClassificationHead
from ssvrl_mm.models.heads.pretext_head import PretextHead
from ssvrl_mm.models.heads.sampling_rate_head import SamplingRateHead
from ssvrl_mm.models.heads.segment_order_head import SegmentOrderHead

__all__ = [
    'CTPHead',
    'ClassificationHead',
    'ClipContrastHead',
    'ClipOrderHead',
    'CoCLRHead',
    'ContextMatchingHead',
    'ContrastiveHead',
    'JointHead',
    'LabelledHead',
    'LocalMotionContrast',
    'MSCLHead',
    'MVCGCHead',
    'MoCoHead',
    'MotionClassification',
    'MotionObjective',
    'MotionPredictionHead',
    'MotionRegression',
    'MultiTaskHead',
    'OrderHead',
    'PMSPHead',
    'PointwiseContrast',
    'PretextClassificationHead',
    'PretextHead',
    'SamplingRateHead',
    'SegmentOrderHead',
]
