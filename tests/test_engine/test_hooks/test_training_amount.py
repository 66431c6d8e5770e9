import pytest

from ssvrl_mm.engine import CheckpointFileError, NothingToTrainError
from tests.processes import run_processes
from tests.test_engine.test_hooks.toy_run import toy_run

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


def resumed(monkeypatch, tmp_path, schedule, batch_size, epoch=2, **kwargs):
    """Goes on with epochs of 8 / batch_size iterations, after two of 4."""
    common = dict(epochs=4, videos=8, hooks=HOOKS, param_scheduler=schedule)
    if not (tmp_path / 'epoch_4.pth').exists():
        toy_run(tmp_path, batch_size=2, **common).train()
    again = dict(resume=True, load_from=str(tmp_path / f'epoch_{epoch}.pth'))
    run = toy_run(tmp_path, batch_size=batch_size, experiment_name='again', **common, **again)
    told = []
    monkeypatch.setattr(run.logger, 'warning', lambda message, *args: told.append(message % args))
    run.train()
    return run, '\n'.join(told)


@pytest.mark.parametrize('batch_size, iterations', [(2, 4), (1, 8), (4, 2)])
def test_a_resumed_run_keeps_to_its_epochs(monkeypatch, tmp_path, batch_size, iterations):
    schedule = dict(type='MultiStepLR', milestones=[1, 3], gamma=0.1)
    run, log = resumed(monkeypatch, tmp_path, schedule, batch_size)
    assert run.model.calls == 2 * iterations and run.iter == 4 * iterations
    assert run.optim_wrapper.get_lr()['lr'] == [pytest.approx(0.001)]
    told = f'is at epoch 2 and iteration 8, and here epochs have {iterations} iterations'
    assert (told in log) is (batch_size != 2)
    # What is saved now agrees with itself.
    _, log = resumed(monkeypatch, tmp_path, schedule, batch_size, epoch=4)
    assert 'nothing left to train' in log and 'here epochs have' not in log


@pytest.mark.parametrize('end, refused', [(12, True), (8, False)])
def test_a_schedule_that_counts_iterations_wants_as_many(monkeypatch, tmp_path, end, refused):
    schedule = [dict(type='LinearLR', start_factor=0.5, end=end, by_epoch=False)]
    schedule += [dict(type='MultiStepLR', milestones=[3])]
    if refused:
        with pytest.raises(CheckpointFileError, match='counts iterations .* videos per step'):
            resumed(monkeypatch, tmp_path, schedule, batch_size=1)
    else:
        assert resumed(monkeypatch, tmp_path, schedule, batch_size=1)[0].model.calls == 16
    assert resumed(monkeypatch, tmp_path, schedule, batch_size=2)[0].model.calls == 8
