"""The figures of a measurement, as JSON and as a table to print."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ssvrl_mm.train_benchmark.devices import device_name
from ssvrl_mm.train_benchmark.loop import Measurement
from ssvrl_mm.train_benchmark.phases import STEP, PhaseTimes

OTHER = 'other'


def quartiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median and quartiles in ms."""
    first, median, third = np.percentile(np.asarray(seconds) * 1000, (25, 50, 75)).tolist()
    return {'median_ms': median, 'first_quartile_ms': first, 'third_quartile_ms': third}


def phase_rows(steps: Sequence[PhaseTimes]) -> list[dict[str, Any]]:
    """Median, quartiles and share of each phase, in the order in which they begin.

    Args:
        steps: Seconds by phase of each step. A phase that a step lacks, an optimizer step between
            accumulated gradients for instance, took no time there.

    Returns:
        Rows with ``phase`` and ``within``, the phase that it is part of, if any. Shares are of the
        total of all steps; those that are part of no other, ``'other'`` among them, add up to 1.
    """
    paths = list(dict.fromkeys(path for step in steps for path in step if len(path) > 1))
    seconds = {path: [step.get(path, 0.0) for step in steps] for path in paths}
    outer = [path for path in paths if len(path) == 2]
    whole = [step[STEP,] for step in steps]
    seconds[STEP, OTHER] = [
        step[STEP,] - sum(step.get(path, 0.0) for path in outer) for step in steps
    ]
    return [
        {
            'phase': path[-1],
            'within': path[-2] if len(path) > 2 else None,
            **quartiles(values),
            'share': sum(values) / sum(whole),
        }
        for path, values in seconds.items()
    ]


def figures(found: Measurement, peak_tflops: float | None = None) -> dict[str, Any]:
    """All figures of a measurement, ready for JSON.

    Args:
        found: What was measured.
        peak_tflops: What the device can do at most, if somebody knows: 10^12 operations a second.
    """
    seconds = sum(found.steps)
    videos = found.videos * found.processes / seconds
    clips = next(iter(found.inputs.values()))[0][0]
    synchronised = [step[STEP,] for step in found.phases]
    undisturbed, by_phase = quartiles(found.steps), quartiles(synchronised)
    operations = sum(found.flops.values()) * len(found.steps) if found.flops else None
    speed = operations / seconds / 1e12 if operations else None
    return {
        'device': device_name(found.device),
        'torch': torch.__version__,
        'processes': found.processes,
        'dtype': found.dtype,
        'stage': found.stage,
        'batch_size': found.batch_size,
        'inputs': {
            name: {'shape': list(shape), 'dtype': dtype}
            for name, (shape, dtype) in found.inputs.items()
        },
        'warmup': found.warmup,
        'iterations': len(found.steps),
        'videos_per_second': videos,
        'clips_per_second': videos * clips,
        'step': undisturbed,
        'synchronised_step': by_phase,
        'synchronised_over_undisturbed': by_phase['median_ms'] / undisturbed['median_ms'],
        'phases': phase_rows(found.phases),
        'flops': found.flops,
        'flops_error': found.flops_error or None,
        'tflops_per_second': speed,
        'share_of_peak': speed / peak_tflops if speed and peak_tflops else None,
        'peak_memory_bytes': found.peak_memory,
        'peak_memory_is': 'allocated' if found.device.type == 'cuda' else 'resident',
    }


def format_report(title: str, report: Mapping[str, Any]) -> str:
    """The figures as text.

    Args:
        title: What was measured.
        report: Of :func:`figures`.
    """
    stage = f', stage {report["stage"]}' if report['stage'] else ''
    processes = f', {report["processes"]} processes' if report['processes'] > 1 else ''
    inputs = '; '.join(
        f'{name} {" x ".join(map(str, stream["shape"]))} {stream["dtype"]}'
        for name, stream in report['inputs'].items()
    )
    lines = [
        f'{title}{stage}',
        f'{report["device"]}{processes}, {report["dtype"]}, torch {report["torch"]}; '
        f'{report["iterations"]} steps undisturbed and by phase, after {report["warmup"]}',
        f'{report["batch_size"]} videos a step, each: {inputs}',
        '',
        f'undisturbed: {report["videos_per_second"]:.4g} videos/s, '
        f'{report["clips_per_second"]:.4g} clips/s ({next(iter(report["inputs"]))})',
        '',
        f'{"ms":<22}{"median":>10}{"quartiles":>22}{"share":>9}',
        _line('step, undisturbed', report['step']),
        _line('step, synchronised', report['synchronised_step'], 1.0),
    ]
    for row in report['phases']:
        indent = '    ' if row['within'] else '  '
        lines.append(_line(indent + row['phase'], row, row['share']))
    ratio = report['synchronised_over_undisturbed']
    lines += ['', f'synchronised over undisturbed step: {ratio:.3f}', _operations(report)]
    memory = report['peak_memory_bytes'] / 2**20
    lines.append(f'peak memory: {memory:.0f} MiB {report["peak_memory_is"]}')
    return '\n'.join(lines)


def _line(name: str, row: Mapping[str, Any], share: float | None = None) -> str:
    between = f'{row["first_quartile_ms"]:.2f} - {row["third_quartile_ms"]:.2f}'
    part = '' if share is None else f'{100 * share:.1f} %'
    return f'{name:<22}{row["median_ms"]:>10.2f}{between:>22}{part:>9}'.rstrip()


def _operations(report: Mapping[str, Any]) -> str:
    if report['flops'] is None:
        return f'operations could not be counted: {report["flops_error"]}'
    parts = ', '.join(f'{name} {count / 1e9:.4g}' for name, count in report['flops'].items())
    total = sum(report['flops'].values()) / 1e9
    share = report['share_of_peak']
    peak = '' if share is None else f', {100 * share:.1f} % of the peak'
    each = ' of each process' if report['processes'] > 1 else ''
    return (
        f'operations{each}: {total:.4g} GFLOP a step ({parts}), '
        f'{report["tflops_per_second"]:.4g} TFLOP/s{peak}'
    )
