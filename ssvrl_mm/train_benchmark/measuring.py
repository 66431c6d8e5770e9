"""From a config to figures: sets a run up, trains a few steps of it, and lets go of it."""

import copy
import logging
import tempfile
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device

from ssvrl_mm.engine.hooks import SetEpochHook
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.engine.loader_workers import named_workers
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.train_benchmark.loop import BenchmarkLoop, Measurement
from ssvrl_mm.train_benchmark.preparation import strip
from ssvrl_mm.train_benchmark.synthetic import synthetic_loader


class BenchmarkRunner(ToolRunner):
    """A Runner whose console shows warnings alone."""

    console_level = logging.WARNING


def measure(
    cfg: Config,
    iterations: int = 20,
    warmup: int = 5,
    synthetic: bool = True,
    stage: str | None = None,
) -> Measurement:
    """Trains a copy of a config's model for some steps and says where their time goes.

    Nothing remains of the run: its folder is temporary, and no checkpoint is read or written.

    Args:
        cfg: Config of a training; stays as it is.
        iterations: Steps to measure, undisturbed and by phase each.
        warmup: Steps before. From a loader with workers at least as many as they fetch ahead,
            since a wait for data that were fetched before the first step is none.
        synthetic: Train on one batch of generated videos instead of the config's data.
        stage: Stage to measure, of a model that is trained in several; None: the first.

    Raises:
        LaunchError: The run cannot start, or memory does not suffice; the message says what to do.
        NothingToTrainError: A batch is larger than the dataset.

    Example:
        >>> found = measure(Config.fromfile('configs/mvcgc/demo.py'), iterations=3)
        >>> len(found.steps)
        3
    """
    cfg = copy.deepcopy(cfg)
    with tempfile.TemporaryDirectory() as folder:
        strip(cfg, folder)
        batch_size = cfg.train_dataloader.get('batch_size', 1)
        try:
            runner = BenchmarkRunner.from_cfg(cfg)
            runner.register_hook(SetEpochHook())
            loader: Any = runner._train_dataloader
            if synthetic:
                loader = synthetic_loader(loader, batch_size * runner.world_size)
            else:
                workers = loader.get('num_workers', 0)
                warmup = max(warmup, workers * (loader.get('prefetch_factor') or 2))
            loop = BenchmarkLoop(runner, loader, iterations, warmup, synthetic, stage)
            runner._train_loop = loop
            with named_workers():
                runner.train()
        except (MemoryError, RuntimeError, ValueError) as error:
            remedy = _remedy(error)
            if remedy is None:
                raise
            raise LaunchError(
                f'a step of batch size {batch_size} cannot run on {get_device()}: {remedy}. '
                f'({str(error).partition(chr(10))[0]})'
            ) from error
        return loop.measurement


def _remedy(error: Exception) -> str | None:
    """What helps where the batch has the wrong size; None for other errors."""
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    if out_of_memory or "can't allocate memory" in str(error):
        return 'memory does not suffice, take a smaller --batch-size'
    if 'more than 1 value per channel' in str(error):
        return 'BatchNorm needs several videos, take a larger --batch-size'
    return None
