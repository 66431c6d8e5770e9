import os
import runpy
import signal
import sys
import time

import pytest
from mmengine.config import Config

from ssvrl_mm.ablation import (
    AblationError,
    Run,
    RunFailedError,
    RunResult,
    ended_with_its_runs,
    execute,
    other_results,
    prepare_config,
    read_result,
    runs,
)
from ssvrl_mm.apis.run_lock import FolderInUseError, RunLock

CONFIG = """
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3)
train_dataloader = dict(num_workers=0, persistent_workers=True)
test_cfg = val_cfg = dict(type='TestLoop')
test_dataloader = val_dataloader = dict(num_workers=0)
test_evaluator = {evaluator}
val_evaluator = dict(type='VideoRetrieval')
model = dict(backbone=dict(init_cfg=dict(checkpoint=None)))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
randomness = dict(seed=7, deterministic=True)
"""


@pytest.fixture
def config(tmp_path):
    def write(evaluator="dict(type='VideoRetrieval', topk=(1, 5), streams=('rgb', 'motion'))"):
        file = tmp_path / 'mine.py'
        file.write_text(CONFIG.format(evaluator=evaluator))
        return file

    return write


def result_of(run, validated=False):
    return RunResult(run.sha256, validated, {}, {}, {}, 0.1, 3)


def test_a_config_is_made_ready(config, tmp_path):
    run = prepare_config(config(), 2, tmp_path / 'out', {'train_cfg.max_epochs': 5})
    cfg = run.cfg
    assert run.name == 'mine'
    assert run.folder == tmp_path / f'out/mine/seed_2-{run.sha256[:8]}'
    assert cfg.work_dir == str(run.folder) and cfg.train_cfg.max_epochs == 5
    assert cfg.randomness == dict(seed=2, deterministic=True)
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None and not run.validates
    # The newest of at most twenty.
    assert (cfg.default_hooks.checkpoint.interval, cfg.default_hooks.checkpoint.max_keep_ckpts) == (
        1,
        1,
    )
    assert [metric['type'] for metric in cfg.test_evaluator] == [
        'VideoRetrieval', 'ssvrl_mm.FeatureProbe'
    ]  # fmt: skip
    assert tuple(cfg.test_evaluator[1]['streams']) == ('rgb', 'motion')
    assert 'persistent_workers' not in cfg.train_dataloader
    assert prepare_config(config(), 2, tmp_path, validate=True).validates


@pytest.mark.parametrize(
    'evaluator, message',
    [
        ("dict(type='KNNAccuracy')", 'no VideoRetrieval'),
        ("[dict(type='ssvrl_mm.VideoRetrieval', topk=(5,))]", 'lacks 1'),
        ('None', 'has no test_evaluator'),
    ],
)
def test_configs_without_recall_are_refused(config, tmp_path, evaluator, message):
    with pytest.raises(AblationError, match=message):
        prepare_config(config(evaluator), 0, tmp_path)


def test_a_result_counts_for_its_own_config_alone(config, tmp_path):
    run = prepare_config(config(), 0, tmp_path)
    assert read_result(run) is None
    run.folder.mkdir(parents=True)
    result_of(run).save(run.folder)
    assert read_result(run) == result_of(run)
    # Neither the place nor what is looked at in between makes another run.
    assert prepare_config(config(), 0, tmp_path / 'elsewhere').sha256 == run.sha256
    validating = prepare_config(config(), 0, tmp_path, validate=True)
    assert validating.sha256 == run.sha256 and read_result(validating) is None
    # One with evaluations during training lies beside it, and will do for both.
    assert validating.folder.name == f'{run.folder.name}-val'
    validating.folder.mkdir()
    result_of(run, validated=True).save(validating.folder)
    assert read_result(validating) == result_of(run, validated=True)
    assert read_result(run) == result_of(run)
    (run.folder / 'result.json').unlink()
    assert read_result(run) == result_of(run, validated=True)
    assert other_results(run) == []
    for folder in ('seed_0', 'seed_01234-abcdef', 'seed_0-nothing'):
        (run.folder.parent / folder).mkdir()
    for changed in (
        prepare_config(config(), 0, tmp_path, {'train_cfg.max_epochs': 4}),
        prepare_config(config(), 0, tmp_path, {'custom_hooks': [dict(type='EMAHook')]}),
        prepare_config(config("dict(type='VideoRetrieval')"), 0, tmp_path),
    ):
        assert changed.folder != run.folder and read_result(changed) is None
        assert other_results(changed) == [validating.folder]
    assert prepare_config(config(), 1, tmp_path).sha256 != run.sha256
    for text in ('{"config_sha256": ', '{"other": 1}', '[]'):
        (validating.folder / 'result.json').write_text(text)
        assert read_result(run) is None and other_results(changed) == []


