"""Heads: projections, queues and losses of the pretext tasks, and the classifier downstream."""

from ssvrl_mm.models.heads.classification_head import ClassificationHead
from ssvrl_mm.models.heads.coclr_head import CoCLRHead
from ssvrl_mm.models.heads.context_matching_head import ContextMatchingHead
from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead
from ssvrl_mm.models.heads.moco_head import MoCoHead
from ssvrl_mm.models.heads.motion_objectives import (
    MotionClassification,
    MotionObjective,
    MotionRegression,
    PointwiseContrast,
)
from ssvrl_mm.models.heads.motion_prediction_head import MotionPredictionHead
from ssvrl_mm.models.heads.mvcgc_head import MVCGCHead
from ssvrl_mm.models.heads.pretext_head import PretextHead

__all__ = [
    'ClassificationHead',
    'CoCLRHead',
    'ContextMatchingHead',
    'ContrastiveHead',
    'MVCGCHead',
    'MoCoHead',
    'MotionClassification',
    'MotionObjective',
    'MotionPredictionHead',
    'MotionRegression',
    'PointwiseContrast',
    'PretextHead',
]
