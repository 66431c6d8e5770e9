"""The figures as JSON and as text, beside those of the papers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ssvrl_mm.inference_benchmark.base import Options, Setup
from ssvrl_mm.inference_benchmark.measuring import Run, Spread, per_frame_ms, summarise
from ssvrl_mm.inference_benchmark.papers import (
    COLUMNS,
    CONTEXT_MOTION_FPS,
    MACHINE,
    PER_FRAME_MACHINE,
    TABLE_1,
    TABLE_2,
)
from ssvrl_mm.inference_benchmark.setups import OURS
from ssvrl_mm.inference_benchmark.videos import Video
from ssvrl_mm.inference_benchmark.whole_files import CONTEXT_MOTION

_HEADINGS = 'pre-processing s', 'inference ms', 'total s', 'x pre', 'x total', 'MB', 'top-1'
_FRAME_HEADINGS = 'pre-processing ms', 'inference ms', 'total ms', 'GFLOPs', 'of frames'
_PART_HEADINGS = 'store s', 'read ms', 'network ms', 'total s, quartiles'


def make_report(
    machine: Mapping[str, Any],
    options: Options,
    clock: str,
    videos: Sequence[Video],
    setups: Mapping[str, Setup],
    runs: Mapping[str, Sequence[Run]],
    whole_files: Mapping[str, Spread],
    not_measured: Mapping[str, str],
) -> dict[str, Any]:
    """All figures, ready for JSON.

    Args:
        machine: See ``describe_machine``.
        options: Those of the set-ups.
        clock: What was measured: 'wall' or 'cpu'.
        videos: What was measured on.
        setups: What was measured.
        runs: The measurements; set-ups without any are left out.
        whole_files: Frames per second of the readers of whole files.
        not_measured: Set-up, or part of one -> why there are no figures.
    """
    ours = runs.get(OURS, ())
    return {
        'machine': dict(machine),
        'options': {**asdict(options), 'clock': clock},
        'videos': [asdict(video) for video in videos],
        'setups': {
            name: {
                'what': setups[name].what,
                **summarise(own, ours),
                'per_frame': _per_frame(setups[name], own, options),
                'runs': [asdict(run) for run in own],
            }
            for name, own in runs.items()
            if own
        },
        'whole_files_fps': dict(whole_files),
        'not_measured': dict(not_measured),
        'papers': {
            'machine': MACHINE,
            'table_1': {
                name: {**row._asdict(), 'megabytes': row.megabytes} for name, row in TABLE_1.items()
            },
            'context_motion_fps': CONTEXT_MOTION_FPS,
            'per_frame_machine': PER_FRAME_MACHINE,
            'table_2': {name: row._asdict() for name, row in TABLE_2.items()},
        },
    }


def _per_frame(setup: Setup, runs: Sequence[Run], options: Options) -> dict[str, Any] | None:
    """What a frame takes, as in Table 2 of IMRNet: of set-ups in it, shown one clip."""
    if setup.per_frame is None or options.protocol != 'one_clip':
        return None
    frames, multiply_adds = setup.per_frame
    return {
        'frames': frames,
        **per_frame_ms(runs, frames),
        'gflops': multiply_adds / 1e9,
    }


def format_report(report: Mapping[str, Any]) -> str:
    """The report as tables."""
    setups: Mapping[str, Any] = report['setups']
    blocks = [_headline(report)]
    if setups:
        rows = {name: _measured(name, own) for name, own in setups.items()}
        rows |= {f'paper: {name}': _papers(name) for name in TABLE_1}
        blocks.append(
            _table('per video', _HEADINGS, rows)
            + f"\npaper: Table 1 of MVCGC, {MACHINE}; top-1 is always the paper's"
        )
        blocks += _frame_table(setups)
        parts = {name: _parts(own) for name, own in setups.items()}
        memory = ('peak MiB',) if any('peak_MiB' in own for own in setups.values()) else ()
        blocks.append(_table('of which', (*_PART_HEADINGS, *memory), parts))
        blocks.append('\n'.join(f'{name}: {own["what"]}' for name, own in setups.items()))
    if report['whole_files_fps']:
        rates = {
            name: [f'{own["median"]:.0f}', f'{own["q1"]:.0f} - {own["q3"]:.0f}']
            for name, own in report['whole_files_fps'].items()
        }
        rates[f'paper: {CONTEXT_MOTION}'] = [f'> {CONTEXT_MOTION_FPS}', '']
        blocks.append(_table('whole files', ('frames/s', 'quartiles'), rates))
    if report['not_measured']:
        lines = [f'not measured: {name}: {why}' for name, why in report['not_measured'].items()]
        blocks.append('\n'.join(lines))
    return '\n\n'.join(blocks)


def _headline(report: Mapping[str, Any]) -> str:
    machine, options = report['machine'], report['options']
    kinds = dict.fromkeys(
        f'{video["codec"]} {video["width"]}x{video["height"]}' for video in report['videos']
    )
    frames = [video['frames'] for video in report['videos']]
    length = f'{min(frames)}' if min(frames) == max(frames) else f'{min(frames)} to {max(frames)}'
    size = sum(video['bytes'] for video in report['videos']) / len(frames) / 1e6
    return '\n'.join(
        [
            f'{len(frames)} video(s) of {length} frames, {", ".join(kinds)}, {size:.2f} MB each; '
            f'{options["protocol"]}, networks of width {options["width"]:g} on '
            f'{options["device"]}, {options["threads"]} thread(s), {options["clock"]} time',
            ', '.join(f'{name} {value}' for name, value in machine.items()),
        ]
    )


def _measured(name: str, own: Mapping[str, Any]) -> list[str]:
    paper = TABLE_1.get(COLUMNS.get(name, ''))
    return [
        _median(own['pre_processing_s'], '.4f'),
        _median(own['inference_s'], '.1f', 1000),
        _median(own['total_s'], '.3f'),
        _median(own['x_pre_processing'], '.1f'),
        _median(own['x_total'], '.1f'),
        f'{own["bytes"] / 1e6:.2f}',
        *([] if paper is None else [f'{paper.top1:.1f}']),
    ]


def _papers(name: str) -> list[str]:
    row, ours = TABLE_1[name], TABLE_1[COLUMNS[OURS]]
    return [
        f'{row.pre_processing_s:.4f}',
        f'{1000 * row.inference_s:.1f}',
        f'{row.total_s:.3f}',
        f'{row.pre_processing_s / ours.pre_processing_s:.1f}',
        f'{row.total_s / ours.total_s:.1f}',
        f'{row.megabytes:.2f}',
        f'{row.top1:.1f}',
    ]


def _frame_table(setups: Mapping[str, Any]) -> list[str]:
    rows = {
        name: [
            *(
                _median(own[f'{part}_ms'], '.2f')
                for part in ('pre_processing', 'inference', 'total')
            ),
            f'{own["gflops"]:.2f}',
            f'{own["frames"]}',
        ]
        for name, summary in setups.items()
        if (own := summary['per_frame'])
    }
    if not rows:
        return []
    rows |= {f'paper: {name}': [f'{n:.2f}' for n in row] for name, row in TABLE_2.items()}
    return [
        _table('per frame', _FRAME_HEADINGS, rows)
        + '\na clip divided by its frames, as in the paper; storing left out; GFLOPs: multiply-adds'
        f'\npaper: Table 2 of IMRNet, {PER_FRAME_MACHINE}'
    ]


def _parts(own: Mapping[str, Any]) -> list[str]:
    total = own['total_s']
    return [
        _median(own['store_s'], '.3f'),
        _median(own['read_s'], '.1f', 1000),
        _median(own['network_s'], '.1f', 1000),
        f'{total["q1"]:.3f} - {total["q3"]:.3f}' if total else '-',
        *([f'{own["peak_MiB"]:.0f}'] if 'peak_MiB' in own else []),
    ]


def _median(spread: Spread | None, shape: str, factor: float = 1.0) -> str:
    return '-' if spread is None else format(factor * spread['median'], shape)


def _table(title: str, headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Columns to the right of their rows' names; a row may have fewer."""
    lines = [list(headings), *rows.values()]
    wide = max(map(len, (title, *rows)))
    widths = [
        max(len(line[column]) for line in lines if column < len(line)) + 2
        for column in range(len(headings))
    ]
    return '\n'.join(
        f'{name:{wide}}' + ''.join(map(str.rjust, cells, widths))
        for name, cells in zip((title, *rows), lines, strict=True)
    )