@pytest.mark.parametrize(
    'options, message',
    [
        ({'train_cfg.max_epoch': 1, 'modle.width': 2}, 'no modle'),
        ({'randomness.seed': 3}, 'randomness.seed: the number of --seeds'),
        ({'randomness': {'seed': 3}}, 'randomness.seed: the number of --seeds'),
        ({'work_dir': 'x'}, 'work_dir: --work-dir decides'),
        ({'resume': True}, 'resume: a run goes on from the checkpoint that it has left'),
        ({'default_hooks.checkpoint.max_keep_ckpts': 3}, 'one checkpoint is kept, the newest'),
    ],
)
def test_options_that_would_be_in_vain_are_refused(config, tmp_path, options, message):
    with pytest.raises(AblationError, match=message):
        prepare_config(config(), 0, tmp_path, options)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'val_evaluator': None}, 'no val_evaluator'),
        ({'train_cfg.val_begin': 4}, 'val_begin=4 and max_epochs=3'),
    ],
)
def test_columns_of_validation_need_one(config, tmp_path, options, message):
    prepare_config(config(), 0, tmp_path, options)
    with pytest.raises(AblationError, match=message):
        prepare_config(config(), 0, tmp_path, options, validate=True)


@pytest.mark.parametrize('option', ['load_from', 'model.backbone.init_cfg.checkpoint'])
def test_the_content_of_a_checkpoint_counts(config, tmp_path, monkeypatch, option):
    file = tmp_path / 'start.pth'

    def sha256(content):
        if content is not None:
            file.write_text(content)
            os.utime(file, ns=(0, int(content, 16)))
        return prepare_config(config(), 0, tmp_path, {option: str(file)}).sha256

    found = [sha256(content) for content in (None, 'a', 'b')]
    assert len(set(found)) == 3 and sha256('b') == found[2]
    os.utime(file, ns=(0, 99))
    assert sha256(None) == found[2]
    # A large one is told by size and time.
    monkeypatch.setattr('ssvrl_mm.ablation.identity._LARGE', 1)
    assert sha256('b') not in found and sha256('b') != sha256('a')


def process(monkeypatch, run, code, errors='', result=None):
    """A child that does this instead of training."""

    def instead(command, stderr, env):
        assert (run.folder / 'config.py').exists() and read_result(run) is None
        stderr.write(errors)
        if result is not None:
            result.save(run.folder)
        return type('Done', (), dict(returncode=code))

    monkeypatch.setattr(runs.subprocess, 'run', instead)


def test_a_run_gives_its_result_or_says_why_not(monkeypatch, tmp_path):
    run = Run('mine', 0, Config(dict(x=1, betas=(0.9, 0.999))), tmp_path / 'seed_0', 'ab')
    process(monkeypatch, run, 0, result=result_of(run))
    assert execute(run) == result_of(run)
    # What is run is what was hashed, tuples and all.
    assert Config.fromfile(run.folder / 'config.py').betas == (0.9, 0.999)
    # What is done is not done again, nor taken away.
    process(monkeypatch, run, 1)
    assert execute(run) == result_of(run)

    (run.folder / 'result.json').unlink()
    process(monkeypatch, run, 1, 'Traceback\nValueError: too few videos\n\n', result_of(run))
    with pytest.raises(RunFailedError, match=r'^ValueError: too few videos \(.*errors.txt\)$'):
        execute(run)
    (run.folder / 'result.json').unlink()
    process(monkeypatch, run, -signal.SIGKILL)
    with pytest.raises(RunFailedError, match='killed by SIGKILL'):
        execute(run)
    process(monkeypatch, run, 0)
    with pytest.raises(RunFailedError, match='no result'):
        execute(run)


