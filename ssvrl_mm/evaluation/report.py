"""The report of an evaluation: the same figures as JSON and as a Markdown table, with sources."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssvrl_mm.evaluation.confidence import wilson_error
from ssvrl_mm.evaluation.retrieval import collapse_mark, recall_rows


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns but the first are aligned to the right.

    Raises:
        ValueError: a row with another number of cells than the header.

    Example:
        >>> print(markdown_table(['stream', 'R@1'], [['RGB', '60.8']]))
        | stream | R@1 |
        |---|---:|
        | RGB | 60.8 |
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f'every row needs {len(header)} cells: {list(rows)}')
    lines = [header, *rows]
    shown = ['| ' + ' | '.join(line) + ' |' for line in lines]
    return '\n'.join([shown[0], '|---' + '|---:' * (len(header) - 1) + '|', *shown[1:]])


def metrics_tables(metrics: Mapping[str, float]) -> list[tuple[list[str], list[list[str]]]]:
    """The figures of a test run as tables: a header and rows each.

    Recalls become a table in per cent with a row per stream for each protocol; what is left is
    listed by name, as it is. Errors are bounds of 95 %, see
    :func:`~ssvrl_mm.evaluation.wilson_interval`: of recalls over the queries, of accuracies over
    the videos, and what a metric gives itself as ``NAME_error``.

    Args:
        metrics: As a test loop returns them: ``{'retrieval/rgb_R@1': .5, 'acc/top1': .3}``.
    """
    protocols: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        prefix, _, rest = name.rpartition('/')
        protocols.setdefault(prefix, {})[rest] = value
    tables, others = [], []
    for prefix, figures in protocols.items():
        recalls = [name for name in figures if re.fullmatch(r'.+_R@\d+', name)]
        if recalls:
            rows = recall_rows(figures)
            topk = sorted({k for row in rows for k in row.cells})
            cells = [[row.title, *(row.cells.get(k, '-') for k in topk)] for row in rows]
            tables.append(([prefix, *(f'R@{k}' for k in topk)], cells))
        for name in figures:
            is_error = name.endswith('_error') and name.removesuffix('_error') in figures
            if name not in recalls and not is_error:
                full = f'{prefix}/{name}' if prefix else name
                others.append([full, _with_error(figures, name)])
    if others:
        tables.append((['figure', 'value'], others))
    return tables


def metrics_table(metrics: Mapping[str, float]) -> str:
    """The tables of :func:`metrics_tables` as Markdown."""
    return '\n\n'.join(markdown_table(header, rows) for header, rows in metrics_tables(metrics))


def _with_error(figures: Mapping[str, float], name: str) -> str:
    """A figure of one prefix, and how far off it may be."""
    value, error = figures[name], figures.get(f'{name}_error')
    if not isinstance(value, float):
        return str(value)
    count = figures.get('num_videos', figures.get('num_query'))
    if count and re.fullmatch(r'(.+_)?top\d+(_k\d+)?', name):
        error = wilson_error(value, count)
    if name.endswith('_mean_cosine') and value > 1 - 1e-3:
        return f'1 - {1 - value:.1e}'
    if name.endswith('_effective_rank'):
        stream = name.removesuffix('_effective_rank')
        return f'{value:.4g}{collapse_mark(figures, stream)}'
    return f'{value:.4g}' + ('' if error is None else f' ± {error:.2g}')


def sources_list(provenance: Mapping[str, Any]) -> str:
    """What the figures come from, as a Markdown list."""
    lines = []
    for name, value in provenance.items():
        title = name.replace('_', ' ')
        if isinstance(value, Mapping):
            shown = ', '.join(f'{key} {entry}' for key, entry in value.items())
            lines.append(f'- {title}: {shown}')
        elif isinstance(value, Sequence) and not isinstance(value, str):
            lines += [f'- {title}: {_inline(entry)}' for entry in value]
        else:
            lines.append(f'- {title}: {value}')
    return '\n'.join(lines)


def _inline(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    return ', '.join(f'{key.replace("_", " ")} {value}' for key, value in entry.items())


def write_report(
    stem: str | os.PathLike,
    title: str,
    figures: Mapping[str, Any],
    table: str,
    provenance: Mapping[str, Any],
) -> tuple[Path, Path]:
    """Writes ``STEM.json`` and ``STEM.md``.

    Args:
        stem: Path without suffix; missing folders are made.
        title: Heading of the Markdown file.
        figures: What goes to JSON under ``figures``.
        table: The same as Markdown.
        provenance: Where they come from: config, checkpoint, data list, seed, versions.

    Returns:
        The two files.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = (stem.with_name(f'{stem.name}.json'), stem.with_name(f'{stem.name}.md'))
    content = json.dumps({'figures': figures, 'provenance': provenance}, indent=2)
    files[0].write_text(content + '\n', encoding='utf-8')
    text = f'# {title}\n\n{table}\n\n{sources_list(provenance)}\n'
    files[1].write_text(text, encoding='utf-8')
    return files
