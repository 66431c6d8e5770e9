"""Hooks of the training loop."""

from ssvrl_mm.engine.hooks.checkpoint_hook import CheckpointHook
from ssvrl_mm.engine.hooks.checkpoint_safety import (
    InitBeforeTestHook,
    StrictCheckpointHook,
    ValidateOnResumeHook,
)
from ssvrl_mm.engine.hooks.evaluation_report import EvaluationReportHook
from ssvrl_mm.engine.hooks.finite_loss import FiniteLossHook, TrainingDivergedError
from ssvrl_mm.engine.hooks.iteration_seed import IterationSeedHook
from ssvrl_mm.engine.hooks.knn_probe import KNNProbeHook
from ssvrl_mm.engine.hooks.recordings import RecordingsHook
from ssvrl_mm.engine.hooks.restart_stages import RestartStagesHook
from ssvrl_mm.engine.hooks.runtime_info import RuntimeInfoHook
from ssvrl_mm.engine.hooks.set_epoch import SetEpochHook
from ssvrl_mm.engine.hooks.sync_norm_stats import SyncNormStatsHook
from ssvrl_mm.engine.hooks.training_amount import NothingToTrainError, TrainingAmountHook

__all__ = [
    'CheckpointHook',
    'EvaluationReportHook',
    'FiniteLossHook',
    'InitBeforeTestHook',
    'IterationSeedHook',
    'KNNProbeHook',
    'NothingToTrainError',
    'RecordingsHook',
    'RestartStagesHook',
    'RuntimeInfoHook',
    'SetEpochHook',
    'StrictCheckpointHook',
    'SyncNormStatsHook',
    'TrainingAmountHook',
    'TrainingDivergedError',
    'ValidateOnResumeHook',
]
