"""Whole jobs as functions: features of videos, inference, the model zoo."""

from ssvrl_mm.apis.feature_table import FeatureFileError, FeatureTable, join_tables
from ssvrl_mm.apis.features import extract_features
from ssvrl_mm.apis.inferencer import Neighbour, Prediction, SSVRLInferencer
from ssvrl_mm.apis.loading import init_model
from ssvrl_mm.apis.run_lock import FolderInUseError
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.zoo import (
    ModelNotFoundError,
    ZooError,
    ZooModel,
    fetch_weights,
    find_model,
    list_models,
    load_model,
)

__all__ = [
    'FeatureFileError',
    'FeatureTable',
    'FolderInUseError',
    'ModelNotFoundError',
    'Neighbour',
    'Prediction',
    'SSVRLInferencer',
    'VideoSource',
    'WeightsError',
    'ZooError',
    'ZooModel',
    'extract_features',
    'fetch_weights',
    'find_model',
    'join_tables',
    'list_models',
    'load_model',
    'init_model',
]
