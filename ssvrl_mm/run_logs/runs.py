"""Runs, found by a folder or a file, and all that they have logged."""

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssvrl_mm.config_text import literal_settings
from ssvrl_mm.run_logs.launches import Launch, launch_in, launches_in, work_dir_of
from ssvrl_mm.run_logs.parts import LogPart, join_parts, read_scalar_file, read_text_log

_CONFIGS = ('config.py', 'vis_data/config.py')
_SEED = re.compile(r'seed_(\d+)(?:-[0-9a-f]{8})?(?:-val)?')
#: Folders of one run, of the seeds of a config, of several configs: no run lies deeper.
_DEPTH = 3


class RunLogError(ValueError):
    """There is nothing to read where a run was said to be; the message names it and says why."""


@dataclass(frozen=True)
class RunLog:
    """What a run has logged.

    Attributes:
        path: Its folder, or the file that it was read from.
        lines: What was logged, in the order of the steps: of the training with ``iter``, of
            evaluations with ``step``, their epoch.
        notes: What people should know of it: what was left out, and why.
        folder: Its work dir, whatever of it was named.
        seed: As the name of that has it; None where it has none.
        settings: What its config says, as far as that can be read.
        epoch_length: Iterations of an epoch; None where nobody knows.
        launches: The processes that worked on it, the first one first; none of a single file.
    """

    path: Path
    lines: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    folder: Path = Path()
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    epoch_length: int | None = None
    launches: Sequence[Launch] = ()

    @property
    def total_iterations(self) -> int | None:
        """How many iterations the whole run has; None where nobody knows."""
        loop = self.settings.get('train_cfg')
        loop = loop if isinstance(loop, Mapping) else {}
        if isinstance(loop.get('max_iters'), int):
            return loop['max_iters']
        if isinstance(loop.get('max_epochs'), int) and self.epoch_length:
            return loop['max_epochs'] * self.epoch_length
        return None


def find_runs(path: str | os.PathLike) -> list[RunLog]:
    """The runs at a path.

    Args:
        path: Work dir of a run; a folder of some; the folder that one process has logged to
            (``TIME``, ``TIME/vis_data``); a file: scalars (``.json``) or text (``.log``).

    Returns:
        One at least, sorted by their folders. Of an ablation's run, which need not be evaluated
        during training, the figures before and after it are evaluations of the epochs 0 and last.

    Raises:
        RunLogError: There is no such place, or nothing was logged there.

    Example:
        >>> find_runs('work_dirs/demo')[0].lines[0]['loss']
    """
    path = Path(path)
    if path.is_file():
        if path.suffix not in ('.json', '.log'):
            raise RunLogError(f'{path}: neither scalars of a run (.json) nor its text (.log)')
        return [_checked(_run(path, [_launch_of(path)]))]
    if not path.is_dir():
        raise RunLogError(f'{path}: no such file or folder')
    folder = path.parent if path.name == 'vis_data' else path
    for depth in range(_DEPTH):
        children = _folders(folder, depth)
        found = [(child, own) for child in children if (own := _launches(child, depth == 0))]
        if found:
            return _readable(found)
    raise RunLogError(f'{path}: no run has logged there (TIME/vis_data/scalars.json, TIME/*.log)')


def run_in(folder: str | os.PathLike) -> RunLog:
    """What has been logged in a work dir, be it nothing, or by a test alone.

    Args:
        folder: The work dir.

    Raises:
        RunLogError: There is no such folder, or a log in it cannot be read.

    Example:
        >>> [launch.started for launch in run_in('work_dirs/demo').launches]
    """
    try:
        return _run(Path(folder), launches_in(Path(folder)))
    except OSError as error:
        raise RunLogError(f'{folder}: {error.strerror}') from error


def _readable(found: Sequence[tuple[Path, Sequence[Launch]]]) -> list[RunLog]:
    """The runs that have logged something; of the others, a note."""
    runs, broken = [], []
    for folder, launches in found:
        try:
            runs.append(_checked(_run(folder, launches)))
        except RunLogError as error:
            broken.append(str(error))
    if not runs:
        raise RunLogError('; '.join(broken))
    runs[0].notes.extend(f'left out: {what}' for what in broken)
    return runs


def _folders(folder: Path, depth: int) -> list[Path]:
    if depth == 0:
        return [folder]
    return sorted(path for path in folder.glob('/'.join('*' * depth)) if path.is_dir())


