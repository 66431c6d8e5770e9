"""What a training left behind: its checkpoint, the config that it was run with, and its log."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.config import Config
from torch import Tensor

from ssvrl_mm.ablation import RunResult, load_result
from ssvrl_mm.config_text import literal_settings
from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file
from ssvrl_mm.engine.starting_points import starting_weights
from ssvrl_mm.models.utils.weights import named_weights
from ssvrl_mm.run_logs import join_parts, launches_in, read_scalar_file, training_seconds

# What a training depends on; folders, logging and evaluations are not among it.
_TRAINING = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'auto_scale_lr',
    'custom_hooks',
    'load_from',
)
# How things are read, not what they are.
_READING = frozenset(
    {
        'num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'timeout',
        'val_begin', 'val_interval', '_scope_',
    }
)  # fmt: skip
# Of paths, how many of the last parts say what lies there; those before say where.
_TOLD_BY = {'data_root': 1, 'checkpoint': 2, 'checkpoints': 2, 'load_from': 2}
_SHOWN = 5


class RunRecordError(ValueError):
    """A checkpoint is not of the run that it is said to be, or that left no log; says why."""


@dataclass(frozen=True)
class RunRecord:
    """A training that has ended.

    Attributes:
        checkpoint: Its file.
        weights: Name -> tensor.
        epoch: Epochs that it was trained for.
        seed: Of the run; None where it is not known.
        scalars: What was logged, in the order of the steps.
        hours: Time of the training steps, the wait for batches included, and of the runs that its
            weights start from.
        device: What it ran on.
        result: What the run itself measured before and after; None where it did not.
    """

    checkpoint: Path
    weights: dict[str, Tensor]
    epoch: int
    seed: int | None
    scalars: list[dict[str, Any]]
    hours: float
    device: str
    result: RunResult | None


def read_run(checkpoint: str | os.PathLike, cfg: Config) -> RunRecord:
    """Reads a checkpoint and what lies beside it.

    Args:
        checkpoint: File in the work dir of the run.
        cfg: The config that it is said to be of.

    Raises:
        CheckpointFileError: The file cannot be read.
        RunRecordError: It was trained with other settings, or for another time, or its log is
            missing, or ends before the checkpoint.
    """
    file = Path(checkpoint)
    content = load_checkpoint_file(str(file))
    meta = content.get('meta') if isinstance(content, Mapping) else None
    if (
        not isinstance(meta, Mapping)
        or not isinstance(meta.get('cfg'), str)
        or not isinstance(meta.get('iter'), int)
    ):
        raise RunRecordError(
            f'{file}: holds no config, or not how many iterations it was trained for, and so was '
            'not written by a training; a file that was published before cannot be published again'
        )
    differing = differing_settings(meta['cfg'], cfg)
    if differing:
        raise RunRecordError(
            f'{file} was not trained with {cfg.filename}: '
            + '; '.join(differing[:_SHOWN])
            + (f'; and {len(differing) - _SHOWN} more' if len(differing) > _SHOWN else '')
        )
    epochs = cfg.train_cfg.get('max_epochs')
    if meta.get('epoch') != epochs:
        raise RunRecordError(
            f'{file} is of epoch {meta.get("epoch")}, and {cfg.filename} trains for {epochs}: '
            'the end of a training is published'
        )
    scalars = read_scalars(file.parent, int(meta['iter']))
    return RunRecord(
        file,
        named_weights(content, str(file)),
        int(meta['epoch']),
        meta.get('seed'),
        scalars,
        training_seconds(scalars, int(meta['iter'])) / 3600 + hours_before(cfg.get('model')),
        _device(file.parent),
        load_result(file.parent / 'result.json'),
    )


def differing_settings(text: str, cfg: Config) -> list[str]:
    """What a training would do otherwise with a config than it did with another.

    Args:
        text: Of the config of a run, as its checkpoints hold it; it is read, not run.
        cfg: The config to compare with.

    Returns:
        A sentence for each setting; none where places, workers and evaluations differ at most.
    """
    before, now = literal_settings(text, (*_TRAINING, 'resume')), cfg.to_dict()
    # A run that was resumed tells where it went on from, not where it began.
    names = [name for name in _TRAINING if name != 'load_from' or not before.get('resume')]
    return [
        sentence
        for name in names
        for sentence in _differences(name, before.get(name), now.get(name), _TOLD_BY.get(name))
    ]


def _differences(name: str, before: Any, now: Any, parts: int | None = None) -> Iterator[str]:
    """A sentence for each setting; of a path, only this many of its last parts count."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now} - _READING, key=str):
            told_by = _TOLD_BY.get(key, parts)
            yield from _differences(f'{name}.{key}', before.get(key), now.get(key), told_by)
    elif isinstance(before, list | tuple) and isinstance(now, list | tuple):
        if len(before) != len(now):
            yield f'{name} had {len(before)} entries, and has {len(now)}'
        for number, (first, last) in enumerate(zip(before, now, strict=False)):
            yield from _differences(f'{name}[{number}]', first, last, parts)
    elif _told(before, parts) != _told(now, parts):
        yield f'{name} was {_short(before)}, and is {_short(now)}'


