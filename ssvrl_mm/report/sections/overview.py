"""The head of the page: what the run is, how far it came, what it reached."""

from ssvrl_mm.evaluation.retrieval import ROW_NAMES
from ssvrl_mm.progress import duration
from ssvrl_mm.report.blocks import Block, Numbers, Section, missing
from ssvrl_mm.report.data_health import DataHealth
from ssvrl_mm.report.demo_figures import ShownFigures
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.run_log import LogFacts


def overview_section(
    run: RunFolder, facts: LogFacts, data: DataHealth, shown: ShownFigures
) -> Section:
    """The section."""
    model = str((run.cfg.get('model') or {}).get('type', '?'))
    numbers = [(model.rpartition('.')[2], 'model', run.name), _progress(run)]
    figures = shown.summary
    if figures:
        best = max(figures['after'], key=lambda stream: figures['after'][stream])
        numbers.append(
            (
                f'{100 * figures["after"][best]:.1f} %',
                f'R@1, {ROW_NAMES.get(best, best)}',
                f'{100 * figures["before"][best]:.1f} random weights, '
                f'{100 * figures["chance"]:.1f} chance',
            )
        )
    losses = [line['loss'] for line in run.steps if 'loss' in line]
    if losses:
        numbers.append((f'{losses[-1]:.3g}', 'loss at the end', f'{losses[0]:.3g} at the start'))
    if data.total:
        parts = [
            f'{sum(len(s.entries) for s in sources)} {purpose}'
            for purpose, sources in data.lists.items()
        ]
        numbers.append((f'{data.total}', 'videos', ', '.join(parts)))
    if facts.started and facts.ended:
        whole = (facts.ended - facts.started).total_seconds()
        count = len(run.launches)
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
        done, of, unit = last.get('epoch', 0), config['max_epochs'], 'epochs'
    else:
        done, of, unit = last['iter'], config.get('max_iters', '?'), 'iterations'
    note = '' if done == of else 'goes on, or was stopped'
    return (f'{done} of {of}', unit, note)
