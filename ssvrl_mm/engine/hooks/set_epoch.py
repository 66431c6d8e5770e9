"""Tells a model how far its training is."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class SetEpochHook(Hook):
    """Calls the model's ``set_epoch`` before every training epoch, where it has one.

    And ``set_progress`` of every part that has one, with the share of the iterations that is done,
    before every iteration. For models whose training changes with the epoch, such as a
    :class:`~ssvrl_mm.models.recognizers.ContrastiveRecognizer` with a table of stages, and for
    :class:`~ssvrl_mm.models.utils.MomentumEncoder`, whose momentum may rise over the training.
    Epoch and iteration come from the runner, so a resumed run goes on as an uninterrupted one.
    Every config of ours has this hook; to other models it does nothing.

    Example:
        >>> default_hooks = dict(set_epoch=dict(type='SetEpochHook'))
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self._followers: list[Any] = []

    def before_train_epoch(self, runner: Runner) -> None:
        """Sets the epoch (0-based), and looks for the parts that follow the iterations."""
        model: Any = unwrap_model(runner.model)
        if hasattr(model, 'set_epoch'):
            model.set_epoch(runner.epoch)
        self._followers = [part for part in model.modules() if hasattr(part, 'set_progress')]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Sets the share that is done, from 0 to less than 1."""
        # A loop that does not say its length, such as one that only measures, is at its start.
        share = runner.iter / runner.max_iters if runner.max_iters > 0 else 0.0
        for part in self._followers:
            part.set_progress(share)
