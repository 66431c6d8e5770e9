"""Speed of the training, and where the time of a step goes."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssvrl_mm.command_line import tool_command
from ssvrl_mm.progress import duration
from ssvrl_mm.report.blocks import Block, Cell, Charts, Section, Shares, Table, missing
from ssvrl_mm.report.charts import Line, line_chart
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.run_log import LogFacts
from ssvrl_mm.run_logs import Timing, curve_of, is_number, timing_of


def speed_section(run: RunFolder, facts: LogFacts) -> Section:
    """The section."""
    timing = timing_of(run.steps, run.log.total_iterations)
    blocks: list[Block] = []
    # A clock that stands still says nothing.
    if timing is not None and timing.total > 0:
        blocks += _of_steps(run, facts, timing)
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


def _of_steps(run: RunFolder, facts: LogFacts, timing: Timing) -> list[Block]:
    blocks: list[Block] = [
        Table('Speed of the training, by its log', ['what', 'value'], _rows(run, facts, timing))
    ]
    if math.isfinite(timing.waiting):
        blocks.append(Shares('Where the time of a step goes', _waiting(timing)))
    steps = replace(run.log, lines=run.steps)
    curves = [(name, curve_of(steps, name, by_epoch=False)) for name in ('time', 'data_time')]
    lines = [Line(name, curve.x.tolist(), curve.y.tolist()) for name, curve in curves]
    return [*blocks, Charts([line_chart('seconds of a step', lines, 'iteration')])]


def _rows(run: RunFolder, facts: LogFacts, timing: Timing) -> list[list[Cell | str]]:
    rows: list[list[Cell | str]] = [
        ['a step', f'{_ms(timing.median)} ms'],
        ['80 % of the steps', f'{_ms(timing.low)} to {_ms(timing.high)} ms'],
        ['steps', str(timing.iterations)],
        ['all steps', duration(timing.total)],
    ]
    if timing.eta is not None and timing.left:
        rows.append([f'the {timing.left} steps that are left', duration(timing.eta[0])])
    batch = (run.cfg.get('train_dataloader') or {}).get('batch_size')
    if is_number(batch) and batch > 0:
        processes = _processes(facts)
        rate = batch * processes * timing.iterations / timing.total
        rows.append(['videos per second', f'{rate:.3g} ({batch} x {processes} a step)'])
    if facts.started and facts.ended:
        whole = (facts.ended - facts.started).total_seconds()
        rows.append(['from the first line of the log to the last', duration(whole)])
    memory = [line['memory'] for line in run.steps if is_number(line.get('memory'))]
    if memory:
        rows.append(['GPU memory at most', f'{max(memory)} MiB'])
    return rows


def _ms(seconds: float) -> str:
    return f'{1000 * seconds:.0f}'


def _waiting(timing: Timing) -> Sequence[tuple[str, float, str]]:
    """The share of a step that is waiting for videos, and that of the rest."""
    share = min(1.0, timing.waiting)
    remedy = (
        'more workers (train_dataloader.num_workers) would help'
        if share > 0.2
        else 'decoding keeps up with the network'
    )
    return [
        ('wait for videos', share, remedy),
        ('network', 1 - share, 'preprocessing, forward, backward, optimizer'),
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
