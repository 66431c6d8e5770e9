"""Hooks of the training loop."""

from ssvrl_mm.engine.hooks.checkpoint_safety import (
    InitBeforeTestHook,
    StrictCheckpointHook,
    ValidateOnResumeHook,
)
from ssvrl_mm.engine.hooks.evaluation_report import EvaluationReportHook
from ssvrl_mm.engine.hooks.iteration_seed import IterationSeedHook
from ssvrl_mm.engine.hooks.knn_probe import KNNProbeHook
from ssvrl_mm.engine.hooks.set_epoch import SetEpochHook
from ssvrl_mm.engine.hooks.sync_norm_stats import SyncNormStatsHook

__all__ = [
    'EvaluationReportHook',
    'InitBeforeTestHook',
    'IterationSeedHook',
    'KNNProbeHook',
    'SetEpochHook',
    'StrictCheckpointHook',
    'SyncNormStatsHook',
    'ValidateOnResumeHook',
]
