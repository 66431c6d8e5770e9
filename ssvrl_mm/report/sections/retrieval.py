"""Retrieval: what the network finds, with chance, random weights and errors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssvrl_mm.demo.summary import Target, gain_of, meaning
from ssvrl_mm.evaluation import format_pretext, format_rates
from ssvrl_mm.evaluation.confidence import per_cent
from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.evaluation.report import metrics_tables
from ssvrl_mm.evaluation.retrieval import ROW_NAMES, recall_rows
from ssvrl_mm.report.blocks import Block, Cell, Preformatted, Section, Table, Text, missing
from ssvrl_mm.report.charts import Share, share_chart
from ssvrl_mm.report.demo_figures import ShownFigures
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.report.run_folder import RunFolder

AFTER = 'trained'


def retrieval_section(run: RunFolder, found: NetworkFindings, shown: ShownFigures) -> Section:
    """The section of figures: those of a demo or of tests in the folder, and those computed now."""
    blocks: list[Block] = []
    metrics = {shown.label: shown.start, AFTER: shown.trained}
    if shown.summary is not None:
        blocks += _summary(shown.summary, run, shown.label)
    blocks += [missing(remark) for remark in shown.remarks]
    for kind, of_kind in metrics.items():
        if of_kind:
            blocks.append(_recalls(kind, of_kind))
    for file in sorted(run.path.glob('*/evaluation.json')):
        blocks += _evaluation(file, run.checkpoint)
    if found.missing:
        blocks.append(missing(found.missing))
    elif found.trained and not any(metrics.values()) and 'test' not in found.trained:
        blocks.append(
            missing(
                'The classes of the test videos are not known, so that nothing is right or not.'
            )
        )
    if not blocks:
        blocks.append(
            missing(
                'This run classifies its test videos: take the config of a retrieval with its '
                'backbone, and tools/test.py with it.'
            )
        )
    return Section('retrieval', 'Retrieval', blocks)


def _summary(figures: Mapping[str, Any], run: RunFolder, start: str) -> list[Block]:
    queries, chance = figures['queries'], figures['chance']
    rows: list[list[Cell | str]] = []
    shares = []
    for stream, after in figures['after'].items():
        before = figures['before'][stream]
        gain = gain_of(before, after, queries)
        name = ROW_NAMES.get(stream, stream)
        kind = '' if gain.within_error else 'good' if gain.value > 0 else 'bad'
        gained = f'{100 * gain.value:+.1f} ± {100 * gain.error:.1f}'
        rows.append(
            [
                name,
                per_cent(before, queries),
                per_cent(after, queries),
                Cell(gained, gain.value, kind),  # type: ignore[arg-type]
                f'{after / chance:.1f}',
            ]
        )
        for what, when, value in ((start, 'before', before), (AFTER, 'after', after)):
            shares.append(Share(name, what, value, *figures[f'{when}_interval'][stream]))
    caption = f'R@1 in per cent, ± at 95 % (Wilson); {queries} queries, chance {100 * chance:.1f}'
    header = ['stream', start, AFTER, 'gain', 'times chance']
    blocks: list[Block] = [
        Text(meaning(figures, target_of(run), start)),
        share_chart('R@1 with its bounds at 95 %', shares, chance),
        Table(caption, header, rows),
    ]
    for when, name in (('before', start), ('after', AFTER)):
        collapsed = (figures.get('collapsed') or {}).get(when)
        if collapsed:
            blocks.append(
                Text(
                    f'Collapsed, {name}: the features of {", ".join(collapsed)} are nearly all '
                    'alike, so that rounding decides what is found.'
                )
            )
    if figures.get('pretext'):
        blocks.append(Text('Pretext tasks after training, in per cent:'))
        blocks.append(Preformatted(format_pretext(figures['pretext'])))
    if figures.get('rates'):
        blocks.append(Text('Sampling rates of segments after training:'))
        blocks.append(Preformatted(format_rates(figures['rates'])))
    return blocks


def target_of(run: RunFolder) -> Target:
    """Who looks for what: halves of one video for each other, where the parts differ."""
    text = json.dumps(run.cfg.to_dict().get('test_dataloader'), default=str)
    return Target.HALF if '"part": [0.5, 1.0]' in text else Target.CLASS


def _recalls(kind: str, metrics: Mapping[str, float]) -> Table:
    rows = recall_rows(metrics)
    topk = sorted({k for row in rows for k in row.cells})
    count = f'{metrics["num_query"]:.0f} queries, {metrics["num_gallery"]:.0f} gallery videos'
    cells = [[row.title, *(row.cells.get(k, '-') for k in topk)] for row in rows]
    caption = f'Recall in per cent, {kind}, ± at 95 %; {count}'
    return Table(caption, ['stream', *(f'R@{k}' for k in topk)], cells)


def _evaluation(file: Path, newest: Path | None) -> list[Block]:
    """The figures of a test that tools/test.py left in the folder."""
    try:
        content = json.loads(file.read_text())
        tables = metrics_tables(content['figures'])
        of_what = _tested(content['provenance'], file.parent.parent, newest)
    except (KeyError, OSError, TypeError, ValueError, AttributeError):
        return [missing(f'{file} is no report of a test, or was cut off.')]
    return [
        Table(f'Test of {file.parent.name}, {of_what}', header, rows) for header, rows in tables
    ]


def _tested(provenance: Mapping[str, Any], folder: Path, newest: Path | None) -> str:
    """Of which checkpoint a test is: a file of that name may hold other weights by now."""
    checkpoint = str(provenance.get('checkpoint') or '')
    if not checkpoint:
        return 'several checkpoints'
    told, name = provenance.get('checkpoint_sha256'), Path(checkpoint).name
    if not told:
        # Random weights, an address, or a file of an earlier version.
        return name
    for file in filter(None, (folder / name, Path(checkpoint), newest)):
        if file.is_file() and file_sha256(file) == told:
            return name
    return f'of a checkpoint that is no longer here ({name})'
