"""What there is to train: nothing at all is a mistake, nothing any more is said."""

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
from ssvrl_mm.registry import HOOKS


class NothingToTrainError(ValueError):
    """An epoch has no iterations; the message says why and what to change."""


@HOOKS.register_module()
class TrainingAmountHook(Hook):
    """Refuses a training without iterations; says when a resumed one was at its end already.

    And when its epochs have another length than those before: on another number of processes for
    instance. It goes on from the same epoch, with the learning rate of the checkpoint.

    Raises:
        NothingToTrainError: The list of videos is shorter than a batch of all processes.
        CheckpointFileError: Epochs have another length, and schedules count iterations.

    Example:
        >>> default_hooks = dict(training_amount=dict(type='TrainingAmountHook'))
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Counts, if it is a training."""
        if isinstance(runner._train_loop, BaseLoop):
            check_iterations(runner.train_dataloader)

    def before_train(self, runner: Runner) -> None:
        """Says so where the loop would end without a word."""
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):  # epochs may have another length now
            _follow_length_of_epochs(runner, loop)
            finished = loop.epoch >= loop.max_epochs
        else:
            finished = loop.iter >= loop.max_iters
        if finished:
            runner.logger.warning(
                'nothing left to train: %s is at epoch %d (of max_epochs=%d), iteration %d (of '
                '%d). To go on, raise train_cfg.',
                runner._load_from or 'the checkpoint',
                *(loop.epoch, loop.max_epochs, loop.iter, loop.max_iters),
            )


def _follow_length_of_epochs(runner: Runner, loop: EpochBasedTrainLoop) -> None:
    """Has the iterations of a resumed run agree with its epochs."""
    now = len(loop.dataloader)
    if loop.iter == loop.epoch * now:
        return
    found = (
        f'{runner._load_from or "the checkpoint"} is at epoch {loop.epoch} and iteration '
        f'{loop.iter}, and here epochs have {now} iterations: another number of processes, batch '
        'or list of videos'
    )
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [part for parts in schedulers.values() for part in parts]
    if any(not part.by_epoch and part.last_step + 1 < part.end for part in schedulers):
        raise CheckpointFileError(
            f'{found}. The schedule counts iterations and would go on at the wrong place: resume '
            'with as many videos per step (processes x batch_size) as before, or give the '
            'checkpoint as load_from to start anew from its weights.'
        )
    runner.logger.warning(
        '%s. Training goes on from this epoch, with the learning rate of the checkpoint, which '
        'belongs to as many videos per step as before.',
        found,
    )
    loop._iter = loop.epoch * now


def check_iterations(loader: Any) -> None:
    """Checks that an epoch has at least one iteration.

    Args:
        loader: Loader of the training, of this process.

    Raises:
        NothingToTrainError: It has none.
    """
    try:
        iterations, videos = len(loader), len(loader.dataset)
    except TypeError:  # streams have no length
        return
    if iterations:
        return
    processes = get_world_size()
    if not videos:
        raise NothingToTrainError('the training dataset holds no videos: nothing can be trained')
    batch, share = loader.batch_size, videos // processes
    remedy = f'set train_dataloader.batch_size to {share} or less' if share else 'or a longer list'
    raise NothingToTrainError(
        f'{videos} videos are less than one batch: train_dataloader.batch_size={batch} on '
        f'{processes} process{"es" if processes > 1 else ""} makes {batch * processes}, and '
        f'drop_last leaves the rest out, so that nothing would be trained. Take fewer processes, '
        f'{remedy}.'
    )