def test_folders_of_others_are_left_alone(monkeypatch, tmp_path):
    run = Run('mine', 0, Config(dict(x=1)), tmp_path / 'seed_0', 'ab')
    process(monkeypatch, run, 0)
    with pytest.raises(RunFailedError, match='no result'):
        execute(run)
    (run.folder / 'epoch_3.pth').touch()
    with RunLock(run.folder), pytest.raises(RunFailedError, match='Wait for it'):
        execute(run)
    assert (run.folder / 'epoch_3.pth').exists()
    process(monkeypatch, run, 0, result=result_of(run))
    execute(run)
    assert not (run.folder / 'epoch_3.pth').exists()
    other = Run('mine', 0, Config(dict(x=1)), tmp_path / 'training', 'cd')
    other.folder.mkdir()
    (other.folder / 'epoch_3.pth').touch()
    with pytest.raises(RunFailedError, match='not of the ablation'):
        execute(other)


@pytest.fixture
def child(monkeypatch, tmp_path):
    """A run whose process does this, in a folder with another package of our name."""
    other = tmp_path / 'other/ssvrl_mm'
    other.mkdir(parents=True)
    (other / '__init__.py').write_text("raise RuntimeError('another checkout')")
    monkeypatch.chdir(other.parent)
    monkeypatch.setattr(runs, '_CHECKOUT', tmp_path / 'ours')

    def write(code):
        package = tmp_path / 'ours/ssvrl_mm/ablation'
        package.mkdir(parents=True)
        for folder in (package, package.parent):
            (folder / '__init__.py').touch()
        (package / '__main__.py').write_text(code)
        return Run('mine', 0, Config(dict(x=1)), tmp_path / 'seed_0', 'ab')

    return write


def test_a_child_runs_this_checkout_and_its_last_words_are_told(child):
    run = child("raise ValueError('too few videos')")
    with pytest.raises(RunFailedError, match=r'^ValueError: too few videos \('):
        execute(run)


def test_a_child_ends_with_its_command(child, tmp_path):
    run = child(
        'import os, signal, time\n'
        "open('pid', 'w').write(str(os.getpid()))\n"
        'os.kill(os.getppid(), signal.SIGTERM)\n'
        'time.sleep(60)\n'
    )
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end, ended_with_its_runs():
        execute(run)
    assert end.value.code == 143 and signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'other/pid').read_text()), 0)


def test_an_interrupted_command_says_how_to_go_on(capsys):
    with pytest.raises(SystemExit) as end, ended_with_its_runs():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert end.value.code == 130
    assert capsys.readouterr().err == '\ninterrupted; run it again to go on\n'


def test_the_lock_is_of_the_process_that_works(monkeypatch, tmp_path):
    run = Run('mine', 0, Config(dict(x=1)), tmp_path, 'ab')

    def measure(config, sha256):
        assert config == tmp_path / 'config.py' and sha256 == 'ab'
        with pytest.raises(RunFailedError, match='Wait for it'):
            execute(run)
        return result_of(run)

    monkeypatch.setattr('ssvrl_mm.ablation.measure.measure', measure)
    monkeypatch.setattr(sys, 'argv', ['ssvrl_mm.ablation', str(tmp_path), 'ab'])
    with RunLock(tmp_path), pytest.raises(FolderInUseError):
        runpy.run_module('ssvrl_mm.ablation', run_name='__main__')
    assert read_result(run) is None
    runpy.run_module('ssvrl_mm.ablation', run_name='__main__')
    assert read_result(run) == result_of(run) and not (tmp_path / 'lock.json').exists()
