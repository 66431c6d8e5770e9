"""Seeds every training iteration, so that a resumed run equals an uninterrupted one."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import walk_datasets


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Makes the random numbers of an iteration a function of (seed, iteration, rank).

    What is drawn during an iteration (photometric augmentation, dropout, shuffling) then does not
    depend on what was drawn before it, and needs no place in a checkpoint. The training dataset
    learns seed and epoch, from which it seeds its samples.

    Args:
        seed: Base seed; None takes the run's seed (``randomness = dict(seed=...)``).

    Example:
        >>> default_hooks = dict(iteration_seed=dict(type='IterationSeedHook'))
    """

    priority = 'VERY_HIGH'

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Tells the training dataset, and the datasets it wraps, the seed and the epoch."""
        for dataset in walk_datasets(runner.train_dataloader.dataset):
            if hasattr(dataset, 'set_seed'):
                dataset.set_seed(self._base_seed(runner))
            if hasattr(dataset, 'set_epoch'):
                dataset.set_epoch(runner.epoch)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seeds ``random``, ``numpy`` and ``torch`` for this iteration."""
        seed_everything(self._base_seed(runner), runner.iter, get_rank())

    def _base_seed(self, runner: Runner) -> int:
        return runner.seed if self.seed is None else self.seed


def seed_everything(*entropy: int) -> None:
    """Seeds ``random``, ``numpy`` and ``torch`` (every device) with one number made of all args.

    Args:
        *entropy: Non-negative integers, for example (seed, iteration, rank).
    """
    words = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
    random.seed(int(words[0]))
    np.random.seed(int(words[0]))  # noqa: NPY002 - transforms draw from the global generator
    # torch refuses nothing below 2**64, and seeds the CUDA devices along.
    torch.manual_seed(int(words[0]) << 32 | int(words[1]))
