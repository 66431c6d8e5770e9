"""How long steps took, and how long those will take that are left."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssvrl_mm.run_logs.parts import is_number


class Timing(NamedTuple):
    """Times of a training, in seconds.

    Attributes:
        iterations: The last one that was logged.
        median: Of an iteration, the wait for its batch included.
        low, high: Within which 80 % of the iterations lie.
        waiting: Share of the time that is waiting for data; NaN where it is not known.
        total: Of all iterations until the last one, without evaluations.
        fastest, slowest: Epoch and mean time of its iterations; None where none are counted.
        left: Iterations that are left; None where nobody knows, 0 where the run has ended.
    """

    iterations: int
    median: float
    low: float
    high: float
    waiting: float
    total: float
    fastest: tuple[int, float] | None
    slowest: tuple[int, float] | None
    left: int | None

    @property
    def eta(self) -> tuple[float, float, float] | None:
        """Seconds that are left: by the median iteration, by the quicker and the slower ones."""
        if self.left is None:
            return None
        return self.left * self.median, self.left * self.low, self.left * self.high


def training_seconds(lines: Sequence[Mapping[str, Any]], iterations: int = 0) -> float:
    """Time of the steps; each line tells of the steps since the one before.

    Args:
        lines: What was logged, in the order of the steps.
        iterations: How many there were, if there were more after the last line; they are taken to
            have been as quick as those before.
    """
    seconds, before, last = 0.0, 0, 0.0
    for line in lines:
        if 'iter' in line and math.isfinite(_number(line.get('time'))):
            last = line['time']
            seconds += last * (line['iter'] - before)
            before = line['iter']
    return seconds + last * max(iterations - before, 0)


def timing_of(lines: Sequence[Mapping[str, Any]], total_iterations: int | None) -> Timing | None:
    """The times of a training.

    Args:
        lines: What was logged, in the order of the steps.
        total_iterations: Of the whole run, if that is known.

    Returns:
        None where no times were logged.
    """
    steps = [line for line in lines if 'iter' in line]
    timed = [line for line in steps if math.isfinite(_number(line.get('time')))]
    if not timed:
        return None
    seconds = np.array([line['time'] for line in timed])
    data = np.array([_number(line.get('data_time')) for line in timed])
    # A line stands for the iterations since the one before.
    counts = np.diff([0, *(line['iter'] for line in timed)])
    low, median, high = np.percentile(seconds, [10, 50, 90])
    epochs = _by_epoch(timed)
    reached = int(steps[-1]['iter'])
    return Timing(
        iterations=reached,
        median=float(median),
        low=float(low),
        high=float(high),
        waiting=float((data * counts).sum() / max((seconds * counts).sum(), 1e-12)),
        total=training_seconds(timed, reached),
        fastest=min(epochs, key=lambda entry: entry[1], default=None),
        slowest=max(epochs, key=lambda entry: entry[1], default=None),
        left=None if total_iterations is None else max(total_iterations - reached, 0),
    )


def _by_epoch(timed: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Each epoch and the mean time of its iterations."""
    epochs: dict[int, list[float]] = {}
    for line in timed:
        if 'epoch' in line:
            epochs.setdefault(line['epoch'], []).append(line['time'])
    return [(epoch, float(np.mean(times))) for epoch, times in epochs.items()]


def _number(value: Any) -> float:
    return float(value) if is_number(value) else math.nan
