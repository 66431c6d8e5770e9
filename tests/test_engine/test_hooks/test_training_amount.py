import pytest

from ssvrl_mm.engine import NothingToTrainError
from tests.test_engine.test_hooks.toy_run import toy_run
from tests.test_models.processes import run_processes

HOOKS = dict(training_amount=dict(type='TrainingAmountHook'))


@pytest.mark.parametrize('loop', [dict(by_epoch=True, max_epochs=3), dict(max_iters=3)])
def test_a_list_shorter_than_a_batch_is_refused_before_training(tmp_path, loop):
    run = toy_run(
        tmp_path, videos=5, batch_size=8, hooks=HOOKS, train_cfg=dict(dict(by_epoch=False), **loop)
    )
    with pytest.raises(NothingToTrainError) as caught:
        run.train()
    message = str(caught.value)
    assert '5 videos are less than one batch' in message
    assert 'train_dataloader.batch_size=8 on 1 process makes 8' in message
    assert 'set train_dataloader.batch_size to 5 or less' in message
    assert not list(tmp_path.glob('*.pth')) and run.model.calls == 0


def test_one_batch_is_enough_and_no_videos_are_named(tmp_path):
    run = toy_run(tmp_path / 'a', videos=8, batch_size=8, hooks=HOOKS)
    run.train()
    assert run.model.calls == 1
    with pytest.raises(NothingToTrainError, match='holds no videos'):
        toy_run(tmp_path / 'b', videos=0, hooks=HOOKS).train()


def train_in_processes(rank, folder):
    run = toy_run(f'{folder}/run', videos=48, batch_size=32, hooks=HOOKS)
    try:
        run.train()
    except NothingToTrainError as error:
        return str(error)
    return ''


def test_the_batch_is_that_of_all_processes(tmp_path):
    messages = run_processes(train_in_processes, tmp_path, str(tmp_path))
    assert messages[0] == messages[1]
    assert '48 videos are less than one batch' in messages[0]
    assert 'batch_size=32 on 2 processes makes 64' in messages[0]
    assert 'batch_size to 24 or less' in messages[0]


def test_a_finished_run_says_that_nothing_is_left(tmp_path):
    toy_run(tmp_path, 2, hooks=HOOKS).train()
    path = tmp_path / 'epoch_2.pth'
    resumed = toy_run(
        tmp_path, 2, hooks=HOOKS, resume=True, load_from=str(path), experiment_name='again'
    )
    resumed.train()
    log = max(tmp_path.glob('*/*.log'), key=lambda file: file.stat().st_mtime).read_text()
    assert f'nothing left to train: {path} is at epoch 2 (of max_epochs=2)' in log
    assert resumed.model.calls == 0
