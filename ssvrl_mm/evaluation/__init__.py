"""Metrics of representations."""

from ssvrl_mm.evaluation.classification import (
    VideoClassification,
    classification_errors,
    classification_metrics,
    classification_table,
)
from ssvrl_mm.evaluation.confidence import Interval, wilson_error, wilson_interval
from ssvrl_mm.evaluation.feature_metric import FeatureMetric, split_streams
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
from ssvrl_mm.evaluation.pretext_accuracy import PretextAccuracy, format_pretext
from ssvrl_mm.evaluation.probe_metric import FeatureProbe
from ssvrl_mm.evaluation.retrieval import PRESETS, VideoRetrieval, format_table
from ssvrl_mm.evaluation.sampling_rate_error import SamplingRateError, format_rates
from ssvrl_mm.evaluation.score_files import ScoreFileError, Scores, fuse_scores, read_scores
from ssvrl_mm.evaluation.view_quality import ViewQuality

__all__ = [
    'PRESETS',
    'FeatureMetric',
    'FeatureProbe',
    'Interval',
    'KNNAccuracy',
    'PretextAccuracy',
    'ProbeReport',
    'ProbeSplit',
    'SamplingRateError',
    'ScoreFileError',
    'Scores',
    'VideoClassification',
    'VideoRetrieval',
    'ViewQuality',
    'chance_recall',
    'format_pretext',
    'format_probe',
    'format_rates',
    'classification_errors',
    'classification_metrics',
    'classification_table',
    'format_table',
    'fuse_scores',
    'group_splits',
    'join_features',
    'knn_predictions',
    'logistic_probe',
    'nearest_neighbours',
    'probe_features',
    'probe_groups',
    'read_scores',
    'recall_at_k',
    'split_streams',
    'summarise_probes',
    'wilson_error',
    'wilson_interval',
]
