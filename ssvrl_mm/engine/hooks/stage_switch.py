"""Tells a model its epoch, so that it can switch its training stage."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS


@HOOKS.register_module()
class StageSwitchHook(Hook):
    """Calls the model's ``set_epoch`` before every training epoch and logs a change of stage.

    For models that train in stages within one run, like MVCGC and CoCLR. The epoch comes from the
    runner, so a resumed run goes on in the right stage.

    Raises:
        TypeError: before training, when the model has no ``set_epoch``.

    Example:
        >>> custom_hooks = [dict(type='StageSwitchHook')]
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self._stage: str | None = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Sets the epoch (0-based)."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, 'set_epoch'):
            raise TypeError(f'{type(model).__name__} has no stages: set_epoch is missing')
        model.set_epoch(runner.epoch)
        if model.stage != self._stage:
            runner.logger.info(f'epoch {runner.epoch + 1}: training stage is {model.stage!r}')
            self._stage = model.stage
