"""The table of several configs and seeds: made of runs, resumed, and honest about what failed."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ssvrl_mm import ablation

HERE = Path(__file__).resolve().parent


@pytest.fixture
def ablate(data_root, tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in an empty folder; gives what it said, its figures and its error."""
    spec = importlib.util.spec_from_file_location('run', tool('analysis/run_ablation.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    # For this process, which reads the configs, and for those of the runs.
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv('PYTHONPATH', str(HERE))
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')

    def run(*arguments):
        words = ['run_ablation.py', *map(str, arguments), '--json', 'figures.json']
        monkeypatch.setattr(sys, 'argv', words)
        error = ''
        try:
            module.main()
        except SystemExit as end:
            error = str(end)
        figures = Path('figures.json')
        return capsys.readouterr().out, json.loads(figures.read_text()), error

    return run


def test_runs_are_measured_once_and_anew_when_their_config_changes(
    ablate, tiny_config, tmp_path, monkeypatch
):
    broken = tmp_path / 'broken.py'
    broken.write_text(f'_base_ = [{str(tiny_config)!r}]\n')

    def execute_or_fail(run):
        if run.name == 'broken':
            raise ablation.RunFailedError("'NoSuchModel is not in the registry'")
        return execute(run)

    execute = ablation.execute
    monkeypatch.setattr(ablation, 'execute', execute_or_fail)
    both = [tiny_config, broken, '--seeds', 1, '--columns', 'train/loss']
    short = ['--cfg-options', 'train_cfg.max_epochs=1']
    said, figures, error = ablate(*both, *short)
    assert 'run 1 of 2: tiny_mvcgc, seed 0' in said and error.endswith('1 of 2 runs have no result')
    run = figures['configs']['tiny_mvcgc']
    assert run['seeds'] == [0] and run['failed'] == {}
    assert set(run['streams']) == {'rgb', 'motion', 'both'}
    for measures in run['streams'].values():
        # Four queries of two classes.
        for weights in ('random', 'trained'):
            assert (4 * measures['R@1'][weights]['mean']).is_integer()
            assert (4 * measures['probe'][weights]['mean']).is_integer()
        assert measures['R@1']['chance'] == measures['probe']['chance'] == 0.5
        assert measures['R@1']['gain']['undecided'] and measures['R@1']['gain']['error'] is None
    [result] = run['runs']
    assert result['steps'] == 4 and result['seconds_per_step'] > 0
    [folder] = (tmp_path / 'work_dirs/ablation/tiny_mvcgc').glob('seed_0-????????')
    logs = [
        json.loads(line)
        for file in folder.glob('*/vis_data/scalars.json')
        for line in file.read_text().splitlines()
    ]
    [last] = [entry['loss'] for entry in logs if entry.get('step') == 4 and 'loss' in entry]
    assert run['columns']['train/loss']['mean'] == pytest.approx(last)
    assert [path.name for path in folder.glob('*.pth')] == ['epoch_1.pth']

    # What fails is named, with the reason, and leaves the others alone.
    assert 'NoSuchModel' in figures['configs']['broken']['failed']['0']
    table = (tmp_path / 'work_dirs/ablation/ablation.md').read_text()
    assert '| broken | failed | 0 |' in table and '- broken, seed 0: ' in table
    assert '| chance |' in table and '`train/loss`' in table and table.strip() in said

    one = [tiny_config, '--seeds', 1]
    said, again, error = ablate(*one, *short)
    assert 'done before' in said and not error
    assert again['configs']['tiny_mvcgc']['runs'] == run['runs']
    _, _, error = ablate(*one, '--columns', 'train/los', *short)
    assert error.startswith('error: no run logged train/los: did you mean train/loss')
    # Two epochs are another config, whose result is not there.
    said, stale, error = ablate(*one, '--only-table')
    assert '1 of 1 runs have no result' in error
    assert f'with other options, data or checkpoints in {folder.relative_to(tmp_path)}' in said
    assert stale['configs']['tiny_mvcgc']['streams'] == {}
    # What cannot run is told before anything is run.
    monkeypatch.setenv('SSVRL_DATA', 'nowhere')
    for arguments, message in (
        (both, 'needs files that do not exist'),
        ([*one, '--cfg-options', 'modle.stages=1'], 'the config has no modle'),
        # Evaluations during training have to be there for their column.
        ([*one, '--columns', 'val/retrieval/rgb_R@1', *short], 'val_begin=2 and max_epochs=1'),
    ):
        said, _, error = ablate(*arguments)
        assert error.startswith('error: ') and message in error and 'run 1 of' not in said


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['a/x.py', 'b/x.py'], 'configs of the same name: x, x'),
        (['x.py', '--baseline', 'y'], '--baseline y is none of x'),
        (['x.py', '--seeds', '0'], '--seeds must be 1 or more'),
        (['x.py', '--json', 'no/such/folder/x.json'], 'there is no folder'),
    ],
)
def test_wrong_arguments_are_told_at_once(call, tool, arguments, message):
    process = call(sys.executable, tool('analysis/run_ablation.py'), *arguments, check=False)
    assert process.returncode == 2 and message in process.stderr
