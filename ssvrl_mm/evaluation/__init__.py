"""Metrics of representations."""

from ssvrl_mm.evaluation.feature_metric import FeatureMetric
from ssvrl_mm.evaluation.feature_probe import (
    ProbeReport,
    ProbeSplit,
    format_probe,
    group_splits,
    logistic_probe,
    probe_features,
    probe_groups,
    summarise_probes,
)
from ssvrl_mm.evaluation.knn import KNNAccuracy, knn_predictions
from ssvrl_mm.evaluation.nearest_neighbours import (
    chance_recall,
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.evaluation.retrieval import PRESETS, VideoRetrieval, format_table

__all__ = [
    'PRESETS',
    'FeatureMetric',
    'KNNAccuracy',
    'ProbeReport',
    'ProbeSplit',
    'VideoRetrieval',
    'chance_recall',
    'format_probe',
    'format_table',
    'group_splits',
    'join_features',
    'knn_predictions',
    'logistic_probe',
    'nearest_neighbours',
    'probe_features',
    'probe_groups',
    'recall_at_k',
    'summarise_probes',
]
