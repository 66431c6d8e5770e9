"""Saving of checkpoints that a kill cannot undo."""

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process, master_only
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook as BaseCheckpointHook
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader

from ssvrl_mm.engine.checkpoint_files import POINTER
from ssvrl_mm.engine.hooks.finite_loss import check_before_saving
from ssvrl_mm.registry import HOOKS
from ssvrl_mm.suggestions import argument_names, did_you_mean
from ssvrl_mm.whole_files import write_whole

_BACKEND = 'ssvrl_mm_whole_files'


@register_backend(_BACKEND)
class WholeFileBackend(LocalBackend):
    """Files of this machine, each written whole or not at all."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Writes bytes."""
        write_whole(filepath, bytes(obj))


@HOOKS.register_module()
class CheckpointHook(BaseCheckpointHook):
    """mmengine's ``CheckpointHook``, whose files survive a kill at any moment.

    mmengine deletes the outdated checkpoint first, then writes the new one in place: with
    ``max_keep_ckpts=1`` a kill in between loses everything. Here a file is written beside, brought
    to the disk and renamed, then ``last_checkpoint`` likewise, and what is outdated is deleted
    last. Nothing is saved when losses or weights are not finite.

    Args:
        keep_epochs: Epochs, counted from 1, whose checkpoints are saved whatever ``interval`` says
            and kept whatever ``max_keep_ckpts`` says.
        **kwargs: Those of mmengine's hook. ``backend_args`` and ``file_client_args`` choose
            another backend, whose way of writing then holds.

    Raises:
        TrainingDivergedError: A loss or a weight is not finite, before anything is written.
        TypeError: An argument that mmengine's hook does not have, which would take it in silence.
        ValueError: ``keep_epochs`` are no different whole numbers from 1, or go with
            ``by_epoch=False``; before training, one of them is beyond the last epoch.

    Example:
        >>> # The newest checkpoint, and those of two epochs.
        >>> default_hooks = dict(checkpoint=dict(
        ...     type='CheckpointHook', interval=5, max_keep_ckpts=1, keep_epochs=(1, 50)))
    """

    def __init__(self, keep_epochs: Sequence[int] = (), **kwargs: Any) -> None:
        known = {*argument_names(BaseCheckpointHook), 'keep_epochs'}
        for name in kwargs.keys() - known:
            meant = did_you_mean(name, known)
            raise TypeError(f'CheckpointHook has no argument {name!r}' + (meant and f'; {meant}'))
        self.keep_epochs = _checked_epochs(keep_epochs, kwargs.get('by_epoch', True))
        elsewhere = '://' in str(kwargs.get('out_dir') or '')
        if not (elsewhere or kwargs.get('backend_args') or kwargs.get('file_client_args')):
            kwargs['backend_args'] = dict(backend=_BACKEND)
        super().__init__(**kwargs)

    def before_train(self, runner: Runner) -> None:
        """Looks up what a resumed run had saved, in the folder as it is called now."""
        never = [epoch for epoch in self.keep_epochs if epoch > runner.max_epochs]
        if never:
            raise ValueError(
                f'keep_epochs: {never} never come, as training ends after epoch '
                f'{runner.max_epochs} (train_cfg.max_epochs)'
            )
        self._leave_out_kept(runner)
        super().before_train(runner)
        self._tell_missed(runner)
        for indicator, path in self._best().items():
            if path:
                self._set_best(indicator, self._path(os.path.basename(path)))

    def after_train_epoch(self, runner: Runner) -> None:
        """Saves the epochs to keep; others as mmengine's hook does."""
        if runner.epoch + 1 not in self.keep_epochs:
            super().after_train_epoch(runner)
            return
        runner.logger.info(f'Saving checkpoint at {runner.epoch + 1} epochs, to be kept')
        self._save_checkpoint(runner)

    def _leave_out_kept(self, runner: Runner) -> None:
        """Keeps mmengine from deleting what is to be kept, when fewer may stay than before."""
        saved = runner.message_hub.runtime_info.get('keep_ckpt_ids', [])
        if 0 < self.max_keep_ckpts < len(saved):
            surplus, newest = saved[: -self.max_keep_ckpts], saved[-self.max_keep_ckpts :]
            outdated = [epoch for epoch in surplus if epoch not in self.keep_epochs]
            runner.message_hub.update_info('keep_ckpt_ids', [*outdated, *newest])

    def _tell_missed(self, runner: Runner) -> None:
        """Says which of the epochs to keep a resumed run is past, without their checkpoints."""
        missed = [
            epoch
            for epoch in self.keep_epochs
            if epoch <= runner.epoch
            and not self.file_backend.exists(self._path(self.filename_tmpl.format(epoch)))
        ]
        if missed and is_main_process():
            runner.logger.warning(
                f'keep_epochs: {self.out_dir} holds no checkpoint of epochs {missed}, and the run '
                f'goes on after epoch {runner.epoch}'
            )

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """As mmengine's, in the other order."""
        check_before_saving(runner)
        outdated = []
        if self.max_keep_ckpts > 0 and not (self.keep_ckpt_ids and self.keep_ckpt_ids[-1] == step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self._path(name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        write_whole(Path(runner.work_dir, POINTER), str(self.last_ckpt).encode())
        for old in set(outdated) - set(self.keep_epochs):
            self._remove(self._path(self.filename_tmpl.format(old)))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """As mmengine's; the previous best goes when the new one is there."""
        if not self.save_best:
            return
        check_before_saving(runner)
        before = self._best()
        for indicator in before:
            self._set_best(indicator, None)
        super()._save_best_checkpoint(runner, metrics)
        for indicator, old in before.items():
            new = self._best().get(indicator)
            if new is None:
                self._set_best(indicator, old)
            elif old and old != new and is_main_process():
                self._remove(old)

    @master_only
    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        """Writes what is published of a checkpoint, under the start of the file's SHA-256."""
        checkpoint = CheckpointLoader.load_checkpoint(str(ckpt_path), map_location='cpu')
        assert self.published_keys is not None
        published = {key: value for key, value in checkpoint.items() if key in self.published_keys}
        buffer = io.BytesIO()
        torch.save(published, buffer)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        target = f'{os.path.splitext(ckpt_path)[0]}-{digest[:8]}.pth'
        self.file_backend.put(buffer.getvalue(), target)
        runner.logger.info(f'published {sorted(published)} of {ckpt_path} as {target}')

    def _path(self, name: str) -> str:
        return self.file_backend.join_path(self.out_dir, name)

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def _best(self) -> dict[str, str | None]:
        """Indicator -> file of its best checkpoint so far."""
        if not self.save_best:
            return {}
        if len(self.key_indicators) == 1:
            return {'': self.best_ckpt_path}
        return dict(self.best_ckpt_path_dict)

    def _set_best(self, indicator: str, path: str | None) -> None:
        if indicator:
            self.best_ckpt_path_dict[indicator] = path
        else:
            self.best_ckpt_path = path


def _checked_epochs(epochs: Sequence[int], by_epoch: bool) -> tuple[int, ...]:
    """The epochs to keep, if they are such."""
    are_epochs = isinstance(epochs, (list, tuple)) and all(
        isinstance(epoch, int) and not isinstance(epoch, bool) and epoch >= 1 for epoch in epochs
    )
    if not are_epochs or len(set(epochs)) < len(epochs):
        raise ValueError(
            f'keep_epochs must be a list of different whole numbers from 1, got {epochs!r}'
        )
    if epochs and not by_epoch:
        raise ValueError('keep_epochs are epochs: they need by_epoch=True')
    return tuple(epochs)
