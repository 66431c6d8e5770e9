import pytest
import torch
from torch import Tensor

from ssvrl_mm.engine.hooks import runtime_info
from tests.test_engine.test_hooks.toy_run import toy_run

LOGGER = dict(type='LoggerHook', interval=3)


@pytest.fixture
def reads(monkeypatch):
    """Tensors pass for those of a GPU; the number of scalars of each time they were read."""
    counts = []
    stack = torch.stack

    def counting(tensors):
        if tensors[0].dtype == torch.float64:  # others look at weights
            counts.append(len(tensors))
        return stack(tensors)

    monkeypatch.setattr(runtime_info, '_on_device', lambda value: isinstance(value, Tensor))
    monkeypatch.setattr(runtime_info.torch, 'stack', counting)
    return counts


def history(run):
    """What the log knows of the training, but for times."""
    return {
        name: [values.tolist() for values in buffer.data]
        for name, buffer in run.message_hub.log_scalars.items()
        if name.startswith('train/') and 'time' not in name
    }


def train(folder, kind, **kwargs):
    hooks = dict(runtime_info=dict(type=kind), logger=LOGGER, **kwargs.pop('hooks', {}))
    run = toy_run(folder, 2, {5: 3.0}, videos=7, hooks=hooks, **kwargs)
    run.train()
    return run


def test_the_log_is_mmengines_and_is_read_where_something_is_logged(tmp_path, reads):
    run = train(tmp_path / 'ours', 'RuntimeInfoHook')
    assert isinstance(run.hooks[0], runtime_info.RuntimeInfoHook)
    # loss_toy, loss and top1_toy of 3, 3 and 1 steps, twice.
    assert reads == [9, 9, 3] * 2
    expected = history(train(tmp_path / 'mmengine', 'mmengine.RuntimeInfoHook'))
    assert str(history(run)) == str(expected) and len(expected['train/loss'][0]) == 14


def test_each_logger_has_what_it_logs(tmp_path, reads):
    train(tmp_path, 'RuntimeInfoHook', hooks=dict(second=dict(type='LoggerHook', interval=2)))
    # After steps 2, 3, 4, 6 and 7.
    assert reads == [6, 3, 3, 6, 3] * 2


def test_numbers_of_the_host_do_not_hurry_those_of_the_device(tmp_path, reads, monkeypatch):
    told = runtime_info.RuntimeInfoHook.after_train_iter

    def with_number(self, runner, batch_idx, data_batch=None, outputs=None):
        told(self, runner, batch_idx, data_batch, {'on_host': 1.0, **outputs})

    monkeypatch.setattr(runtime_info.RuntimeInfoHook, 'after_train_iter', with_number)
    assert history(train(tmp_path, 'RuntimeInfoHook'))['train/on_host'][0] == [1.0] * 14
    assert reads == [9, 9, 3] * 2


def test_what_is_on_the_host_is_told_at_once(tmp_path, monkeypatch):
    seen = []
    read = runtime_info.RuntimeInfoHook._read

    def noting(self, runner):
        read(self, runner)
        seen.append(len(history(runner)['train/loss'][0]))

    monkeypatch.setattr(runtime_info.RuntimeInfoHook, '_read', noting)
    train(tmp_path, 'RuntimeInfoHook', val_cfg=None)
    assert [n for n in seen if n] == [*range(1, 8), 7, *range(8, 15), 14]


def test_a_checkpoint_between_holds_the_whole_history(tmp_path, reads):
    schedule = dict(by_epoch=False, max_iters=4)
    checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=2)
    train(tmp_path, 'RuntimeInfoHook', hooks=dict(checkpoint=checkpoint), train_cfg=schedule)
    saved = torch.load(tmp_path / 'iter_2.pth', weights_only=True)['message_hub']
    assert len(saved['log_scalars']['train/loss'].data[0]) == 2
    assert reads == [6, 3, 3]
