"""Tells a model its epoch."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class SetEpochHook(Hook):
    """Calls the model's ``set_epoch`` before every training epoch, where it has one.

    For models whose training changes with the epoch, such as a
    :class:`~ssvrl_mm.models.recognizers.ContrastiveRecognizer` with a table of stages. The epoch
    comes from the runner, so a resumed run goes on as an uninterrupted one. Every config of ours
    has this hook; to other models it does nothing.

    Example:
        >>> default_hooks = dict(set_epoch=dict(type='SetEpochHook'))
    """

    priority = 'NORMAL'

    def before_train_epoch(self, runner: Runner) -> None:
        """Sets the epoch (0-based)."""
        model: Any = unwrap_model(runner.model)
        if hasattr(model, 'set_epoch'):
            model.set_epoch(runner.epoch)
