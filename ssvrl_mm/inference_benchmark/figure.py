"""Figure 1 of MVCGC: processing time and accuracy, as circles whose size is the storage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ssvrl_mm.inference_benchmark.papers import COLUMNS, TABLE_1

# Points squared of a circle per MB.
_AREA = 60.0


def draw_figure(report: Mapping[str, Any], path: Path) -> None:
    """Draws the circles of the paper, and those of what was measured at the paper's accuracies.

    Args:
        report: See ``make_report``.
        path: An image or PDF, as the suffix says.

    Raises:
        OSError: The file cannot be written.
        ValueError: matplotlib does not know the suffix.
    """
    figure = Figure(figsize=(6, 4), layout='constrained')
    axes = figure.add_subplot()
    axes.set(xscale='log', xlabel='processing time per video (s)', ylabel='top-1 of the paper (%)')
    paper = [(name, row.total_s, row.top1, row.megabytes) for name, row in TABLE_1.items()]
    measured = [
        (name, own['total_s']['median'], TABLE_1[COLUMNS[name]].top1, own['bytes'] / 1e6)
        for name, own in report['setups'].items()
        if name in COLUMNS and own['total_s']
    ]
    for label, circles, colour in (
        ('the paper', paper, 'tab:gray'),
        ('time and storage measured here', measured, 'tab:blue'),
    ):
        if circles:
            names, times, accuracies, sizes = zip(*circles, strict=True)
            areas = [_AREA * size for size in sizes]
            axes.scatter(times, accuracies, areas, colour, alpha=0.5, label=label)
            for place in zip(names, times, accuracies, strict=True):
                axes.annotate(place[0], place[1:], ha='center', va='center', fontsize=8)
    axes.margins(0.15)
    legend = axes.legend(loc='lower center')
    for handle in legend.legend_handles:
        handle.set_sizes([40.0])  # type: ignore[union-attr]
    figure.savefig(path, dpi=150)
