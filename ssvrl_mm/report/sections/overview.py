"""The head of the page: what the run is, how far it came, what it reached."""

from collections.abc import Mapping
from typing import Any

from ssvrl_mm.demo.summary import most_gained
from ssvrl_mm.evaluation.retrieval import ROW_NAMES
from ssvrl_mm.progress import duration
from ssvrl_mm.report.blocks import Block, Numbers, Section, missing
from ssvrl_mm.report.data_health import DataHealth
from ssvrl_mm.report.demo_figures import ShownFigures
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.run_log import LogFacts
from ssvrl_mm.report.stages import stages_of
from ssvrl_mm.run_logs import is_number


def overview_section(
    run: RunFolder, facts: LogFacts, data: DataHealth, shown: ShownFigures
) -> Section:
    """The section."""
    model = str((run.cfg.get('model') or {}).get('type', '?'))
    numbers = [(model.rpartition('.')[2], 'model', run.name), _progress(run)]
    figures = shown.summary
    if figures:
        best = most_gained(figures)
        numbers.append(
            (
                f'{100 * figures["after"][best]:.1f} %',
                f'R@1, {ROW_NAMES.get(best, best)}',
                f'{100 * figures["before"][best]:.1f} {shown.label}, '
                f'{100 * figures["chance"]:.1f} chance',
            )
        )
    # The loss of another stage is of something else.
    stages = stages_of(run)
    begun = stages[-1].iteration if stages else 0
    lines = [line for line in run.steps if line['iter'] > begun]
    losses = [line['loss'] for line in lines if is_number(line.get('loss'))]
    if losses:
        start = f'at the start of stage {stages[-1].name}' if begun else 'at the start'
        numbers.append((f'{losses[-1]:.3g}', 'loss at the end', f'{losses[0]:.3g} {start}'))
    if data.total:
        parts = [
            f'{sum(len(s.entries) for s in sources)} {purpose}'
            for purpose, sources in data.lists.items()
        ]
        numbers.append((f'{data.total}', 'videos', ', '.join(parts)))
    if facts.started and facts.ended:
        whole = (facts.ended - facts.started).total_seconds()
        count = len(run.told_by)
        launches = f'{count} launch{"es" if count != 1 else ""}'
        numbers.append(
            (
                duration(whole),
                'from first to last line',
                launches,
            )
        )
    blocks: list[Block] = [Numbers(numbers)]
    blocks += [missing(remark) for remark in run.remarks]
    return Section('overview', 'Overview', blocks)


def _progress(run: RunFolder) -> tuple[str, str, str]:
    """How far the training came of how far it was to go."""
    config = run.cfg.get('train_cfg') or {}
    if not run.steps:
        return ('-', 'no training', 'no step was logged')
    last = run.steps[-1]
    if config.get('max_epochs'):
        of, unit = config['max_epochs'], 'epochs'
        done = _epochs_done(run, last, of)
    else:
        of, unit = config.get('max_iters', '?'), 'iterations'
        done = max(last['iter'], run.reached.get('iter', 0))
    note = '' if done == of else 'goes on, or was stopped'
    return (f'{done} of {of}', unit, note)


def _epochs_done(run: RunFolder, last: Mapping[str, Any], of: int) -> int:
    """Epochs that were done to their end; a line tells the one that it is in."""
    before = max(int(last.get('epoch') or 1) - 1, 0)
    if 'epoch' in run.reached:
        return max(before, run.reached['epoch'])
    # Nothing says how many iterations an epoch has that is the first one: its last line ends it.
    total = run.log.total_iterations
    return of if total is not None and last['iter'] >= total else before