def _told(value: Any, parts: int | None) -> Any:
    if parts is None or not isinstance(value, str):
        return value
    return PurePosixPath(value.replace('\\', '/')).parts[-parts:]


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) < 80 else f'{shown[:76]} ...'


def read_scalars(folder: Path, iterations: int) -> list[dict[str, Any]]:
    """What was logged of the training that ended with this iteration, resumed or not.

    Args:
        folder: Work dir of the run.
        iterations: That the checkpoint was saved after.

    Raises:
        RunRecordError: There is no log, it cannot be read, or it ends before.
    """
    files = [launch.scalars for launch in launches_in(folder) if launch.scalars]
    lines = join_parts(_logged(file) for file in files)
    trained = [line for line in lines if line.get('iter', 0) <= iterations]
    steps = [line for line in trained if 'iter' in line]
    if not steps:
        raise RunRecordError(
            f'{folder} holds no log of the training (TIME/vis_data/scalars.json): a model is '
            'published with its log, from the work dir of its run'
        )
    reached, interval = int(steps[-1]['iter']), int(steps[0]['iter'])
    if reached + max(interval, _largest_gap(steps)) <= iterations:
        raise RunRecordError(
            f'the log in {folder} ends at iteration {reached}, and the checkpoint is of '
            f'{iterations}: it is not the log of this run, or not all of it'
        )
    return trained


def _logged(file: Path) -> list[dict[str, Any]]:
    """The lines of a log; the last one may be cut off, where the run was."""
    part = read_scalar_file(file)
    for number, problem in part.problems:
        raise RunRecordError(f'{file}: entry {number} {problem}')
    return part.lines


def _largest_gap(steps: list[dict[str, Any]]) -> int:
    numbers = [int(step['iter']) for step in steps]
    return max((b - a for a, b in zip(numbers, numbers[1:], strict=False)), default=0)


def hours_before(model: Any) -> float:
    """The time of the runs whose checkpoints a model starts from, as far as they left logs.

    Args:
        model: Config of a model.
    """
    hours = 0.0
    for start in dict.fromkeys(starting_weights(model)):
        if not os.path.isfile(start):
            continue
        meta = load_checkpoint_file(start).get('meta') or {}
        iterations = int(meta.get('iter', 0))
        try:
            scalars = read_scalars(Path(start).parent, iterations)
            hours += training_seconds(scalars, iterations) / 3600
        except RunRecordError:  # weights of another library
            continue
        before = literal_settings(str(meta.get('cfg')), ('model',))
        hours += hours_before(before.get('model'))
    return hours


def _device(folder: Path) -> str:
    """The accelerator that the log names, or the cores of this machine, where it names none."""
    for file in (launch.log for launch in reversed(launches_in(folder)) if launch.log):
        text = file.read_text(errors='replace')
        name = re.search(r'^\s*GPU 0[\d,]*: (.+)$', text, re.MULTILINE)
        number = re.search(r'^\s*GPU number: (\d+)$', text, re.MULTILINE)
        if name:
            return f'{number[1] if number else 1} x {name[1].strip()}'
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return f'{cores} CPU core{"s" if cores != 1 else ""}'
