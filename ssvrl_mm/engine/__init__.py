"""Training engine: hooks, the optimizer wrapper, and what precedes a run."""

from ssvrl_mm.engine.hooks import (
    EvaluationReportHook,
    InitBeforeTestHook,
    IterationSeedHook,
    KNNProbeHook,
    SetEpochHook,
    StrictCheckpointHook,
    SyncNormStatsHook,
    ValidateOnResumeHook,
)
from ssvrl_mm.engine.optim import DeviceAmpOptimWrapper

__all__ = [
    'DeviceAmpOptimWrapper',
    'EvaluationReportHook',
    'InitBeforeTestHook',
    'IterationSeedHook',
    'KNNProbeHook',
    'SetEpochHook',
    'StrictCheckpointHook',
    'SyncNormStatsHook',
    'ValidateOnResumeHook',
]
