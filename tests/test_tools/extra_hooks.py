"""Hooks that let a test look into a run, or end it; tiny_mvcgc.py imports them."""

import os
import signal
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ssvrl_mm.registry import HOOKS


@HOOKS.register_module()
class KillHook(Hook):
    """Ends the process as a full machine would, after the checkpoint of an epoch (1-based)."""

    priority = 'LOWEST'

    def __init__(self, after_epoch):
        self.after_epoch = after_epoch

    def after_train_epoch(self, runner):
        if runner.epoch + 1 == self.after_epoch:
            os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class FailHook(Hook):
    """Fails on one process alone, in the midst of the training."""

    def __init__(self, rank):
        self.rank = rank

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 1 and get_rank() == self.rank:
            raise RuntimeError(f'the disk of process {self.rank} is full')


@HOOKS.register_module()
class SaveRankStateHook(Hook):
    """Writes the model's state of every process."""

    def __init__(self, enabled):
        self.enabled = enabled

    def after_train(self, runner):
        if self.enabled:
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            torch.save(model.state_dict(), Path(runner.work_dir) / f'rank_{get_rank()}.pth')
