"""Hooks that keep a run from going on with weights that nobody gave it."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Loads a checkpoint into the model as a whole, or raises.

    mmengine loads what matches and warns about the rest. A checkpoint of another model given to a
    test then tests random weights, and the figures are written down under its name.

    Training, from ``load_from`` or resumed, wants every weight in its shape, queues and momentum
    encoders too, and nothing besides. A test wants every weight that its figures depend on: those
    that the model calls ``training_only`` may be missing, and others, of another stream for
    instance, may be left over.

    Args:
        ignore: Starts of names of weights that may be missing, have another shape or have no
            place in the model: for whoever means to load a part.

    Raises:
        WeightsError: Before anything is tested or trained.

    Example:
        >>> # Stage 2 with a queue of another length than stage 1 had: it starts empty.
        >>> default_hooks = dict(
        ...     strict_checkpoint=dict(type='StrictCheckpointHook', ignore=['head.queue.']))
    """

    priority = 'VERY_HIGH'

    def __init__(self, ignore: Sequence[str] = ()) -> None:
        if isinstance(ignore, str):
            raise TypeError(f'ignore must be a sequence of starts of names, got {ignore!r}')
        self.ignore = tuple(ignore)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Loads the weights; leaves mmengine, which would go on to do so, nothing to disagree."""
        # Imports all models, which whoever only launches need not wait for.
        from ssvrl_mm.models.utils.checkpoint_settings import check_norm_eps
        from ssvrl_mm.models.utils.weights import WeightsError, load_weights, named_weights

        source = str(runner._load_from or 'the checkpoint')
        model = unwrap_model(runner.model)
        training = isinstance(runner._train_loop, BaseLoop)
        if runner._resume and training and not {'meta', 'optimizer'} <= checkpoint.keys():
            raise WeightsError(
                f'{source}: holds no state of a training to resume, only {sorted(checkpoint)[:5]}; '
                'give it as load_from to start from its weights'
            )
        load_weights(
            model,
            named_weights(checkpoint, source),
            source,
            ignore=self.ignore if training else (*self.ignore, *_training_only(model)),
            allow_left_over=not training,
        )
        check_norm_eps(model, checkpoint, source)
        if 'state_dict' not in checkpoint:
            checkpoint.clear()
        checkpoint['state_dict'] = model.state_dict()


def _training_only(model: Any) -> tuple[str, ...]:
    return tuple(getattr(model, 'training_only', ()))


@HOOKS.register_module()
class InitBeforeTestHook(Hook):
    """Initialises a model for a test without a checkpoint, as training would.

    For models that are put together from several checkpoints, like
    :class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer`, or whose backbones all name weights
    of another library (``pretrained``). A model that names none is refused.

    Args:
        random: Whether it is not, and has the weights that its training would start from.

    Raises:
        RuntimeError: Neither the run nor the model names a checkpoint.

    Example:
        >>> custom_hooks = [dict(type='InitBeforeTestHook')]
    """

    priority = 'VERY_HIGH'

    def __init__(self, random: bool = False) -> None:
        self.random = random

    def before_test(self, runner: Runner) -> None:
        """Calls the model's ``init_weights`` unless weights were loaded or trained."""
        model: Any = unwrap_model(runner.model)
        if runner._has_loaded or runner.iter > 0:
            return
        parts, checkpoints = getattr(model, 'classifiers', None), getattr(model, 'checkpoints', {})
        complete = parts is not None and set(parts) == set(checkpoints)
        if not (self.random or complete or getattr(model, 'starts_pretrained', False)):
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
