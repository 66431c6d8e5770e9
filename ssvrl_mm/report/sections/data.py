"""Health of the data: what the log says of the videos, and what a look into some of them says."""

from collections.abc import Mapping

from ssvrl_mm.report.blocks import Block, Cell, Charts, Section, Shares, Table, Text, missing
from ssvrl_mm.report.charts import histogram
from ssvrl_mm.report.data_health import DataHealth
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.run_log import LogFacts
from ssvrl_mm.video.tools.health_report import summarize

_NAMED = 50
_ORIGINS = {
    'coded': 'vectors of their own',
    'held': 'held from a neighbour, as I-frames have none',
    'propagated': 'taken from the P-frame that follows (B-frames of MPEG-4 Part 2)',
    'estimated': 'estimated from the pixels',
    'none': 'no motion',
    'not known': 'headers do not tell the types of frames',
}


def data_section(run: RunFolder, facts: LogFacts, data: DataHealth) -> Section:
    """The section."""
    blocks: list[Block] = [_counts(run, facts, data)]
    for purpose, why in data.missing.items():
        blocks.append(missing(f'Of the {purpose} videos nothing is known: {why}.'))
    failed = {**facts.unusable, **facts.skipped}
    if failed:
        rows: list[list[Cell | str]] = [
            [Cell(path, kind='code'), cause] for path, cause in failed.items()
        ]
        blocks.append(
            Table(
                f'Videos that could not be used{_of_more(rows)}',
                ['video', 'cause'],
                rows[:_NAMED],
                stacks=True,
            )
        )
    if facts.first_too_short:
        blocks.append(Text(f'The first video that was too short: {facts.first_too_short}'))
    if not data.healths:
        blocks.append(
            missing('No video was looked into; --look-at says how many of them are to be.')
        )
        return Section('data', 'Health of the data', blocks)
    blocks += _looked_into(data)
    return Section('data', 'Health of the data', blocks)


def _counts(run: RunFolder, facts: LogFacts, data: DataHealth) -> Table:
    rows: list[list[Cell | str]] = []
    for purpose, sources in data.lists.items():
        for source in sources:
            rows.append([f'{purpose}: {source.name}', str(len(source.entries))])
    logged = 'no log' if not any(launch.log for launch in run.launches) else None
    short = facts.too_short[0] if facts.too_short else 0
    for name, count in (
        ('could not be read in training, and were replaced by others', len(facts.unusable)),
        ('left out of training as too short for the pipeline', short),
        ('left out of a test as they cannot be read', len(facts.skipped)),
    ):
        kind = 'bad' if count and not logged else ''
        rows.append([name, Cell(logged or str(count), float(count), kind)])  # type: ignore[arg-type]
    return Table('Videos', ['what', 'videos'], rows)


def _looked_into(data: DataHealth) -> list[Block]:
    told = summarize(data.healths)
    blocks: list[Block] = [
        Text(
            f'{told["videos"]} of {data.total} videos were looked into now, evenly spread over the '
            f'lists: {told["readable"]} can be read, {told["with_problems"]} of these with '
            f'problems, {told["unreadable"]} cannot.'
        )
    ]
    ill = [health for health in data.healths if health.problems]
    if ill:
        found: list[list[Cell | str]] = [
            [Cell(each.path, kind='code'), '; '.join(each.problems)] for each in ill
        ]
        title = f'What is wrong{_of_more(found)}'
        blocks.append(Table(title, ['video', 'problems'], found[:_NAMED], stacks=True))
    if not told['readable']:
        return blocks
    blocks.append(_codecs(told['codecs']))
    frames = sum(data.origins.values())
    if frames:
        parts = [
            (name, count / frames, _ORIGINS.get(name, '')) for name, count in data.origins.items()
        ]
        blocks.append(Shares(f'Where the motion of frames comes from ({data.motion})', parts))
    good = [health for health in data.healths if health.readable]
    charts = []
    for title, values in (
        ('Length', [each.num_frames for each in good]),
        ('Longest GOP', [each.gop_max for each in good]),
    ):
        if len(set(values)) > 1:
            charts.append(histogram(title, values, 'frames'))
        else:
            blocks.append(Text(f'{title}: {values[0]} frames in each of them.'))
    return [*blocks, Charts(charts)] if charts else blocks


def _codecs(codecs: Mapping[str, Mapping]) -> Table:
    rows = []
    for name, facts in codecs.items():
        sizes = facts['sizes']
        more = f', {len(sizes) - 1} more' if len(sizes) > 1 else ''
        rows.append(
            [
                name,
                ', '.join(facts['containers']),
                str(facts['videos']),
                str(facts['frames']),
                next(iter(sizes)) + more,
                f'{facts["gop_median"]:g}',
                _share(facts['b_share']),
                _share(facts['motion_frames']) if facts['exports_motion'] else 'not exported',
            ]
        )
    header = ['codec', 'container', 'videos', 'frames', 'px', 'GOP', 'B-frames', 'with vectors']
    return Table('Codecs of the videos that were looked into', header, rows)


def _share(value: float | None) -> str:
    return '?' if value is None else f'{100 * value:.0f} %'


def _of_more(rows: list) -> str:
    return f' ({_NAMED} of {len(rows)})' if len(rows) > _NAMED else ''
