"""The charts of a report: curves, figures with their errors, counts, points and confusions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssvrl_mm.report.blocks import Chart
from ssvrl_mm.report.drawing import FAINT, INK, as_svg, drawable, drawing
from ssvrl_mm.visualization.embedding import COLOURS

# More than can be told apart in the width of a chart.
_POINTS = 300
_SHOWN_CLASSES = 40
MARKS = ('o', '^', 's', 'D', 'P')
_BARS = '#0072b2'


class Line(NamedTuple):
    """A curve: x and y of its points, in the order of x."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


class Share(NamedTuple):
    """A share and its bounds at 95 %, of one row and one of the things that are compared."""

    row: str
    what: str
    value: float
    low: float
    high: float


def line_chart(
    title: str,
    lines: Sequence[Line],
    x_label: str,
    marks: Sequence[float] = (),
    stages: Sequence[tuple[str, float]] = (),
    log: bool = False,
) -> Chart:
    """Curves over steps; of many points the mean and the range of neighbours.

    Args:
        title: What is drawn.
        lines: The curves, six at most.
        x_label: What x counts.
        marks: Where a launch went on.
        stages: Names of the stages after the first, and where they began.
        log: Whether y is logarithmic.
    """
    with drawing(4.6, 2.7) as (figure, axes):
        for number, line in enumerate(lines):
            colour = colour_of(number)
            x, mean, low, high = _thinned(line)
            if len(x) < len(line.x):
                axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
            marker = 'o' if len(x) < 30 else None
            axes.plot(x, mean, color=colour, linewidth=1.4, marker=marker, markersize=3)
        for mark in marks:
            axes.axvline(mark, color=INK, linewidth=0.8, linestyle=':')
        for name, start in stages:
            axes.axvline(start, color=INK, linewidth=0.8, linestyle='--')
            place = (start, 1)
            axes.annotate(
                drawable(name),
                place,
                (3, -2),
                axes.get_xaxis_transform(),
                'offset points',
                va='top',
            )
        axes.xaxis.get_major_locator().set_params(integer=True)
        if log:
            axes.set_yscale('log')
            axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')
            axes.yaxis.set_minor_formatter(lambda value, _: '')
        axes.set_title(title)
        axes.set_xlabel(x_label)
        if len(lines) > 1:
            figure.legend(
                axes.get_lines()[: len(lines)],
                [line.name for line in lines],
                loc='outside lower left',
                ncols=2,
            )
        return Chart(as_svg(figure), _told(title, lines, x_label))


