"""What a run left in its folder: its launches, its config, what it logged, its checkpoint."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from mmengine.config import Config

from ssvrl_mm.ablation.runs import CONFIG as ABLATION_CONFIG
from ssvrl_mm.config_text import literal_settings
from ssvrl_mm.engine.checkpoint_files import (
    CheckpointFileError,
    load_checkpoint_file,
    newest_checkpoint,
)
from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.run_logs import Launch, RunLog, RunLogError, launches_in, run_in

_OURS = 'ssvrl_mm'


@dataclass(frozen=True)
class RunFolder:
    """A run of this package.

    Attributes:
        path: Its work dir.
        cfg: Its config as it was used.
        config_file: Where that was read.
        log: What it has logged; its settings are those of ``cfg``.
        checkpoint: Its newest whole checkpoint; None if it has none.
        reached: The epochs and iterations that were done at that, as far as it says them.
        remarks: What about it cannot be read, in words.
    """

    path: Path
    cfg: Config
    config_file: Path
    log: RunLog
    checkpoint: Path | None = None
    remarks: list[str] = field(default_factory=list)
    reached: Mapping[str, int] = field(default_factory=dict)

    @property
    def launches(self) -> Sequence[Launch]:
        """Its starts, the first one first."""
        return self.log.launches

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The lines that were logged while it trained."""
        return [line for line in self.log.lines if 'iter' in line]

    @property
    def validations(self) -> list[dict[str, Any]]:
        """What validations logged; those of no training are at step 0, again and again."""
        return [line for line in self.log.lines if 'iter' not in line and line.get('step', 0) > 0]

    def first_load_from(self) -> str | None:
        """The ``load_from`` of the launch that the training began with."""
        for launch in self.told_by[:1]:
            if launch.config is not None:
                text = launch.config.read_text(encoding='utf-8', errors='replace')
                told = literal_settings(text, ('load_from', 'resume'))
                return None if told.get('resume') else told.get('load_from')
        return None

    @property
    def told_by(self) -> Sequence[Launch]:
        """The launches whose machine and time are the run's: those that trained, or else all."""
        return [launch for launch in self.launches if launch.trained] or self.launches

    @property
    def name(self) -> str:
        """What its config is called."""
        own = [file.name for file in self.path.glob('*.py') if file.is_file()]
        folder = self.path.resolve()
        if own == [ABLATION_CONFIG]:
            # A seed of several, in a folder of its own below that of the config.
            return folder.parent.name
        return Path(own[0]).stem if len(own) == 1 else folder.name


def open_run(folder: str | os.PathLike) -> RunFolder:
    """Reads what lies in the work dir of a run, whether it has ended or not.

    Its config is executed, as every config of OpenMMLab is.

    Args:
        folder: The work dir.

    Raises:
        ReportError: There is no such folder, it holds no run, or a run of another project.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ReportError(f'there is no folder {path}')
    try:
        log = run_in(path)
        remarks = list(log.notes)
    except RunLogError as error:
        log = RunLog(path, [], launches=launches_in(path))
        remarks = [f'The log of the training cannot be read: {error}']
    cfg, file = _read_config(path, log.launches)
    check_ours(cfg, path)
    checkpoint = None
    try:
        found = newest_checkpoint(path)
        checkpoint = found.path if found else None
    except CheckpointFileError as error:
        remarks.append(f'No checkpoint can be read: {error}')
    log = replace(log, settings=cfg.to_dict())
    return RunFolder(path, cfg, file, log, checkpoint, remarks, _reached(checkpoint))


def _reached(checkpoint: Path | None) -> dict[str, int]:
    """What a checkpoint says of how far the training was."""
    if checkpoint is None:
        return {}
    try:
        meta = load_checkpoint_file(str(checkpoint), 'cpu').get('meta')
    except (AttributeError, CheckpointFileError, OSError, UnpicklingError):
        return {}
    if not isinstance(meta, Mapping):
        return {}
    return {name: meta[name] for name in ('epoch', 'iter') if isinstance(meta.get(name), int)}


def check_ours(cfg: Config, path: Path) -> None:
    """Checks that a config builds parts of this package.

    Raises:
        ReportError: It does not.
    """
    custom: Mapping[str, Any] = cfg.get('custom_imports') or {}
    imports = custom.get('imports') or []
    imports = [imports] if isinstance(imports, str) else imports
    scope = cfg.get('default_scope')
    if scope != _OURS and not any(str(name).partition('.')[0] == _OURS for name in imports):
        raise ReportError(
            f'{path} holds a run of another project (default_scope is {scope!r}): its config '
            f'neither has the scope {_OURS!r} nor imports {_OURS}'
        )


def _read_config(path: Path, launches: Sequence[Launch]) -> tuple[Config, Path]:
    """The config of the last launch that trained, or else of the last one, or one in the folder."""
    order = sorted(launches, key=lambda launch: (launch.trained, launch.folder.name), reverse=True)
    files = [launch.config for launch in order if launch.config]
    files += sorted(path.glob('*.py'))
    if not files:
        raise ReportError(
            f'{path} holds no run: neither a config nor the log of a training or a test, as '
            'tools/train.py, tools/test.py and tools/demo.py leave them there'
        )
    try:
        return Config.fromfile(files[0]), files[0]
    except Exception as error:  # a config may raise whatever it likes
        raise ReportError(
            f'{files[0]} cannot be read as a config: {type(error).__name__}: {error}'
        ) from error
