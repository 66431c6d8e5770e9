import json
import runpy
import sys

import pytest
import torch

SMALL = ('--iterations', 1, '--warmup', 1, '--batch-size', 2)


@pytest.fixture
def benchmark(tool, tiny_config, data_root, tmp_path, monkeypatch):
    """Runs the tool in this process, which has the imports behind it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(*arguments):
        words = [str(word) for word in arguments]
        monkeypatch.setattr(sys, 'argv', ['benchmark_train.py', *words])
        runpy.run_path(str(tool('analysis/benchmark_train.py')), run_name='__main__')

    return run


def phases(report):
    """Phases and what they lie within; shares add up."""
    rows = report['phases']
    assert sum(row['share'] for row in rows if not row['within']) == pytest.approx(1)
    assert all(row['share'] >= 0 and row['median_ms'] >= 0 for row in rows)
    return {row['phase']: row['within'] for row in rows}


PHASES = dict.fromkeys(
    ['data wait', 'preprocessing', 'forward', 'backward', 'optimizer step', 'other']
)
MOMENTUM = {'momentum update': 'forward', 'key forward': 'forward'}


def test_stage_2_of_the_demo(benchmark, repository, tmp_path, capsys):
    config = repository / 'configs' / 'mvcgc' / 'demo.py'
    options = ('--stage', 'cross', '--json', 'figures.json', '--no-channels-last')
    benchmark(config, *SMALL, *options)
    shown = capsys.readouterr().out
    report = json.loads((tmp_path / 'figures.json').read_text())
    assert phases(report) == {**PHASES, **MOMENTUM}
    assert (report['stage'], report['batch_size'], report['input']) == ('cross', 2, 'synthetic')
    assert report['inputs']['rgb'] == {'shape': [2, 3, 8, 56, 56], 'dtype': 'uint8'}
    assert report['videos_per_second'] == pytest.approx(2000 / report['step']['median_ms'])
    assert report['flops']['backward'] > 0 and report['tflops_per_second'] > 0
    assert f'{config}, synthetic input, stage cross' in shown
    assert 'key forward' in shown and 'videos/s' in shown
    assert [path.name for path in tmp_path.iterdir()] == ['figures.json']


def test_context_motion_decoupling(benchmark, repository, tmp_path):
    config = repository / 'configs' / 'context_motion' / 'context_motion_demo.py'
    benchmark(config, *SMALL, '--json', 'figures.json', '--no-amp')
    report = json.loads((tmp_path / 'figures.json').read_text())
    assert phases(report) == PHASES and report['stage'] is None
    assert set(report['inputs']) == {'rgb', 'iframe', 'motion'}


def test_real_data_and_two_processes(call_twice, tool, tiny_config, tmp_path):
    processes = call_twice(
        tool('analysis/benchmark_train.py'), tiny_config, *SMALL,
        '--input', 'real', '--launcher', 'pytorch', '--json', 'figures.json',
    )  # fmt: skip
    assert [process.returncode for process in processes] == [0, 0], processes[0].stderr
    report = json.loads((tmp_path / 'figures.json').read_text())
    assert report['processes'] == 2 and report['batch_size'] == 2
    assert report['videos_per_second'] == pytest.approx(4000 / report['step']['median_ms'])
    assert phases(report) == {**PHASES, **MOMENTUM} and report['stage'] == 'init'


@pytest.mark.parametrize(
    ('options', 'code', 'words'),
    [
        (['--batch-size', 0], 2, 'must be at least 1, got 0'),
        (['--iteratons', 3], 2, 'unrecognized arguments: --iteratons'),
        (['--peak-tflops', 0], 2, 'must be above 0, got 0.0'),
        (['--json', 'none/x.json'], 2, 'there is no folder'),
        (['--input', 'real', '--batch-size', 9], 1, '8 videos are less than one batch'),
        (['--cfg-options', 'modle.k=3'], 1, 'did you mean model?'),
    ],
)
def test_mistakes_end_with_a_message(benchmark, tiny_config, capsys, options, code, words):
    assert words in mistake(benchmark, capsys, code, tiny_config, *options)


def mistake(benchmark, capsys, code, *arguments):
    """What is said at the end; nothing was measured."""
    with pytest.raises(SystemExit) as end:
        benchmark(*arguments)
    shown = capsys.readouterr()
    assert 'videos/s' not in shown.out
    # A message in the place of a number is printed, and the process ends with 1.
    assert isinstance(end.value.code, str) if code == 1 else end.value.code == code
    return f'{shown.err}{end.value.code}'


def test_missing_configs_and_data_end_with_a_message(
    benchmark, repository, tiny_config, capsys, monkeypatch
):
    assert 'there is no config none.py' in mistake(benchmark, capsys, 2, 'none.py')
    retrieval = repository / 'configs/mvcgc/benchmarks/mvcgc_s3d_retrieval_ucf101.py'
    assert 'has no train_dataloader' in mistake(benchmark, capsys, 1, retrieval)
    monkeypatch.setenv('SSVRL_DATA', 'nowhere')
    told = mistake(benchmark, capsys, 1, tiny_config, '--input', 'real')
    assert '--input synthetic measures without data' in told


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without CUDA')
def test_no_cuda_device(benchmark, tiny_config, capsys):
    told = mistake(benchmark, capsys, 1, tiny_config, '--device', 'cuda')
    assert 'finds no CUDA device' in told
