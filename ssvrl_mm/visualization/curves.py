"""The picture of what runs have logged: a panel for each figure, a colour for each run."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ssvrl_mm.run_logs.curves import Curve, chance_of, curve_of, mean_and_spread, smoothed
from ssvrl_mm.run_logs.groups import RunGroup
from ssvrl_mm.visualization.embedding import COLOURS
from ssvrl_mm.visualization.pictures import PictureError, picture_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Suffixes of what can be written, and what keeps the date out of the file.
FORMATS: dict[str, dict[str, None]] = {
    '.png': {},
    '.jpg': {},
    '.jpeg': {},
    '.svg': {'Date': None},
    '.pdf': {'CreationDate': None},
}

_COLUMNS = 3
_DPI = 100
_ASPECT = 0.72  # height of a panel per width
_FAINT = 0.25


def check_figure(path: str | os.PathLike) -> Path:
    """The path, if its suffix is one of :data:`FORMATS`.

    Raises:
        PictureError: It is not.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise PictureError(f'{path}: curves are written as {", ".join(FORMATS)}')
    return Path(path)


def draw_curves(
    groups: Sequence[RunGroup],
    keys: Sequence[str],
    by_epoch: bool = True,
    window: int | None = None,
    side: int = 400,
) -> 'Figure':
    """Draws the figures that runs have logged.

    What the training logs is smoothed, and stands faintly behind as it was logged; evaluations are
    points. Several seeds of a config are their mean and, as a band, their standard deviation, with
    each seed faintly behind. Dots are what chance reaches.

    Args:
        groups: The runs, as many as there are :data:`~ssvrl_mm.visualization.COLOURS` at most.
        keys: Names of figures, a panel each.
        by_epoch: Whether ``x`` counts epochs, not iterations.
        window: Points that are smoothed over, 1: none; None: a tenth of the curve.
        side: Width of a panel in px.

    Returns:
        matplotlib's figure, for :func:`write_figure`.

    Raises:
        ValueError: There are more runs than colours, or nothing to draw.
    """
    if len(groups) > len(COLOURS):
        raise ValueError(f'{len(groups)} runs, but there are {len(COLOURS)} colours: name fewer')
    if not groups or not keys:
        raise ValueError('there is nothing to draw: no runs, or none of their figures')
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = min(_COLUMNS, len(keys))
    rows = math.ceil(len(keys) / columns)
    inch = side / _DPI
    # Under the panels a line of the legend for each run, and two of what the lines are.
    legend = 0.25 * (len(groups) + 2) + 0.1
    size = (columns * inch, rows * inch * _ASPECT + legend)
    room = (0, legend / size[1], 1, 1 - legend / size[1])
    figure = Figure(figsize=size, dpi=_DPI, layout=ConstrainedLayoutEngine(rect=room))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, key in zip(panels, keys, strict=False):
        for group, colour in zip(groups, COLOURS, strict=False):
            _draw(panel, group, key, by_epoch, window, tuple(c / 255 for c in colour))
        panel.set_title(key, fontsize=10)
        panel.grid(alpha=0.3)
        panel.tick_params(labelsize=8)
    for panel in panels[len(keys) :]:
        panel.remove()
    for panel in panels[max(len(keys) - columns, 0) : len(keys)]:
        panel.set_xlabel('epoch' if by_epoch else 'iteration', fontsize=9)
    figure.legend(handles=_handles(groups), loc='lower left', fontsize=9, frameon=False)
    return figure


def _draw(
    panel: 'Axes',
    group: RunGroup,
    key: str,
    by_epoch: bool,
    window: int | None,
    colour: tuple[float, ...],
) -> None:
    """Draws one figure of one run, or of the seeds of a config."""
    curves = [curve_of(run, key, by_epoch) for run in group.runs]
    curves = [curve for curve in curves if len(curve.x)]
    if not curves:
        return
    chance = next((c for run in group.runs if (c := chance_of(run, key)) is not None), None)
    if chance is not None:
        panel.axhline(chance, color=colour, linestyle=':', linewidth=1)
    mark = 'o' if curves[0].evaluated else ''
    lines = [_smooth(curve, key, window) for curve in curves]
    for curve, line in zip(curves, lines, strict=True):
        # A seed is as faint as what was logged, and smoothed as their mean is.
        faint = curve if len(curves) == 1 else line
        panel.plot(faint.x, faint.y, color=colour, alpha=_FAINT, linewidth=1)
    mean, deviation = mean_and_spread(lines)
    panel.plot(mean.x, mean.y, color=colour, linewidth=1.6, marker=mark, markersize=4)
    if len(curves) > 1:
        low, high = mean.y - deviation, mean.y + deviation
        panel.fill_between(mean.x, low, high, color=colour, alpha=0.18, linewidth=0)


def _smooth(curve: Curve, key: str, window: int | None) -> Curve:
    """The curve, smoothed if it is one that scatters."""
    if curve.evaluated or key.rpartition('/')[2] == 'lr':
        return curve
    reach = max(len(curve.x) // 10, 1) if window is None else window
    return curve._replace(y=smoothed(curve.y, reach))


def _handles(groups: Sequence[RunGroup]) -> list:
    from matplotlib.lines import Line2D

    handles = []
    for group, colour in zip(groups, COLOURS, strict=False):
        several = f' (mean of {len(group.runs)} seeds, where all are)'
        several = several if len(group.runs) > 1 else ''
        rgb = tuple(np.array(colour) / 255)
        handles.append(Line2D([], [], color=rgb, linewidth=2, label=f'{group.name}{several}'))
    grey = '0.45'
    words = 'faint: as logged, or each seed; band: standard deviation of seeds'
    handles.append(Line2D([], [], color=grey, alpha=_FAINT, linewidth=2, label=words))
    words = 'points: evaluations; dotted: chance'
    handles.append(Line2D([], [], color=grey, linestyle=':', marker='o', markersize=4, label=words))
    return handles


def write_figure(path: str | os.PathLike, figure: 'Figure') -> None:
    """Writes a figure, whole or not at all; missing folders are made.

    Args:
        path: Its suffix tells the format.
        figure: Of :func:`draw_curves`.

    Raises:
        PictureError: The suffix is not of :data:`FORMATS`, or the file cannot be written.
    """
    path = check_figure(path)
    suffix = path.suffix.lower()
    with picture_file(path) as partial:
        figure.savefig(partial, format=suffix[1:], metadata=FORMATS[suffix] or None)
