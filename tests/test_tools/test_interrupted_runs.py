"""What a user's run does after something went wrong, with the tools themselves."""

import importlib.util
import itertools
import shutil
import sys

import pytest
import torch

RUNS = itertools.count()


@pytest.fixture
def run(data_root, tool, tiny_config, tmp_path, monkeypatch):
    """Runs a tool on the tiny config in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')

    def run(name, *words, options=()):
        spec = importlib.util.spec_from_file_location('tool', tool(f'{name}.py'))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        unique = f'experiment_name=interrupted_{next(RUNS)}'
        words = [name, tiny_config, *words, '--cfg-options', unique, *options]
        monkeypatch.setattr(sys, 'argv', [str(word) for word in words])
        module.main()

    return run


@pytest.fixture(scope='module')
def first_run(tmp_path_factory):
    """The folder of a run of two epochs, which the first test trains."""
    return tmp_path_factory.mktemp('first') / 'run'


@pytest.fixture
def trained(first_run, run):
    if not first_run.exists():
        run('train', '--work-dir', first_run, '--no-validate')
    return first_run


def latest_log(folder):
    return max(folder.glob('*/*.log'), key=lambda file: file.stat().st_mtime).read_text()


def state(path):
    return torch.load(path)['state_dict']


def test_a_run_writes_over_nothing_unless_told_to(trained, run, tmp_path):
    shutil.copytree(trained, tmp_path / 'run')
    with pytest.raises(SystemExit, match=r'run holds 2 checkpoints \(epoch_2.pth, ...\)') as caught:
        run('train', '--work-dir', 'run')
    for option in ('--resume', '--work-dir', '--overwrite'):
        assert option in str(caught.value)
    before = (tmp_path / 'run/epoch_2.pth').stat().st_mtime_ns
    # Settings of workers that there are not are taken out.
    options = ('train_cfg.max_epochs=1', 'train_dataloader.persistent_workers=True')
    run('train', '--work-dir', 'run', '--overwrite', '--no-validate', options=options)
    assert sorted(p.name for p in (tmp_path / 'run').glob('*.pth')) == ['epoch_1.pth']
    assert before and 'training starts from the beginning' in latest_log(tmp_path / 'run')


def test_a_moved_run_resumes_from_the_newest_whole_checkpoint(trained, run, tmp_path):
    moved = tmp_path / 'moved'
    shutil.copytree(trained, moved)
    (moved / 'last_checkpoint').write_text('')
    data = bytearray((moved / 'epoch_2.pth').read_bytes())
    data[len(data) // 2] ^= 1
    (moved / 'epoch_2.pth').write_bytes(data)
    run('train', '--work-dir', moved, '--resume', '--no-validate')
    log = latest_log(moved)
    assert f'resuming from {moved}/epoch_1.pth: ' in log
    assert 'last_checkpoint is empty' in log and 'epoch_2.pth: damaged' in log
    ours, theirs = state(moved / 'epoch_2.pth'), state(trained / 'epoch_2.pth')
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())

    run('train', '--work-dir', moved, '--resume', '--no-validate')
    log = latest_log(moved)
    assert f'resuming from {moved}/epoch_2.pth: last_checkpoint names it' in log
    assert 'nothing left to train' in log and 'Epoch(train)' not in log

    for path in moved.glob('*.pth'):
        path.write_bytes(b'')
    with pytest.raises(SystemExit, match='none of its 2 checkpoints is whole'):
        run('train', '--work-dir', moved, '--resume')


def test_no_figures_of_weights_that_do_not_fit(trained, run, tmp_path):
    weights = state(trained / 'epoch_2.pth')
    renamed = {name.replace('backbone_', 'encoder_'): w for name, w in weights.items()}
    torch.save(dict(state_dict=renamed), 'renamed.pth')
    with pytest.raises(SystemExit, match=r'renamed\.pth: .* are missing \(backbone_rgb'):
        run('test', 'renamed.pth', '--work-dir', 'test')
    name = next(n for n in weights if n.startswith('backbone_rgb') and weights[n].ndim == 5)
    torch.save(dict(state_dict={**weights, name: weights[name][:, :1]}), 'reshaped.pth')
    with pytest.raises(SystemExit, match=rf'reshaped\.pth: .*size mismatch for {name}'):
        run('test', 'reshaped.pth', '--work-dir', 'test')
    torch.save(dict(state_dict={**weights, name: weights[name] * float('nan')}), 'nan.pth')
    with pytest.raises(SystemExit, match=rf'nan\.pth: .*not finite \({name}\)'):
        run('test', 'nan.pth', '--work-dir', 'test')
    assert not list(tmp_path.glob('test/*/evaluation.*'))
    # Weights for training alone are not asked for, and those of other streams are let pass.
    kept = {n: w for n, w in weights.items() if n.startswith('backbone_')}
    torch.save(dict(state_dict={**kept, 'backbone_flow.weight': torch.ones(1)}), 'kept.pth')
    run('test', 'kept.pth', '--work-dir', 'test')
    assert len(list(tmp_path.glob('test/*/evaluation.json'))) == 1
    assert 'do not match exactly' not in latest_log(tmp_path / 'test')


def test_another_stage_starts_from_all_weights_or_from_the_part_that_is_named(trained, run):
    options = [f'load_from={trained}/epoch_2.pth', 'train_cfg.max_epochs=1']
    run('train', '--work-dir', 'same', '--no-validate', options=options)
    options.append('model.head.queue_length=6')
    with pytest.raises(SystemExit, match='3 are missing .head.queue.keys_rgb'):
        run('train', '--work-dir', 'longer', '--no-validate', options=options)
    options.append('default_hooks.strict_checkpoint.ignore=[head.queue.]')
    run('train', '--work-dir', 'longer', '--no-validate', options=options)


def test_what_cannot_work_is_said_before_it_starts(trained, run, tmp_path):
    with pytest.raises(SystemExit, match='8 videos are less than one batch.*batch_size to 8 or'):
        run('train', '--work-dir', 'none', options=['train_dataloader.batch_size=9'])
    assert not list(tmp_path.glob('none/*.pth'))
    with pytest.raises(SystemExit, match=r"'vcop' searches clip by clip: set model.average_clips"):
        run('test', trained / 'epoch_2.pth', options=['test_evaluator.preset=vcop'])
