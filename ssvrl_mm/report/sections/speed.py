"""Speed of the training, and where the time of a step goes."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssvrl_mm.command_line import tool_command
from ssvrl_mm.progress import duration
from ssvrl_mm.report.blocks import Block, Cell, Charts, Section, Shares, Table, missing
from ssvrl_mm.report.charts import Line, line_chart
from ssvrl_mm.report.run_folder import RunFolder, is_number
from ssvrl_mm.report.run_log import LogFacts


def speed_section(run: RunFolder, facts: LogFacts) -> Section:
    """The section."""
    steps = [
        {**line, 'data_time': _seconds(line, 'data_time')}
        for line in run.steps
        if _seconds(line, 'time') > 0
    ]
    blocks: list[Block] = []
    if steps:
        blocks += _of_steps(run, facts, steps)
    else:
        blocks.append(missing('No step was logged with its time.'))
    measured = [found for file in sorted(run.path.glob('*.json')) if (found := _benchmark(file))]
    for name, phases in measured:
        blocks.append(Shares(f'Phases of a step by {name}', phases))
    if not measured:
        command = tool_command('analysis/benchmark_train.py')
        blocks.append(
            missing(
                'How forward pass, backward pass and optimizer share the rest of a step: '
                f'{command} CONFIG --json {run.path / "benchmark_train.json"} measures it, and the '
                'next report shows it here.'
            )
        )
    return Section('speed', 'Speed', blocks)


def _seconds(line: Mapping[str, Any], name: str) -> float:
    """What was logged; 0 where that is no time."""
    value = line.get(name)
    return float(value) if is_number(value) and math.isfinite(value) else 0.0


def _of_steps(run: RunFolder, facts: LogFacts, steps: Sequence[dict[str, Any]]) -> list[Block]:
    iterations = np.diff([0, *(line['iter'] for line in steps)]).clip(min=0)
    weights = iterations if iterations.sum() else np.ones(len(steps))
    time, data = (
        float(np.average([line.get(name, 0.0) for line in steps], weights=weights))
        for name in ('time', 'data_time')
    )
    batch = (run.cfg.get('train_dataloader') or {}).get('batch_size')
    processes = _processes(facts)
    rows: list[list[Cell | str]] = [
        ['a step', f'{1000 * time:.0f} ms'],
        ['steps', str(steps[-1]['iter'])],
        ['all steps', duration(time * steps[-1]['iter'])],
    ]
    if is_number(batch) and batch > 0:
        rows.append(
            ['videos per second', f'{batch * processes / time:.3g} ({batch} x {processes} a step)']
        )
    if facts.started and facts.ended:
        whole = (facts.ended - facts.started).total_seconds()
        rows.append(['from the first line of the log to the last', duration(whole)])
    memory = [line['memory'] for line in steps if is_number(line.get('memory'))]
    if memory:
        rows.append(['GPU memory at most', f'{max(memory)} MiB'])
    share = min(1.0, data / time) if time else 0.0
    remedy = (
        'more workers (train_dataloader.num_workers) would help'
        if share > 0.2
        else 'decoding keeps up with the network'
    )
    parts = [
        ('wait for videos', share, remedy),
        ('network', 1 - share, 'preprocessing, forward, backward, optimizer'),
    ]
    lines = [
        Line(name, [line['iter'] for line in steps], [line.get(name, 0.0) for line in steps])
        for name in ('time', 'data_time')
    ]
    return [
        Table('Speed of the training, by its log', ['what', 'value'], rows),
        Shares('Where the time of a step goes', parts),
        Charts([line_chart('seconds of a step', lines, 'iteration')]),
    ]


def _processes(facts: LogFacts) -> int:
    number = facts.environment.get('GPU number', '1')
    return max(1, int(number)) if number.isdigit() else 1


def _benchmark(file: Path) -> tuple[str, list[tuple[str, float, str]]] | None:
    """The phases of a step by a file of tools/analysis/benchmark_train.py; None of another."""
    try:
        content = json.loads(file.read_text())
        outer = [row for row in content['phases'] if row['within'] is None]
        inner = [row for row in content['phases'] if row['within'] is not None]
        parts = [
            (
                str(row['phase']),
                float(row['share']),
                ', '.join(
                    [f'{row["median_ms"]:.1f} ms']
                    + [
                        f'of it {each["phase"]} {100 * each["share"]:.0f} %'
                        for each in inner
                        if each['within'] == row['phase']
                    ]
                ),
            )
            for row in outer
        ]
        return f'{file.name}, {content["device"]}', parts
    except (KeyError, OSError, TypeError, ValueError):
        return None
