"""Training that stops when its numbers are none any more."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ssvrl_mm.engine.checkpoint_files import CheckpointFileError, newest_checkpoint
from ssvrl_mm.engine.optim import each_wrapper
from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model

_NEVER = 2**62


class TrainingDivergedError(RuntimeError):
    """A loss or a weight is not finite; the message says when, which, and what is still good."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends training, on all processes, when a loss is not finite.

    Losses stay where they are computed until somebody looks at them: every ``interval``
    iterations, at the end of an epoch and before every save. No step waits for the device.

    Args:
        interval: Iterations between two looks.

    Raises:
        ValueError: ``interval`` is below 1.
        TrainingDivergedError: With the first such iteration, its losses and the last good
            checkpoint.

    Example:
        >>> default_hooks = dict(finite_loss=dict(type='FiniteLossHook'))
    """

    # Before anything is logged, validated or saved.
    priority = 'VERY_HIGH'

    def __init__(self, interval: int = 20) -> None:
        if interval < 1:
            raise ValueError(f'interval must be at least 1 iteration, got {interval}')
        self.interval = interval
        self._seen: dict[int, dict[str, Tensor]] = {}

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Keeps the losses; looks at them now and then."""
        self._seen[runner.iter + 1] = {
            name: torch.as_tensor(value).detach()
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        if (runner.iter + 1) % self.interval == 0:
            self.look(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Looks before the epoch is validated or saved."""
        self.look(runner)

    def look(self, runner: Runner) -> None:
        """Looks at the losses since the last time; all processes must do so together."""
        seen, self._seen = self._seen, {}
        first = _first_bad(seen)
        earliest = torch.tensor(_NEVER if first is None else first)
        all_reduce(earliest, op='min')
        if earliest == _NEVER:
            return
        iteration = int(earliest)
        own = {name: value.float().mean().item() for name, value in seen[iteration].items()}
        losses = all_gather_object(own)
        bad = [rank for rank, of_rank in enumerate(losses) if not _all_finite(of_rank)]
        shown = ', '.join(f'{name} {value:.6g}' for name, value in losses[bad[0]].items())
        where = f' of process {bad[0]} ({len(bad)} of {len(losses)})' if len(losses) > 1 else ''
        _stop(
            runner,
            f'a loss is not finite at iteration {iteration} (epoch {runner.epoch + 1}): '
            f'{shown}{where}',
        )


def check_before_saving(runner: Runner) -> None:
    """Refuses to save what cannot be trained on; all processes must call it together.

    Args:
        runner: Runner of the training.

    Raises:
        TrainingDivergedError: A loss since the last look, or a weight, is not finite.
    """
    from ssvrl_mm.models.utils.weights import not_finite

    for hook in runner.hooks:
        if isinstance(hook, FiniteLossHook):
            hook.look(runner)
    spoiled = not_finite(unwrap_model(runner.model))
    count = torch.tensor(len(spoiled))
    all_reduce(count, op='max')
    if count:
        shown = ', '.join(spoiled[:3]) or 'on another process'
        _stop(
            runner,
            f'{int(count)} weights are not finite after iteration {runner.iter}, while the losses '
            f'were: {shown}',
        )


def _stop(runner: Runner, what: str) -> None:
    """Says what happened in the log, then ends the training."""
    try:
        found = newest_checkpoint(runner.work_dir)
        good = f'the last good checkpoint is {found.path}' if found else 'no checkpoint was saved'
    except CheckpointFileError as error:
        good = str(error)
    clip = ' or '.join(
        '.'.join(filter(None, ('optim_wrapper', part, 'clip_grad')))
        for part in each_wrapper(runner.optim_wrapper)
    )
    message = (
        f'{what}; {good}. Nothing was saved since. A lower learning rate, {clip} or --no-amp may '
        'help.'
    )
    if get_rank() == 0:
        runner.logger.error(message)
    raise TrainingDivergedError(message)


def _first_bad(seen: Mapping[int, Mapping[str, Tensor]]) -> int | None:
    """The first iteration with a loss that is not finite; waits for the device once."""
    keys = [iteration for iteration, losses in seen.items() for _ in losses]
    if not keys:
        return None
    values = [value.float().mean() for losses in seen.values() for value in losses.values()]
    finite = torch.stack(values).isfinite().tolist()
    return next((key for key, good in zip(keys, finite, strict=True) if not good), None)


def _all_finite(losses: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, losses.values()))
