"""Stages that begin as runs of their own would."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.engine.optim import each_wrapper
from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class RestartStagesHook(Hook):
    """Begins each stage but the first as a run that is given nothing but the trained weights.

    So does the code of `CoCLR <https://arxiv.org/abs/2010.09709>`_, in which every phase is a run:
    the queue is empty, the momentum copies are exact copies of the trained networks, the
    optimizer has no state, and the learning rate is 0 until the queue is full, so that nothing
    is learnt before there are positives.

    A stage begins with an epoch: a run that is resumed there begins it alike. The log shows the
    rate of the schedule while the queue fills, too.

    Raises:
        TypeError: before training, for a model without stages.

    Example:
        >>> custom_hooks = [dict(type='RestartStagesHook')]
    """

    # Rates are whole again before schedulers (LOW) look at them.
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._waiting = False
        self._rates: list[float] | None = None

    def before_train(self, runner: Runner) -> None:
        """Looks for the stages; a queue that was not full when the run stopped goes on filling."""
        model: Any = unwrap_model(runner.model)
        if not hasattr(model, 'stages') or not hasattr(model, 'restart'):
            raise TypeError(
                f'RestartStagesHook is for models with stages, such as ContrastiveRecognizer, '
                f'not {type(model).__name__}: take it out of custom_hooks'
            )
        later = [start for start, _ in model.stages[1:]]
        self._waiting = bool(later) and runner.epoch >= later[0]

    def before_train_epoch(self, runner: Runner) -> None:
        """Restarts queue, copies and optimizer where a stage begins."""
        model: Any = unwrap_model(runner.model)
        if runner.epoch in [start for start, _ in model.stages[1:]]:
            model.restart()
            for wrapper in each_wrapper(runner.optim_wrapper).values():
                wrapper.optimizer.state.clear()
            self._waiting = True

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Takes the learning rate away while the queue fills."""
        model: Any = unwrap_model(runner.model)
        if self._waiting:
            self._waiting = not bool(model.head.queue.is_full)
        if self._waiting:
            groups = _groups(runner)
            self._rates = [group['lr'] for group in groups]
            for group in groups:
                group['lr'] = 0.0

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Gives the learning rate back."""
        if self._rates is not None:
            for group, rate in zip(_groups(runner), self._rates, strict=True):
                group['lr'] = rate
            self._rates = None


def _groups(runner: Runner) -> list[dict]:
    """The parameter groups of all optimizers."""
    wrappers = each_wrapper(runner.optim_wrapper).values()
    return [group for wrapper in wrappers for group in wrapper.param_groups]
