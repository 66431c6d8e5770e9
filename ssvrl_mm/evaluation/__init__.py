"""Metrics of representations."""

from ssvrl_mm.evaluation.nearest_neighbours import (
    chance_recall,
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.evaluation.retrieval import VideoRetrieval, format_table

__all__ = [
    'VideoRetrieval',
    'chance_recall',
    'format_table',
    'join_features',
    'nearest_neighbours',
    'recall_at_k',
]
