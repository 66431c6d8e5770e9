"""Tables in text of what runs have reached, and how long it took."""

from collections.abc import Iterator, Sequence
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
    have none. Of several seeds it is mean ± standard deviation; last is then where all of them have
    been, and n how many have logged the figure.

    Args:
        groups: The runs.
        keys: The names of the figures.
    """
    rows = [['figure', 'run', 'last', 'best', 'epoch']]
    if not all(run.epoch_length for group in groups for run in group.runs):
        rows[0][-1] = 'iteration'
    for key in keys:
        for group in groups:
            curves = [curve_of(run, key, rows[0][-1] == 'epoch') for run in group.runs]
            finite = [(c.x[np.isfinite(c.y)], c.y[np.isfinite(c.y)]) for c in curves]
            there = [(x, y) for x, y in finite if len(y)]
            if there:
                last, best, place = zip(*_reached(there, _better(key)), strict=True)
                when = [place[0]] if len(there) == 1 else []
                cells = [_mean(values, '.4g') for values in (last, best, when)]
                cells[0] += f' (n = {len(there)})' if len(group.runs) > 1 else ''
                rows.append([key, group.name, *cells])
    return aligned(rows, left=2)


def _reached(
    curves: Sequence[tuple[np.ndarray, np.ndarray]], sign: int
) -> Iterator[tuple[float, float | None, float | None]]:
    """Of each seed its last value that all have come to, its best until then, and that's place."""
    end = min(x[-1] for x, _ in curves)
    for x, y in curves:
        # One that begins later than another one ends has nothing to compare.
        x, y = (x[x <= end], y[x <= end]) if x[0] <= end else (x[:1], y[:1])
        best = int(np.argmax(sign * y))
        yield float(y[-1]), *((float(y[best]), float(np.ceil(x[best]))) if sign else (None, None))


def unfinished_seeds(groups: Sequence[RunGroup]) -> list[str]:
    """A line for each config whose seeds have come to different ends.

    Example:
        >>> unfinished_seeds(groups)
        ['mine: seeds end at iterations 400 (seed 0), 200 (seed 1): compared up to 200']
    """
    lines = []
    for group in groups:
        ends = [max(line.get('iter', 0) for line in run.lines) for run in group.runs]
        if len(set(ends)) > 1:
            words = ', '.join(
                f'{end} (seed {run.seed})' for end, run in zip(ends, group.runs, strict=True)
            )
            lines.append(
                f'{group.name}: seeds end at iterations {words}: compared up to {min(ends)}'
            )
    return lines


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
    rows: list[list[str]] = []
    for group in groups:
        for run in group.runs:
            timing = timing_of(run.lines, run.total_iterations)
            if timing is not None:
                seed = f' seed {run.seed}' if len(group.runs) > 1 else ''
                rows.append([f'{group.name}{seed}', *_times(timing, run.total_iterations)])
    names = [row[0] for row in rows]
    # A seed of several may be called as a run of its own is.
    for number, row in enumerate(rows):
        before = names[:number].count(row[0])
        row[0] += f' ({before + 1})' if before else ''
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
