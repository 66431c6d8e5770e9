"""Tables in text of what runs have reached, and how long it took."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from ssvrl_mm.run_logs.curves import curve_of
from ssvrl_mm.run_logs.groups import RunGroup
from ssvrl_mm.run_logs.timing import Timing, timing_of


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows under each other, columns but the first ones to the right.

    Args:
        rows: Of as many cells each.
        left: How many columns are words.

    Example:
        >>> print(aligned([['run', 'loss'], ['mine', '0.25']]))
        run   loss
        mine  0.25
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def value_table(groups: Sequence[RunGroup], keys: Sequence[str]) -> str:
    """What each run reached: the last value, the best, and when that was.

    The best of a loss is its lowest value, that of an accuracy or a recall its highest; others
    have none. Of several seeds it is mean ± standard deviation.

    Args:
        groups: The runs.
        keys: The names of the figures.
    """
    rows = [['figure', 'run', 'last', 'best', 'epoch']]
    if not all(run.epoch_length for group in groups for run in group.runs):
        rows[0][-1] = 'iteration'
    for key in keys:
        for group in groups:
            found = [_reached(run, key, rows[0][-1] == 'epoch') for run in group.runs]
            there = [entry for entry in found if entry is not None]
            if there:
                last, best, place = zip(*there, strict=True)
                when = [place[0]] if len(there) == 1 else []
                cells = (_mean(values, '.4g') for values in (last, best, when))
                rows.append([key, group.name, *cells])
    return aligned(rows, left=2)


def _reached(run, key: str, by_epoch: bool) -> tuple[float, float | None, float | None] | None:
    """Last value, best value and its place; None where the run has none that is finite."""
    curve = curve_of(run, key, by_epoch)
    x, y = curve.x[np.isfinite(curve.y)], curve.y[np.isfinite(curve.y)]
    if not len(y):
        return None
    sign = _better(key)
    if not sign:
        return float(y[-1]), None, None
    best = int(np.argmax(sign * y))
    return float(y[-1]), float(y[best]), float(np.ceil(x[best]))


def _better(key: str) -> int:
    """1 where more is better, -1 where less is, 0 where nobody can say."""
    name = key.rpartition('/')[2]
    if 'loss' in name or name.endswith('error'):
        return -1
    return int(name.startswith(('top', 'acc', 'balanced')) or '@' in name)


def _mean(values: Sequence[float | None], form: str) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return '-'
    mean = f'{np.mean(there):{form}}'
    return mean if len(there) < 2 else f'{mean} ± {np.std(there, ddof=1):.2g}'


def time_table(groups: Sequence[RunGroup]) -> str:
    """How long each run took, and how long it will take; nothing where no times were logged.

    Seconds of an iteration are the median and what 80 % lie within, ``data`` is the share of
    waiting for batches, epochs have the mean of their iterations. ``so far`` is without
    evaluations; ``to go`` is by the median, and by the quicker and the slower iterations.
    """
    rows = []
    for group in groups:
        for run in group.runs:
            timing = timing_of(run.lines, run.total_iterations)
            if timing is not None:
                seed = f' seed {run.seed}' if len(group.runs) > 1 else ''
                rows.append([f'{group.name}{seed}', *_times(timing, run.total_iterations)])
    if not rows:
        return ''
    header = [
        'run', 'iterations', 's / iteration', '(80 %)', 'data', 'fastest epoch', 'slowest epoch',
        'so far', 'to go', '(80 %)',
    ]  # fmt: skip
    return aligned([header, *rows])


def _times(timing: Timing, total: int | None) -> list[str]:
    iterations = f'{timing.iterations}' + (f' of {total}' if total else '')
    epochs = [
        '-' if entry is None else f'{entry[0]}: {entry[1]:.3g} s'
        for entry in (timing.fastest, timing.slowest)
    ]
    eta = timing.eta
    left = ['?', ''] if eta is None else ['ended', '']
    if eta is not None and timing.left:
        left = [clock(eta[0]), f'{clock(eta[1])} to {clock(eta[2])}']
    return [
        iterations,
        f'{timing.median:.3g}',
        f'{timing.low:.3g} to {timing.high:.3g}',
        '-' if np.isnan(timing.waiting) else f'{timing.waiting:.0%}',
        *epochs,
        clock(timing.total),
        *left,
    ]


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, days before them.

    Example:
        >>> clock(3671)
        '1:01:11'
    """
    return str(timedelta(seconds=round(seconds)))
