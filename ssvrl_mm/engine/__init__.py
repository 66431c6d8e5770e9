"""Training engine: hooks, the optimizer wrapper, and what precedes a run."""

from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
from ssvrl_mm.engine.hooks import (
    CheckpointHook,
    EvaluationReportHook,
    FiniteLossHook,
    InitBeforeTestHook,
    IterationSeedHook,
    KNNProbeHook,
    NothingToTrainError,
    SetEpochHook,
    StrictCheckpointHook,
    SyncNormStatsHook,
    TrainingAmountHook,
    TrainingDivergedError,
    ValidateOnResumeHook,
)
from ssvrl_mm.engine.joint_optim import JointOptimConstructor, JointOptimWrapper
from ssvrl_mm.engine.loader_workers import WorkerStoppedError
from ssvrl_mm.engine.optim import DeviceAmpOptimWrapper
from ssvrl_mm.engine.param_groups import MergedGroupsConstructor

__all__ = [
    'CheckpointFileError',
    'CheckpointHook',
    'DeviceAmpOptimWrapper',
    'EvaluationReportHook',
    'FiniteLossHook',
    'InitBeforeTestHook',
    'IterationSeedHook',
    'JointOptimConstructor',
    'JointOptimWrapper',
    'KNNProbeHook',
    'MergedGroupsConstructor',
    'NothingToTrainError',
    'SetEpochHook',
    'StrictCheckpointHook',
    'SyncNormStatsHook',
    'TrainingAmountHook',
    'TrainingDivergedError',
    'ValidateOnResumeHook',
    'WorkerStoppedError',
]
