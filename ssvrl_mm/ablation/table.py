"""The summary of an ablation as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from ssvrl_mm.ablation.summary import MEASURES
from ssvrl_mm.evaluation.report import markdown_table
from ssvrl_mm.evaluation.retrieval import ROW_NAMES

_MEANING = (
    'R@1 of retrieval and accuracy of a logistic probe on the frozen features, in per cent; the '
    'weights are `random` or trained. Behind a figure stands the standard deviation over the '
    'seeds, behind a difference twice its standard error: within it a difference is undecided, '
    'and not a gain. All seeds search the same videos, so that the choice of these is in no error.'
)


def format_ablation(summary: Mapping[str, Any]) -> str:
    """The table, versions that differ between its runs, and what failed.

    Args:
        summary: Of :func:`~ssvrl_mm.ablation.summarise_ablation`.
    """
    baseline, columns = summary['baseline'], summary['columns']
    # One config alone is compared with nothing.
    compared = [f'minus `{baseline}`'] if len(summary['configs']) > 1 else []
    header = ['config', 'stream', 'seeds']
    for measure in MEASURES:
        header += [f'{measure} random', measure, 'gain', *compared]
    header += [*(f'`{column}`' for column in columns), 'ms per step']
    rows = _chance_rows(summary, len(header), compared)
    for name, config in summary['configs'].items():
        facts = [_number(config['columns'][column]) for column in columns]
        facts.append(_number(config['seconds_per_step'], 1000))
        count = str(len(config['seeds']))
        for stream, measures in config['streams'].items():
            cells = [
                c for m in MEASURES for c in _cells(measures.get(m), name == baseline, compared)
            ]
            rows.append([name, ROW_NAMES.get(stream, stream), count, *cells, *facts])
            # Of the config, not of each of its streams.
            facts = [''] * len(facts)
        if not config['streams']:
            rows.append([name, 'failed', count, *['-'] * (len(header) - 3)])
    failures = [
        f'- {name}, seed {seed}: {why}'
        for name, config in summary['configs'].items()
        for seed, why in config['failed'].items()
    ]
    text = f'{_MEANING}\n\n{markdown_table(header, rows)}' + _versions(summary['versions'])
    return text + ('\n\nWithout a result:\n\n' + '\n'.join(failures) if failures else '')


def _versions(differing: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """A line that names what differs; nothing where all runs had the same versions."""
    packages = [
        f'{package} ' + ', '.join(f'{v} ({"; ".join(runs)})' for v, runs in versions.items())
        for package, versions in differing.items()
    ]
    if not packages:
        return ''
    return (
        '\n\nNot all runs had the same versions, which differences may be of: '
        f'{" / ".join(packages)}.'
    )


def _chance_rows(
    summary: Mapping[str, Any], width: int, compared: Sequence[str]
) -> list[list[str]]:
    """A row of what chance reaches; one of each config where they differ."""
    found: dict[tuple[float | None, ...], list[str]] = {}
    for name, config in summary['configs'].items():
        for measures in config['streams'].values():
            chances = tuple(measures.get(m, {}).get('chance') for m in MEASURES)
            names = found.setdefault(chances, [])
            names += [] if name in names else [name]
    rows = []
    for chances, names in found.items():
        title = 'chance' if len(found) == 1 else f'chance of {", ".join(names)}'
        cells = ['', '']
        for chance in chances:
            shown = '-' if chance is None else f'{100 * chance:.1f}'
            cells += [shown, shown, '', *('' for _ in compared)]
        rows.append([title, *cells, *[''] * (width - 1 - len(cells))])
    return rows


def _cells(
    figures: Mapping[str, Any] | None, is_baseline: bool, compared: Sequence[str]
) -> list[str]:
    """Random, trained and gain of a measure; where configs are compared, the difference."""
    if figures is None:
        return ['-'] * (3 + len(compared))
    differences = ['' if is_baseline else _change(figures.get('difference')) for _ in compared]
    shown = (_number(figures[weights], 100, '.1f') for weights in ('random', 'trained'))
    return [*shown, _change(figures['gain']), *differences]


def _number(spread: Mapping[str, Any] | None, scale: float = 1, digits: str = '.4g') -> str:
    if spread is None or spread['mean'] is None:
        return '-'
    shown = f'{scale * spread["mean"]:{digits}}'
    if spread['deviation'] is None:
        return shown
    return f'{shown} ± {scale * spread["deviation"]:{".1f" if digits == ".1f" else ".2g"}}'


def _change(difference: Mapping[str, Any] | None) -> str:
    if difference is None:
        return '-'
    shown = f'{100 * difference["value"]:+.1f}'
    if difference['error'] is not None:
        shown += f' ± {200 * difference["error"]:.1f}'
    return f'{shown}, undecided' if difference['undecided'] else shown
