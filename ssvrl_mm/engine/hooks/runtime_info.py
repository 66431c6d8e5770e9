"""What the log is told of every step, without a wait for the device in every step."""

from typing import Any

import torch
from mmengine.hooks import LoggerHook
from mmengine.hooks import RuntimeInfoHook as _RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from ssvrl_mm.registry import HOOKS


@HOOKS.register_module()
class RuntimeInfoHook(_RuntimeInfoHook):
    """mmengine's hook of this name, which reads what is on a GPU when it is logged.

    mmengine reads every scalar of every step, and each time the host waits until the GPU has done
    the whole step. Here they stay on the GPU and are read together: when a ``LoggerHook`` is about
    to log, at the end of an epoch, and for a checkpoint. The log is the same, number for number.

    Example:
        >>> default_hooks = dict(runtime_info=dict(type='RuntimeInfoHook'))
    """

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Keeps the scalars of the step; reads them if somebody is about to."""
        self._waiting.append(dict(outputs or {}))
        if not any(map(_on_device, self._waiting[-1].values())) or self._is_due(runner, batch_idx):
            self._read(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Reads what is left."""
        self._read(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Reads what is left, as a checkpoint holds the history of the log."""
        if self._waiting:
            self._read(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def _is_due(self, runner: Runner, batch_idx: int) -> bool:
        """Whether something is logged after this step."""
        return self.end_of_epoch(runner.train_dataloader, batch_idx) or any(
            self.every_n_inner_iters(batch_idx, hook.interval)
            for hook in runner.hooks
            if isinstance(hook, LoggerHook)
        )

    def _read(self, runner: Runner) -> None:
        """Tells the message hub all that it was not told yet, step by step; waits once."""
        steps, self._waiting = self._waiting, []
        kept = [value for step in steps for value in step.values() if _on_device(value)]
        read = iter(torch.stack([value.double() for value in kept]).tolist() if kept else ())
        for step in steps:
            for name, value in step.items():
                number = next(read) if _on_device(value) else value
                runner.message_hub.update_scalar(f'train/{name}', number)


def _on_device(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type != 'cpu'
