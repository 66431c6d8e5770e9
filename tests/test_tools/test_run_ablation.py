"""The table of several configs and seeds: made of runs, resumed, and honest about what failed."""

import importlib.util
import itertools
import json
import multiprocessing
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssvrl_mm import ablation
from ssvrl_mm.ablation.measure import measure

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


def test_a_run_that_was_killed_goes_on_and_ends_as_one_that_was_not(
    data_root, tiny_config, tmp_path, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    numbers = itertools.count()

    one_stream = {f'{when}_evaluator.streams': ['rgb'] for when in ('val', 'test')}

    def planned(folder):
        run = ablation.prepare_config(tiny_config, 0, tmp_path / folder, one_stream, True)
        # Runners of one process are told apart by the second that they start in.
        run.cfg.experiment_name = f'{folder}_{next(numbers)}'
        return run

    def here(run):
        measure(run.folder / 'config.py', run.sha256).save(run.folder)
        return ablation.read_result(run)

    def in_a_fork(run):
        process = multiprocessing.get_context('fork').Process(target=here, args=(run,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL

    run = planned('stopped')
    with monkeypatch.context() as killing:
        killing.setenv('KILL_AFTER_EPOCH', '1')
        killing.setattr(ablation.runs, '_in_a_child', in_a_fork)
        cfg = planned('stopped').cfg
        cfg.work_dir = run.cfg.work_dir
        ablation.execute(replace(run, cfg=cfg))
    left, end = run.folder / 'epoch_1.pth', run.folder / 'epoch_2.pth'
    assert list(run.folder.glob('*.pth')) == [left]
    monkeypatch.setattr(ablation.runs, '_in_a_child', here)
    capsys.readouterr()
    resumed = ablation.execute(run)
    told = f'going on from {left}; to begin anew, delete {run.folder}'
    assert told in capsys.readouterr().out and list(run.folder.glob('*.pth')) == [end]
    weights = torch.load(end)['state_dict']

    # One that was stopped in its last test has trained, and owes the evaluation of its last epoch.
    (run.folder / 'result.json').unlink()
    tested = ablation.execute(replace(run, cfg=planned('stopped').cfg))
    said = capsys.readouterr().out
    assert f'going on from {end}' in said and '2/3 training: 8 of 8 steps' in said

    whole = planned('whole')
    never_stopped = ablation.execute(whole)
    assert 'going on' not in capsys.readouterr().out and never_stopped.steps == 8
    assert 'val/retrieval/rgb_R@1' in never_stopped.scalars
    assert figures_of(resumed) == figures_of(tested) == figures_of(never_stopped)
    for name, weight in torch.load(whole.folder / end.name)['state_dict'].items():
        assert torch.equal(weight, weights[name]), name


def figures_of(result):
    """All of a result but times, and what is looked at in every 50th step of a process."""
    left_out = re.compile('.*/((data_)?time|memory|(effective_rank|mean_cosine)_.*)')
    logged = {k: value for k, value in result.scalars.items() if not left_out.fullmatch(k)}
    assert 'train/loss' in logged
    return {**vars(result), 'seconds_per_step': None, 'scalars': logged}


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
