"""Necks: what stands between a backbone and a head."""

from ssvrl_mm.models.necks.conv_gru_predictor import ConvGRUPredictor
from ssvrl_mm.models.necks.detr_predictor import DETRPredictor
from ssvrl_mm.models.necks.feature_predictor import FeaturePredictor
from ssvrl_mm.models.necks.frame_projection import FrameProjection
from ssvrl_mm.models.necks.motion_prediction_regularizer import MotionPredictionRegularizer
from ssvrl_mm.models.necks.paired_stage_fusion import PairedStageFusion
from ssvrl_mm.models.necks.pointwise_mlp import PointwiseMLP
from ssvrl_mm.models.necks.projection_head import ProjectionHead
from ssvrl_mm.models.necks.temporal_pyramid import TemporalPyramid
from ssvrl_mm.models.necks.transformer_predictor import TransformerPredictor

__all__ = [
    'ConvGRUPredictor',
    'DETRPredictor',
    'FeaturePredictor',
    'FrameProjection',
    'MotionPredictionRegularizer',
    'PairedStageFusion',
    'PointwiseMLP',
    'ProjectionHead',
    'TemporalPyramid',
    'TransformerPredictor',
]