def share_chart(title: str, shares: Sequence[Share], chance: float | None) -> Chart:
    """Shares in per cent with their bounds, a row for each name, and a line at chance."""
    rows = list(dict.fromkeys(share.row for share in shares))
    kinds = list(dict.fromkeys(share.what for share in shares))
    with drawing(4.6, 0.9 + 0.55 * len(rows)) as (figure, axes):
        for number, kind in enumerate(kinds):
            own = [share for share in shares if share.what == kind]
            places = [
                rows.index(share.row) + 0.24 * (number - (len(kinds) - 1) / 2) for share in own
            ]
            values = np.array([[share.value, share.low, share.high] for share in own]) * 100
            errors = np.abs(values[:, 1:].T - values[:, 0])
            axes.errorbar(
                values[:, 0],
                places,
                xerr=errors,
                fmt=MARKS[number],
                color=colour_of(number),
                capsize=2.5,
                label=kind,
            )
        if chance is not None:
            axes.axvline(100 * chance, color=INK, linestyle='--', linewidth=0.9, label='chance')
        axes.set_yticks(range(len(rows)), [drawable(row) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel('per cent')
        axes.set_title(title)
        figure.legend(loc='outside lower left', ncols=3)
        text = '; '.join(f'{s.row}, {s.what}: {100 * s.value:.1f} per cent' for s in shares)
        return Chart(as_svg(figure), f'{title}. {text}.')


def histogram(title: str, values: Sequence[float], label: str) -> Chart:
    """How often values occur."""
    with drawing(4.6, 2.2) as (figure, axes):
        axes.hist(values, bins=min(30, max(5, len(set(values)))), color=_BARS, alpha=0.85)
        axes.set_title(title)
        axes.set_xlabel(label)
        axes.set_ylabel('videos')
        axes.yaxis.get_major_locator().set_params(integer=True)
        told = f'{title}: {min(values):g} to {max(values):g}, median {np.median(values):g}.'
        return Chart(as_svg(figure), told)


def point_chart(
    title: str, points: np.ndarray, labels: np.ndarray, names: Sequence[str], description: str
) -> Chart:
    """Points of the plane, a colour and a mark for each class, each with its name.

    Args:
        title: What is drawn.
        points: (N, 2).
        labels: int (N,), numbered from 0.
        names: What is said of each point.
        description: Of the chart.
    """
    with drawing(4.4, 4.4) as (figure, axes):
        titles = {}
        for label in np.unique(labels).tolist():
            rows = np.flatnonzero(labels == label)
            gid = f'class-{label}'
            axes.scatter(
                *points[rows].T,
                s=20,
                marker=mark_of(label),
                color=colour_of(label, len(COLOURS)),
                linewidths=0,
                alpha=0.85,
                gid=gid,
            )
            titles[gid] = [names[row] for row in rows.tolist()]
        axes.set_aspect('equal', 'datalim')
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
        for spine in axes.spines.values():
            spine.set(visible=True, color=FAINT)
        axes.set_title(title)
        return Chart(as_svg(figure, titles), description)


def confusion_chart(matrix: np.ndarray, names: Sequence[str]) -> Chart | None:
    """How often videos of a class (row) were taken for another (column); None of many classes."""
    count = len(names)
    if count > _SHOWN_CLASSES:
        return None
    side = min(7.0, 2.6 + 0.2 * count)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [drawable(name) for name in names]
    short = [name if len(name) < 19 else f'{name[:17]}…' for name in names]
    with drawing(side, side) as (figure, axes):
        axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
        axes.set_xticks(range(count), short, rotation=90)
        axes.set_yticks(range(count), short)
        axes.grid(False)
        axes.set_xlabel('predicted')
        axes.set_ylabel('true')
        if count <= 20:
            for (row, column), number in np.ndenumerate(matrix):
                if number:
                    ink = 'white' if shares[row, column] > 0.5 else '#222222'
                    axes.text(
                        column, row, str(number), ha='center', va='center', color=ink, fontsize=7
                    )
        right = int(np.trace(matrix))
        told = f'Confusion of {count} classes: {right} of {int(matrix.sum())} on the diagonal.'
        return Chart(as_svg(figure), told, wide=True)


def colour_of(number: int, colours: int = 6) -> str:
    """The colour of a curve or a class."""
    return '#{:02x}{:02x}{:02x}'.format(*COLOURS[number % colours])


def mark_of(number: int) -> str:
    """The mark of a class: those of one colour differ in it."""
    return MARKS[number // len(COLOURS) % len(MARKS)]


def _thinned(line: Line) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, mean, least and greatest y of at most so many groups of neighbours."""
    x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    kept = np.isfinite(y)
    number = min(_POINTS, int(kept.sum()))
    if not number:
        return (np.empty(0),) * 4
    groups = zip(*(np.array_split(values[kept], number) for values in (x, y)), strict=True)
    rows = np.array([[xs.mean(), ys.mean(), ys.min(), ys.max()] for xs, ys in groups])
    return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]


def _told(title: str, lines: Sequence[Line], x_label: str) -> str:
    """The chart in words: where each curve begins and ends."""
    parts = [
        f'{line.name} from {line.y[0]:.4g} to {line.y[-1]:.4g}' for line in lines if len(line.y)
    ]
    return f'{title} over {x_label}: {"; ".join(parts)}.'
