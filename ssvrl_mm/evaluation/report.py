"""The report of an evaluation: the same figures as JSON and as a Markdown table, with sources."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssvrl_mm.evaluation.retrieval import ROW_NAMES


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


def metrics_table(metrics: Mapping[str, float]) -> str:
    """The figures of a test run as Markdown.

    Recalls become a table in per cent with a row per stream for each protocol; what is left is
    listed by name, as it is.

    Args:
        metrics: As a test loop returns them: ``{'retrieval/rgb_R@1': .5, 'acc/top1': .3}``.
    """
    protocols: dict[str, dict[str, dict[int, float]]] = {}
    others = []
    for name, value in metrics.items():
        prefix, _, rest = name.rpartition('/')
        stream, separator, k = rest.partition('_R@')
        if separator and k.isdigit():
            protocols.setdefault(prefix, {}).setdefault(stream, {})[int(k)] = value
        else:
            others.append([name, f'{value:.4g}' if isinstance(value, float) else str(value)])
    tables = []
    for prefix, streams in protocols.items():
        topk = sorted({k for row in streams.values() for k in row})
        rows = [
            [ROW_NAMES.get(name, name), *(f'{100 * row[k]:.1f}' if k in row else '-' for k in topk)]
            for name, row in streams.items()
        ]
        tables.append(markdown_table([prefix, *(f'R@{k}' for k in topk)], rows))
    if others:
        tables.append(markdown_table(['figure', 'value'], others))
    return '\n\n'.join(tables)


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
