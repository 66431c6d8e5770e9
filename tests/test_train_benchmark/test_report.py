import json
import math
import statistics

import pytest
import torch

from ssvrl_mm.train_benchmark.loop import Measurement
from ssvrl_mm.train_benchmark.report import figures, format_report, phase_rows, quartiles

STEP, FORWARD = ('step',), ('step', 'forward')
KEYS, OPTIMIZER = ('step', 'forward', 'key forward'), ('step', 'optimizer step')


@pytest.fixture
def found():
    """Four steps of 0.2 s, by phase of 0.5 s; gradients of two are accumulated."""
    steps = [
        {STEP: 0.5, FORWARD: 0.3, KEYS: 0.1, **({OPTIMIZER: 0.04} if number % 2 else {})}
        for number in range(4)
    ]
    return Measurement(
        stage='cross',
        device=torch.device('cpu'),
        processes=2,
        warmup=3,
        batch_size=8,
        videos=30,
        inputs={'rgb': ((2, 3, 4, 16, 16), 'uint8'), 'motion': ((5, 2, 4, 2, 2), 'float16')},
        steps=[0.1, 0.2, 0.2, 0.3],
        phases=steps,
        flops={'forward': 3 * 10**10, 'backward': 10**10},
        peak_memory=3 * 2**20,
    )


def test_quartiles():
    values = [0.004, 0.001, 0.003, 0.002, 0.01]
    expected = statistics.quantiles([1000 * value for value in values], n=4, method='inclusive')
    assert list(quartiles(values)) == ['median_ms', 'first_quartile_ms', 'third_quartile_ms']
    assert sorted(quartiles(values).values()) == pytest.approx(expected)
    assert set(quartiles([0.5]).values()) == {500}


def test_rows_of_phases(found):
    rows = {row['phase']: row for row in phase_rows(found.phases)}
    assert list(rows) == ['forward', 'key forward', 'optimizer step', 'other']
    assert {name: row['within'] for name, row in rows.items()} == {
        'forward': None, 'key forward': 'forward', 'optimizer step': None, 'other': None,
    }  # fmt: skip
    shares = {name: row['share'] for name, row in rows.items()}
    assert shares == pytest.approx(
        {'forward': 0.6, 'key forward': 0.2, 'optimizer step': 0.04, 'other': 0.36}
    )
    assert rows['optimizer step']['median_ms'] == pytest.approx(20)
    assert rows['optimizer step']['first_quartile_ms'] == 0
    assert rows['other']['first_quartile_ms'] == pytest.approx(160)
    assert rows['other']['third_quartile_ms'] == pytest.approx(200)


def test_figures(found):
    report = figures(found, peak_tflops=0.5)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    # Two processes of 30 videos in 0.8 s; two clips of RGB each.
    assert report['videos_per_second'] == pytest.approx(75)
    assert report['clips_per_second'] == pytest.approx(150)
    assert report['step']['median_ms'] == pytest.approx(200)
    assert report['synchronised_step']['median_ms'] == pytest.approx(500)
    assert report['synchronised_over_undisturbed'] == pytest.approx(2.5)
    assert report['tflops_per_second'] == pytest.approx(0.2)
    assert report['share_of_peak'] == pytest.approx(0.4)
    assert report['inputs']['motion'] == {'shape': [5, 2, 4, 2, 2], 'dtype': 'float16'}
    assert (report['iterations'], report['warmup'], report['stage']) == (4, 3, 'cross')
    assert (report['peak_memory_bytes'], report['peak_memory_is']) == (3 * 2**20, 'resident')
    assert report['device'].startswith('CPU, ') and report['flops_error'] is None
    assert sum(r['share'] for r in report['phases'] if not r['within']) == pytest.approx(1)
    assert figures(found)['share_of_peak'] is None


def test_the_table(found):
    text = format_report('demo.py', figures(found, peak_tflops=0.5))
    lines = text.splitlines()
    assert lines[0] == 'demo.py, stage cross' and ', 2 processes, float32, torch ' in lines[1]
    assert 'each: rgb 2 x 3 x 4 x 16 x 16 uint8; motion 5 x 2 x 4 x 2 x 2 float16' in text
    assert 'undisturbed: 75 videos/s, 150 clips/s (rgb)' in lines
    rows = {line[:22].rstrip(): line[22:].split() for line in lines}
    assert rows['step, undisturbed'] == ['200.00', '175.00', '-', '225.00']
    assert rows['step, synchronised'] == ['500.00', '500.00', '-', '500.00', '100.0', '%']
    assert rows['  forward'] == ['300.00', '300.00', '-', '300.00', '60.0', '%']
    assert rows['    key forward'] == ['100.00', '100.00', '-', '100.00', '20.0', '%']
    assert 'synchronised over undisturbed step: 2.500' in lines
    assert (
        'operations of each process: 40 GFLOP a step (forward 30, backward 10), '
        '0.2 TFLOP/s, 40.0 % of the peak'
    ) in lines
    assert lines[-1] == 'peak memory: 3 MiB resident'


def test_the_table_without_what_is_not_known(found):
    found.stage, found.processes = None, 1
    text = format_report('demo.py', figures(found))
    assert text.startswith('demo.py\n') and 'process' not in text and 'peak,' not in text
    assert text.count('TFLOP/s') == 1 and not text.count('of the peak')
    found.flops, found.flops_error = None, 'KeyError: aten'
    report = figures(found, peak_tflops=1)
    assert report['tflops_per_second'] is report['share_of_peak'] is None
    assert 'operations could not be counted: KeyError: aten' in format_report('demo.py', report)
    assert math.isfinite(report['videos_per_second'])
