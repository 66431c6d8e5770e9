"""Curves of what runs have logged: points, smoothed, or the mean of several seeds."""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssvrl_mm.run_logs.parts import is_number
from ssvrl_mm.run_logs.runs import RunLog, RunLogError
from ssvrl_mm.suggestions import did_you_mean

#: As many are drawn where nobody says which.
MOST_KEYS = 12

_COUNTERS = {'iter', 'epoch', 'step'}
# Of an evaluation, they are no times of the training.
_TIMES = {'time', 'data_time'}
_ACCURACY = re.compile(r'(?:.*/)?(?:top\d+|acc)(?![a-z0-9]).*')
_RECALL = re.compile(r'(?:.*[/_])?R@1')


class Curve(NamedTuple):
    """Points of a figure.

    Attributes:
        x: float (N,), epochs or iterations, rising.
        y: float (N,).
        evaluated: Whether evaluations gave it, not steps of the training.
    """

    x: np.ndarray
    y: np.ndarray
    evaluated: bool


def keys_of(runs: Iterable[RunLog]) -> list[str]:
    """The names of all figures of some runs, in the order in which they come."""
    found: dict[str, None] = {}
    for run in runs:
        for line in run.lines:
            found |= dict.fromkeys(_figures(line))
    return list(found)


def _figures(line: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line, but for those that count steps."""
    return {key: line[key] for key in line if _is_figure(line, key)}


def _is_figure(line: Mapping[str, Any], key: str) -> bool:
    ignored = key in _COUNTERS or (key in _TIMES and 'iter' not in line)
    return not ignored and is_number(line.get(key))


def choose_keys(keys: Sequence[str], patterns: Sequence[str] | None = None) -> list[str]:
    """Chooses the figures to draw.

    Args:
        keys: What was logged.
        patterns: As of file names, ``loss_*``; None: the loss and its parts, accuracies of pretext
            tasks as a whole, R@1 of each stream and the learning rate.

    Returns:
        The chosen ones, in the order of the patterns; without them :data:`MOST_KEYS` at most.

    Raises:
        RunLogError: Nothing of the name was logged.

    Example:
        >>> choose_keys(['loss', 'loss_rgb', 'time'], ['loss_*', 't*'])
        ['loss_rgb', 'time']
    """
    if patterns is None:
        return _default_keys(keys) or list(keys)[:MOST_KEYS]
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [key for key in keys if fnmatch.fnmatchcase(key, pattern)]
        if not found:
            meant = did_you_mean(pattern, keys)
            raise RunLogError(
                f'no run has logged {pattern}; {meant or "there are: " + ", ".join(keys)}'
            )
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _default_keys(keys: Sequence[str]) -> list[str]:
    parts = [key for key in keys if key.startswith('loss_')]
    accuracies = [key for key in keys if _ACCURACY.fullmatch(key)]
    # Those of single classes or windows, `top1_pmsp_s2_t1`, are parts of `top1_pmsp`.
    whole = [a for a in accuracies if not any(a.startswith(f'{b}_') for b in accuracies)]
    recalls = [k for k in keys if _RECALL.fullmatch(k) and not is_chance(k)]
    rates = [key for key in keys if key == 'lr']
    chosen = [key for key in keys if key == 'loss']
    # A loss of one part is that part.
    chosen += parts if len(parts) > 1 or not chosen else []
    room = MOST_KEYS - len(recalls) - len(rates)
    return (chosen + whole)[: max(room, 1)] + (recalls + rates)[: MOST_KEYS - 1]


def is_chance(key: str) -> bool:
    """Whether a figure is what chance reaches, not what the run did."""
    return key.rpartition('/')[2].startswith('chance_')


def chance_of(run: RunLog, key: str) -> float | None:
    """What chance reaches of a recall or an accuracy, where the run has logged it.

    Example:
        >>> chance_of(run, 'retrieval/rgb_R@1')
        0.0625
    """
    prefix, slash, name = key.rpartition('/')
    ending = name.rpartition('_')[2]
    other = f'{prefix}{slash}chance_{ending}'
    if '@' not in ending or is_chance(key):
        return None
    values = [line[other] for line in run.lines if is_number(line.get(other))]
    return float(values[-1]) if values else None


def curve_of(run: RunLog, key: str, by_epoch: bool) -> Curve:
    """The points of a figure.

    Args:
        run: What has logged it.
        key: Its name.
        by_epoch: Whether ``x`` counts epochs, not iterations. A step within an epoch lies between
            two whole numbers, an evaluation on that of the epoch before it.
    """
    points = []
    evaluated = True
    reached = 0
    counts_epochs = any('epoch' in line for line in run.lines)
    for line in run.lines:
        steps = 'iter' in line
        reached = line['iter'] if steps else reached
        if not _is_figure(line, key):
            continue
        value = line[key]
        evaluated = evaluated and not steps
        if steps:
            within = line['iter'] / run.epoch_length if run.epoch_length else line.get('epoch', 0)
            points.append((within if by_epoch else line['iter'], value))
        elif by_epoch:
            points.append((line.get('step', 0), value))
        else:
            at = line.get('step', 0) * (run.epoch_length or 0) if counts_epochs else reached
            points.append((at, value))
    points.sort(key=lambda point: point[0])
    x, y = np.array(points, np.float64).reshape(-1, 2).T
    return Curve(x, y, evaluated)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the points around each, as many before as behind it.

    Args:
        values: (N,); what is not finite counts for nothing and stays a gap.
        window: Points, fewer at the ends.

    Returns:
        float (N,).
    """
    reach = window // 2
    there = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(there)])
    middle = np.arange(len(values))
    # Even ends, so that the mean lies where its point does.
    reaches = np.minimum(np.minimum(middle, middle[::-1]), reach)
    low, high = middle - reaches, middle + reaches + 1
    means = (sums[high] - sums[low]) / np.maximum(counts[high] - counts[low], 1)
    return np.where(there, means, np.nan)


def mean_and_spread(curves: Sequence[Curve]) -> tuple[Curve, np.ndarray]:
    """The mean of several seeds where all of them have a point, and their standard deviation.

    Args:
        curves: One or more of one figure.

    Returns:
        The mean, and (N,) the deviation (n - 1); 0 of a single curve.
    """
    # The later one, should a place be there twice.
    columns = [dict(zip(c.x.tolist(), c.y.tolist(), strict=True)) for c in curves]
    shared = sorted(set(columns[0]).intersection(*columns[1:]))
    values = np.array([[column[x] for column in columns] for x in shared])
    values = values.reshape(len(shared), len(curves))
    deviation = values.std(axis=1, ddof=1) if len(curves) > 1 else np.zeros(len(shared))
    return Curve(np.array(shared, np.float64), values.mean(axis=1), curves[0].evaluated), deviation
