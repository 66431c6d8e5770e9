"""Environment and checksums: what it takes to say that two runs are the same."""

from ssvrl_mm.evaluation.provenance import config_sha256, describe_checkpoint, versions
from ssvrl_mm.report.blocks import Block, Cell, Section, Table, missing
from ssvrl_mm.report.data_health import DataHealth
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.run_log import LogFacts


def origin_section(run: RunFolder, facts: LogFacts, data: DataHealth) -> Section:
    """The section."""
    rows: list[list[Cell | str]] = [
        ['config, as it was used', _code(str(run.config_file)), _code(config_sha256(run.cfg))],
    ]
    if run.checkpoint is not None:
        described = describe_checkpoint(run.checkpoint)
        size = f'{run.checkpoint} ({run.checkpoint.stat().st_size / 1e6:.1f} MB)'
        rows.append(['checkpoint', _code(size), _code(str(described['checkpoint_sha256']))])
    for purpose, sources in data.lists.items():
        for source in sources:
            what = f'{source.name} ({len(source.entries)} videos)'
            rows.append([f'{purpose} list', _code(what), _code(source.sha256)])
    blocks: list[Block] = [Table('SHA-256', ['what', 'where', 'SHA-256'], rows, stacks=True)]
    if run.checkpoint is None:
        blocks.append(
            missing(
                'There is no checkpoint yet: default_hooks.checkpoint.interval says after how many '
                'epochs the first one is written.'
            )
        )
    if facts.environment:
        found = [[name, value] for name, value in facts.environment.items()]
        title = 'What the run found of its machine'
        blocks.append(Table(title, ['what', 'value'], found, stacks=True))
    else:
        blocks.append(missing('No log names the machine of the run.'))
    now = [[name, value] for name, value in versions().items()]
    blocks.append(Table('Versions that wrote this page', ['package', 'version'], now, folded=True))
    if facts.warnings:
        said = [[text, str(count)] for text, count in facts.warnings.items()][:50]
        blocks.append(Table('Warnings of the log', ['what', 'times'], said, folded=len(said) > 5))
    return Section('origin', 'Environment and checksums', blocks)


def _code(text: str) -> Cell:
    return Cell(text, kind='code')
