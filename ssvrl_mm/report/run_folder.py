"""What a run left in its folder: its launches, its config, what it logged, its checkpoint."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeGuard

from mmengine.config import Config

from ssvrl_mm.config_text import literal_settings
from ssvrl_mm.engine.checkpoint_files import (
    CheckpointFileError,
    load_checkpoint_file,
    newest_checkpoint,
)
from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.run_logs import RunLogError, find_runs
from ssvrl_mm.zoo.run_record import RunRecordError, logged_scalars

_STAMP = re.compile(r'\d{8}_\d{6}')
_FORMAT = '%Y%m%d_%H%M%S'
_OURS = 'ssvrl_mm'


@dataclass(frozen=True)
class Launch:
    """One start of a training or a test.

    Attributes:
        folder: The folder of its log, named after the time of its start.
        log: Its log; None where there is none.
        config: Its config as it was used; None where there is none.
        trained: Whether it logged any step of a training.
        first: Its first logged iteration; 0 if it did not train.
    """

    folder: Path
    log: Path | None
    config: Path | None
    trained: bool
    first: int = 0

    @property
    def started(self) -> datetime:
        """When it was started."""
        started = _started(self.folder.name)
        assert started is not None, self.folder
        return started


@dataclass(frozen=True)
class RunFolder:
    """A run of this package.

    Attributes:
        path: Its work dir.
        cfg: Its config as it was used.
        config_file: Where that was read.
        launches: Its starts, the first one first.
        scalars: What it logged, steps that were done twice once.
        checkpoint: Its newest whole checkpoint; None if it has none.
        reached: The epochs and iterations that were done at that, as far as it says them.
        total: Iterations of the whole training; None where nobody knows.
        remarks: What about it cannot be read, in words.
    """

    path: Path
    cfg: Config
    config_file: Path
    launches: list[Launch]
    scalars: list[dict[str, Any]] = field(default_factory=list)
    checkpoint: Path | None = None
    remarks: list[str] = field(default_factory=list)
    reached: Mapping[str, int] = field(default_factory=dict)
    total: int | None = None

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The lines that were logged while it trained."""
        return [line for line in self.scalars if 'iter' in line]

    def first_load_from(self) -> str | None:
        """The ``load_from`` of the launch that the training began with."""
        for launch in self.told_by[:1]:
            if launch.config is not None:
                text = launch.config.read_text(encoding='utf-8', errors='replace')
                told = literal_settings(text, ('load_from', 'resume'))
                return None if told.get('resume') else told.get('load_from')
        return None

    @property
    def told_by(self) -> list[Launch]:
        """The launches whose machine and time are the run's: those that trained, or else all."""
        return [launch for launch in self.launches if launch.trained] or self.launches

    @property
    def name(self) -> str:
        """What its config is called."""
        own = [file for file in self.path.glob('*.py') if file.is_file()]
        return own[0].stem if len(own) == 1 else self.path.resolve().name


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
    remarks: list[str] = []
    scalars: list[dict[str, Any]] = []
    try:
        scalars = logged_scalars(path)
    except RunRecordError as error:
        remarks.append(f'The log of the training cannot be read: {error}')
    launches = [
        _launch(child)
        for child in sorted(path.iterdir())
        if child.is_dir() and _started(child.name) is not None
    ]
    cfg, file = _read_config(path, launches)
    check_ours(cfg, path)
    checkpoint = None
    try:
        found = newest_checkpoint(path)
        checkpoint = found.path if found else None
    except CheckpointFileError as error:
        remarks.append(f'No checkpoint can be read: {error}')
    reached = _reached(checkpoint)
    total = _total_iterations(path, cfg)
    return RunFolder(path, cfg, file, launches, scalars, checkpoint, remarks, reached, total)


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


def _total_iterations(path: Path, cfg: Config) -> int | None:
    """Iterations of the whole training, by its log and its config."""
    try:
        (run,) = find_runs(path)
    except (RunLogError, OSError, ValueError):
        return None
    return replace(run, settings=cfg.to_dict()).total_iterations


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether something that was logged is a number; NaN is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _started(name: str) -> datetime | None:
    """The time that a folder is named after; None where it is another folder."""
    if not _STAMP.fullmatch(name):
        return None
    try:
        return datetime.strptime(name, _FORMAT)
    except ValueError:  # the 99th of a month
        return None


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


def _launch(folder: Path) -> Launch:
    logs = sorted(folder.glob('*.log'))
    config = folder / 'vis_data' / 'config.py'
    first = 0
    scalars = folder / 'vis_data' / 'scalars.json'
    if scalars.is_file():
        found = re.search(r'"iter": (\d+)', scalars.read_text(errors='replace'))
        first = int(found[1]) if found else 0
    return Launch(
        folder,
        logs[0] if logs else None,
        config if config.is_file() else None,
        trained=first > 0,
        first=first,
    )


def _read_config(path: Path, launches: list[Launch]) -> tuple[Config, Path]:
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