def _launches(folder: Path, named: bool) -> list[Launch]:
    """The launches of a run that have logged, or the one whose folder this is.

    Where nobody has named it, that has scalars: the text beside other folders may be of anything.
    """
    own = launch_in(folder)
    launches = [launch for launch in launches_in(folder) if launch.figures]
    return launches or ([own] if own.scalars or (named and own.log) else [])


def _launch_of(file: Path) -> Launch:
    """The process that has written a file, as if it had written no other."""
    folder = file.parent.parent if file.parent.name == 'vis_data' else file.parent
    if file.suffix == '.log':
        return Launch(folder, log=file)
    return Launch(folder, scalars=file)


def _run(path: Path, launches: Sequence[Launch]) -> RunLog:
    notes: list[str] = []
    parts = [_read(launch.figures, notes) for launch in launches]
    lines = join_parts(part.lines for part in parts)
    notes += [f'{path}: {note}' for note in _not_finite(lines)]
    home = work_dir_of(launches[0].folder if launches else path)
    settings = next(_settings([home, *(launch.folder for launch in reversed(launches))]), {})
    lines += _before_and_after(home, lines)
    told = next((part.epoch_length for part in reversed(parts) if part.epoch_length), None)
    matched = _SEED.fullmatch(home.name)
    return RunLog(
        path, lines, notes, home,
        seed=int(matched[1]) if matched else None,
        settings=settings,
        epoch_length=told or _epoch_length(lines),
        launches=[
            replace(launch, first=next((li['iter'] for li in part.lines if 'iter' in li), 0))
            for launch, part in zip(launches, parts, strict=True)
        ],
    )  # fmt: skip


def _checked(run: RunLog) -> RunLog:
    """The run, if it has trained.

    Raises:
        RunLogError: It has not.
    """
    if not run.lines:
        why = run.notes[0] if run.notes else f'{run.launches[0].figures} holds no figures'
        raise RunLogError(f'{run.path}: nothing was logged: {why}')
    if not any('iter' in line for line in run.lines):
        raise RunLogError(f'{run.path}: holds no training, but the figures of a test')
    return run


def _read(file: Path | None, notes: list[str]) -> LogPart:
    if file is None:
        return LogPart([], [])
    try:
        part = read_text_log(file) if file.suffix == '.log' else read_scalar_file(file)
    except OSError as error:
        raise RunLogError(f'{file}: {error.strerror}') from error
    if part.cut_off:
        notes.append(f'{file}: the last entry is not whole, and left out')
    if part.problems:
        number, problem = part.problems[0]
        more = f' (and {len(part.problems) - 1} more)' if len(part.problems) > 1 else ''
        notes.append(f'{file}: entry {number} {problem}: left out{more}')
    return part


def _not_finite(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A note on each figure that is NaN or infinite at times."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for line in lines:
        for key, value in line.items():
            if isinstance(value, float) and not math.isfinite(value):
                counts[key] += 1
                where = (
                    f'iteration {line["iter"]}' if 'iter' in line else f'step {line.get("step")}'
                )
                first.setdefault(key, where)
    for key, count in counts.items():
        yield f'{key} is not finite {count} times, first at {first[key]}; curves have gaps there'


def _settings(folders: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """What the configs in some folders say, in their order."""
    for place in folders:
        for name in _CONFIGS:
            config = place / name
            if config.is_file():
                yield literal_settings(config.read_text(encoding='utf-8', errors='replace'))


def _before_and_after(folder: Path, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What an ablation has measured before and after the run, as evaluations."""
    epochs = [line['epoch'] for line in lines if 'epoch' in line]
    try:
        result = json.loads((folder / 'result.json').read_text(encoding='utf-8'))
        found = [result['before'], result['after']]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    if not epochs or not all(isinstance(figures, dict) for figures in found):
        return []
    return [
        {**figures, 'step': step}
        for figures, step in zip(found, (0, epochs[-1]), strict=True)
        # One that was evaluated during training has measured its end as well.
        if not any('iter' not in line and line.get('step') == step for line in lines)
    ]


def _epoch_length(lines: Sequence[Mapping[str, Any]]) -> int | None:
    """The fewest iterations of an epoch by which each line is in its own; None: there are none.

    Logs name epoch e at iteration i, so that (e - 1) n < i <= e n.
    """
    steps = [(line['iter'], line['epoch']) for line in lines if 'iter' in line and 'epoch' in line]
    if not steps:
        return None
    least = max(-(-iteration // max(epoch, 1)) for iteration, epoch in steps)
    fits = all((epoch - 1) * least < iteration for iteration, epoch in steps)
    return least if fits else None
