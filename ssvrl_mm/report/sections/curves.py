"""Curves of the training: losses, accuracies and what else was logged, and of its validations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ssvrl_mm.report.blocks import Block, Charts, Section, Table, Text, missing
from ssvrl_mm.report.charts import Line, line_chart
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.stages import Stage, stages_of
from ssvrl_mm.run_logs import RunLog, curve_of, is_number, keys_of

# Logged with every step, and shown by the section of speed.
_OF_SPEED = {'time', 'data_time', 'memory', 'epoch', 'iter', 'step', 'eta'}
_LINES = 6  # of a chart
_STREAMS = {'rgb', 'motion', 'flow', 'iframe', 'residual', 'both', 'fused', 'chance'}


def curves_section(run: RunFolder) -> Section:
    """The section."""
    steps, validations = run.steps, run.validations
    blocks: list[Block] = []
    if steps:
        marks = [launch.first for launch in run.launches if launch.trained][1:]
        stages = stages_of(run)
        bounds = [(stage.name, stage.iteration) for stage in stages[1:]]
        charts = [
            line_chart(title, lines, 'iteration', marks, bounds, log=title == 'learning rate')
            for title, lines in grouped(replace(run.log, lines=steps))
        ]
        if marks:
            blocks.append(
                Table(
                    'Launches of this training',
                    ['started', 'first logged iteration'],
                    [
                        [f'{launch.started:%Y-%m-%d %H:%M:%S}', str(launch.first)]
                        for launch in run.launches
                        if launch.trained
                    ],
                )
            )
        blocks.append(Charts(charts))
        if bounds:
            blocks.append(Text(_told(stages)))
    else:
        blocks.append(
            missing(
                'No step of a training was logged: it was stopped before its first line (every '
                'default_hooks.logger.interval iterations), or this folder is of a test alone.'
            )
        )
    if validations:
        # Of an iteration-based loop, a validation is logged at its iteration.
        loop = run.cfg.get('train_cfg') or {}
        counted = 'epoch' if loop.get('max_epochs') or not loop.get('max_iters') else 'iteration'
        if len(validations) > 1:
            charts = [
                line_chart(title, lines, counted)
                for title, lines in grouped(replace(run.log, lines=validations), evaluations=True)
            ]
            blocks.append(Charts(charts))
        blocks.append(_validation_table(validations, counted))
    elif steps and run.cfg.get('val_dataloader') is None:
        blocks.append(Text('Nothing was measured while it trained: its config has no validation.'))
    elif steps:
        blocks.append(
            missing(
                'Nothing was measured while it trained: it was stopped before its first '
                'validation (train_cfg.val_begin, val_interval).'
            )
        )
    return Section('curves', 'Curves of the training', blocks)


def _told(stages: Sequence[Stage]) -> str:
    """Where stages began, and what that means for the curves."""
    first, *later = stages
    begun = ', '.join(f'{stage.name} after epoch {stage.epoch}' for stage in later)
    return (
        f'It trained in stages: {first.name}, then {begun} (dashed). Each stage asks for something '
        'else, so that losses and accuracies of one do not compare with those of another.'
    )


def grouped(run: RunLog, evaluations: bool = False) -> list[tuple[str, list[Line]]]:
    """The curves of each chart: names of one kind are drawn together.

    Args:
        run: What was logged, of steps alone or of evaluations alone.
        evaluations: Which of them; these lie where they say that they were.
    """
    curves: dict[str, Line] = {}
    for name in keys_of([run]):
        x, y, _ = curve_of(run, name, by_epoch=evaluations)
        there = np.isfinite(y)
        if name not in _OF_SPEED and there.any():
            curves[name] = Line(name, x[there].tolist(), y[there].tolist())
    groups: dict[str, list[Line]] = {}
    for name, curve in curves.items():
        groups.setdefault(_kind(name), []).append(curve)
    order = sorted(groups, key=lambda kind: ('loss' not in kind, kind == 'learning rate'))
    return [(kind, part) for kind in order for part in _parts(groups[kind])]


def _parts(lines: list[Line]) -> list[list[Line]]:
    return [lines[start : start + _LINES] for start in range(0, len(lines), _LINES)]


def _kind(name: str) -> str:
    """What a curve is of: the same of several streams is drawn together."""
    plain = name.rpartition('/')[2]
    if plain in ('lr', 'base_lr', 'learning_rate') or plain.endswith('_lr'):
        return 'learning rate'
    if plain == 'loss':
        return 'loss'
    if plain.startswith('loss') or plain.endswith('loss'):
        return 'parts of the loss'
    words = plain.split('_')
    if len(words) > 1 and set(words[0].split('+')) <= _STREAMS:
        return '_'.join(words[1:])
    if len(words) > 1 and set(words[-1].split('+')) <= _STREAMS:
        return '_'.join(words[:-1])
    return plain


def _validation_table(lines: Sequence[Mapping[str, Any]], counted: str) -> Table:
    names = list(dict.fromkeys(n for line in lines for n in line if n not in _OF_SPEED))
    rows = [
        [str(line['step']), *(f'{line[n]:.4g}' if is_number(line.get(n)) else '-' for n in names)]
        for line in lines
    ]
    if len(rows) > 1:
        return Table('Validations', [counted, *names], rows, folded=True)
    title = f'The validation at {counted} {rows[0][0]}'
    pairs = zip(names, rows[0][1:], strict=True)
    return Table(title, ['figure', 'value'], [list(pair) for pair in pairs], folded=True)
