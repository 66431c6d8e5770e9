"""The figures of a demo, checked as they are read, and of which checkpoint they are."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from ssvrl_mm.demo.summary import summarise
from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.report.network import RANDOM, NetworkFindings, retrieval_metrics
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.run_logs import is_number

#: The file that a demo writes into its folder.
FIGURES = 'retrieval.json'


@dataclass(frozen=True)
class ShownFigures:
    """The figures of a retrieval that a report shows.

    Attributes:
        summary: Of :func:`~ssvrl_mm.demo.summary.summarise`; None where there are none.
        start: Metrics of the weights that the training started from; None where they are not known.
        trained: The same of the newest checkpoint.
        label: What the training started from, in words.
        remarks: What about the figures is not known, or not shown, in words.
    """

    summary: dict[str, Any] | None = None
    start: dict[str, float] | None = None
    trained: dict[str, float] | None = None
    label: str = RANDOM
    remarks: list[str] = field(default_factory=list)


def shown_figures(run: RunFolder, found: NetworkFindings) -> ShownFigures:
    """The figures of the newest checkpoint: those that its demo wrote, or those of the network.

    Figures of a demo that do not say of which checkpoint they are stand only where the network
    gave none.

    Args:
        run: The run.
        found: What its network gave.
    """
    start, trained = (
        retrieval_metrics(run.cfg, tables) if len(tables) == 2 else None
        for tables in (found.random, found.trained)
    )
    computed = None
    if start and trained and 'chance_R@1' in trained:
        computed = summarise(start, trained)
    file, remarks = run.path / FIGURES, [*found.start_remarks]
    written = read_figures(file)
    if written is None:
        if file.exists():
            remarks.append(f'{file} holds no figures of a demo, or was cut off.')
        return ShownFigures(computed, start, trained, found.start, remarks)
    told = written.get('checkpoint_sha256')
    if not told:
        if computed is None:
            remarks.append(f'It is not known of which checkpoint the figures of {file} are.')
        return ShownFigures(computed or written, start, trained, found.start, remarks)
    if run.checkpoint is not None and file_sha256(run.checkpoint) == told:
        return ShownFigures(written, start, trained, found.start, remarks)
    remarks.append(f'{file} is of a checkpoint that is not the newest one here: not shown.')
    return ShownFigures(computed, start, trained, found.start, remarks)


def read_figures(file: Path) -> dict[str, Any] | None:
    """What a demo wrote into its folder; None where it did not, or something else did."""
    try:
        figures = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return figures if _are_figures(figures) else None


def _are_figures(figures: Any) -> bool:
    """Whether all figures of a summary are there, of the same streams, and numbers."""
    if not isinstance(figures, dict):
        return False
    after = figures.get('after')
    if not isinstance(after, dict) or not after:
        return False
    shares = [figures.get(name) for name in ('before', 'after', 'gain')]
    bounds = [figures.get(f'{name}_interval') for name in ('before', 'after', 'gain')]
    if not all(isinstance(part, dict) and part.keys() == after.keys() for part in shares + bounds):
        return False
    # Of shares alone: a gain may be below 0.
    of_shares = [value for part in shares[:2] for value in _values(part)]
    pairs = [pair for part in bounds for pair in _values(part)]
    queries, collapsed = figures.get('queries'), figures.get('collapsed') or {}
    return (
        _is_finite(figures.get('chance'))
        and 0 < figures['chance'] <= 1
        and _is_finite(queries)
        and queries >= 1
        and all(_is_finite(value) and 0 <= value <= 1 for value in of_shares)
        and all(_is_finite(value) for value in _values(shares[2]))
        and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)
        and all(_is_finite(value) for pair in pairs for value in pair)
        and isinstance(collapsed, dict)
        and all(isinstance(streams, list) for streams in collapsed.values())
        and all(
            isinstance(part, dict) and all(map(_is_finite, part.values()))
            for part in (figures.get('pretext') or {}, figures.get('rates') or {})
        )
    )


def _values(part: Any) -> list[Any]:
    return list(part.values()) if isinstance(part, Mapping) else []


def _is_finite(value: Any) -> TypeGuard[int | float]:
    return is_number(value) and math.isfinite(value)
