"""Training engine: hooks, the optimizer wrapper, and what precedes a run."""

from ssvrl_mm.engine.hooks import (
    EvaluationReportHook,
    IterationSeedHook,
    KNNProbeHook,
    StageSwitchHook,
    SyncNormStatsHook,
)
from ssvrl_mm.engine.optim import DeviceAmpOptimWrapper

__all__ = [
    'DeviceAmpOptimWrapper',
    'EvaluationReportHook',
    'IterationSeedHook',
    'KNNProbeHook',
    'StageSwitchHook',
    'SyncNormStatsHook',
]
