"""Hooks that keep a run from going on with weights that nobody gave it."""

import re
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS

_SHOWN = 5


def _unwrapped(runner: Runner) -> Any:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises when a checkpoint does not hold exactly the weights of the model.

    mmengine loads what matches and warns about the rest. A pretraining checkpoint given to the
    test of a classifier then tests random weights, and reports what comes out.

    Raises:
        RuntimeError: Before the checkpoint is loaded.

    Example:
        >>> default_hooks = dict(strict_checkpoint=dict(type='StrictCheckpointHook'))
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compares names."""
        weights = checkpoint.get('state_dict', checkpoint)
        there = {re.sub(r'^module\.', '', name) for name in weights}
        model = _unwrapped(runner)
        wanted = set(model.state_dict())
        missing, left_over = sorted(wanted - there), sorted(there - wanted)
        if missing or left_over:
            raise RuntimeError(
                f'the checkpoint is not one of this {type(model).__name__}: '
                f'{len(wanted) - len(missing)} of its {len(wanted)} weights are there, '
                f'{len(missing)} are missing ({", ".join(missing[:_SHOWN])} ...), '
                f'{len(left_over)} have no place in it ({", ".join(left_over[:_SHOWN])} ...)'
            )


@HOOKS.register_module()
class InitBeforeTestHook(Hook):
    """Initialises a model for a test without a checkpoint, as training would.

    For models that are put together from several checkpoints, like
    :class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer`. A model that names none is refused.

    Raises:
        RuntimeError: Neither the run nor the model names a checkpoint.

    Example:
        >>> custom_hooks = [dict(type='InitBeforeTestHook')]
    """

    priority = 'VERY_HIGH'

    def before_test(self, runner: Runner) -> None:
        """Calls the model's ``init_weights`` unless weights were loaded or trained."""
        model = _unwrapped(runner)
        if runner._has_loaded or runner.iter > 0:
            return
        parts, checkpoints = getattr(model, 'classifiers', None), getattr(model, 'checkpoints', {})
        if parts is None or set(parts) != set(checkpoints):
            raise RuntimeError(
                'nothing to test: give a checkpoint, or model.checkpoints one for every classifier'
            )
        model.init_weights()


@HOOKS.register_module()
class ValidateOnResumeHook(Hook):
    """Runs the validation that an interrupted run still owed at its last checkpoint.

    A checkpoint is written before the validation of its epoch. A learning rate that follows the
    validation (``ReduceOnPlateauLR``) would miss that one after resuming; with this hook a resumed
    run goes on as the uninterrupted one.

    Example:
        >>> custom_hooks = [dict(type='ValidateOnResumeHook')]
    """

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Validates if the resumed epoch is one that ends with it."""
        loop, epoch = runner.train_loop, runner.epoch
        if epoch == 0 or runner.val_loop is None:
            return
        # As the loop itself decides; a resumed loop has yet to find the interval of this epoch.
        loop._decide_current_val_interval()
        due = epoch % loop.val_interval == 0 or epoch == loop.max_epochs
        if due and epoch >= loop.val_begin:
            runner.val_loop.run()
