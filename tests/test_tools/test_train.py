import json
import signal
import sys

import pytest
import torch

from ssvrl_mm import compat  # noqa: F401 - lets torch.load take mmengine's checkpoints


def load(path):
    import mmengine.runner.checkpoint  # noqa: F401 - the safe globals come with it

    return torch.load(path, map_location='cpu', weights_only=True)


def assert_equal(ours, theirs, where=''):
    assert type(ours) is type(theirs), where
    if isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), where
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_equal(ours[key], theirs[key], f'{where}.{key}')
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(*pair, f'{where}[{index}]')
    else:
        assert ours == theirs, where


@pytest.fixture(scope='module')
def finished_run(tmp_path_factory):
    """The working directory of the uninterrupted run, trained by the first test below."""
    return tmp_path_factory.mktemp('run')


@pytest.fixture
def trained(finished_run, call, tool, tiny_config):
    if not (finished_run / 'epoch_2.pth').exists():
        command = (sys.executable, tool('train.py'), tiny_config, '--work-dir', finished_run)
        done = call(*command, fresh=True)
        (finished_run / 'console.txt').write_text(done.stdout + done.stderr)
    return finished_run


def test_the_console_shows_the_training_and_nothing_that_scares(trained):
    shown = (trained / 'console.txt').read_text()
    [log] = trained.glob('*/*.log')
    assert shown.count(str(log)) == 1
    for line in ('Epoch(train) [2]', 'Epoch(val) [2]', 'Saving checkpoint at 2 epochs', 'R@1'):
        assert line in shown and line in log.read_text()
    for dump in ('System environment', 'Config:', 'Hooks will be executed'):
        assert dump not in shown and dump in log.read_text()
    assert '8 videos of 4 recordings, 2 to 2 of each' in log.read_text()
    # Networks of two epochs give features that are all alike, and that is to be told.
    told = '\n'.join(line for line in shown.splitlines() if 'have collapsed' not in line)
    for word in ('Warning', 'WARNING', 'deprecated', 'more than once'):
        assert word not in told


def test_both_stages_train_and_log(trained):
    checkpoint = load(trained / 'epoch_2.pth')
    assert checkpoint['meta']['epoch'] == 2
    before = load(trained / 'epoch_1.pth')['state_dict']
    changed = [
        name
        for name, value in before.items()
        if name.endswith('.weight') and not torch.equal(value, checkpoint['state_dict'][name])
    ]
    assert any('backbone' in name for name in changed)
    [scalars] = trained.glob('*/vis_data/scalars.json')
    logged = [json.loads(line) for line in scalars.read_text().splitlines()]
    assert all(torch.isfinite(torch.tensor(row['loss'])) for row in logged if 'loss' in row)
    names = set().union(*logged)
    assert {'lr', 'loss', 'retrieval/both_R@1', 'retrieval/chance_R@1'} <= names
    assert any('top1' in name for name in names)
    assert any('queue_fill' in name for name in names)
    assert list(trained.glob('*/vis_data/events.out.tfevents*'))


def test_resumed_run_equals_the_uninterrupted_one(trained, call, tool, tiny_config, tmp_path):
    work_dir = tmp_path / 'resumed'
    train = (sys.executable, tool('train.py'), tiny_config, '--work-dir', work_dir)
    stopped = call(*train, KILL_AFTER_EPOCH='1', check=False)
    assert stopped.returncode == -signal.SIGKILL and not (work_dir / 'epoch_2.pth').exists()
    # Another number of workers must not matter either.
    call(*train, '--resume', '--cfg-options', 'train_dataloader.num_workers=1')
    ours, theirs = load(work_dir / 'epoch_2.pth'), load(trained / 'epoch_2.pth')
    assert 'resumed epoch: 1' in next(iter(sorted(work_dir.glob('*/*.log'))[1:])).read_text()
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_equal(ours[part], theirs[part], part)


def test_evaluates_a_checkpoint(trained, call, tool, tiny_config, tmp_path):
    checkpoint = trained / 'epoch_2.pth'
    call(sys.executable, tool('test.py'), tiny_config, checkpoint, '--work-dir', tmp_path / 'test')
    # Named by its time; the report lies beside it.
    [written] = (tmp_path / 'test').glob('*/2*.json')
    tested = json.loads(written.read_text())
    [scalars] = trained.glob('*/vis_data/scalars.json')
    validated = json.loads(scalars.read_text().splitlines()[-1])
    recalls = [name for name in tested if 'R@' in name]
    assert len(recalls) == 8
    assert {name: tested[name] for name in recalls} == {name: validated[name] for name in recalls}


def test_missing_checkpoint_is_named(call, tool, tiny_config, tmp_path):
    process = call(sys.executable, tool('test.py'), tiny_config, tmp_path / 'none.pth', check=False)
    assert process.returncode == 1
    assert str(tmp_path / 'none.pth') in process.stderr
    assert 'Traceback' not in process.stderr
