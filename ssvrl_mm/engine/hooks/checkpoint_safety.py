"""Hooks that keep a run from going on with weights that nobody gave it."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raises when a checkpoint does not hold exactly the weights of the model.

    mmengine loads what matches and warns about the rest. A pretraining checkpoint given to the
    test of a classifier then tests random weights, and reports what comes out.

    Raises:
        WeightsError: Before anything is tested or trained.

    Example:
        >>> default_hooks = dict(strict_checkpoint=dict(type='StrictCheckpointHook'))
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compares names and shapes."""
        # Imports all models, which whoever only launches need not wait for.
        from ssvrl_mm.models.utils.weights import load_weights, named_weights

        source = str(runner._load_from or 'the checkpoint')
        load_weights(unwrap_model(runner.model), named_weights(checkpoint, source), source)


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
        model: Any = unwrap_model(runner.model)
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
