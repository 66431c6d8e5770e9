import math

import pytest
import torch
from mmengine.model import MMDistributedDataParallel

from ssvrl_mm.engine import FiniteLossHook, TrainingDivergedError
from tests.processes import run_processes
from tests.test_engine.test_hooks.toy_run import Toy, toy_run

NAN, INF = float('nan'), float('inf')


def hooks(interval=20, **checkpoint):
    return dict(
        finite_loss=dict(type='FiniteLossHook', interval=interval),
        checkpoint=dict(type='CheckpointHook', interval=1, **checkpoint),
    )


@pytest.mark.parametrize('value, shown', [(NAN, 'nan'), (INF, 'inf'), (-INF, '-inf')])
def test_training_stops_with_iteration_losses_and_last_good_checkpoint(tmp_path, value, shown):
    run = toy_run(tmp_path, 5, {7: value}, hooks=hooks())
    with pytest.raises(TrainingDivergedError) as caught:
        run.train()
    message = str(caught.value)
    assert 'not finite at iteration 7 (epoch 2)' in message
    assert f'loss_toy {shown}' in message and f'loss {shown}' in message
    assert str(tmp_path / 'epoch_1.pth') in message
    # Not even the epoch in which it happened is saved; what is logged names it too.
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_1.pth']
    [log] = tmp_path.glob('*/*.log')
    assert 'not finite at iteration 7' in log.read_text()


def test_a_run_that_saved_nothing_says_so(tmp_path):
    run = toy_run(tmp_path, 5, {3: NAN}, videos=50, hooks=hooks(interval=4))
    with pytest.raises(TrainingDivergedError, match='iteration 3 .* no checkpoint was saved'):
        run.train()
    assert run.iter == 3  # the fourth iteration was looked at before it ended


def test_saves_by_iteration_look_before_they_write(tmp_path):
    run = toy_run(
        tmp_path,
        hooks=dict(
            finite_loss=dict(type='FiniteLossHook', interval=1000),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
        ),
        table={3: NAN},
        train_cfg=dict(by_epoch=False, max_iters=8),
    )
    with pytest.raises(TrainingDivergedError, match=r'iteration 3 .*iter_2\.pth'):
        run.train()


def test_finite_losses_and_other_figures_pass(tmp_path):
    # top1_toy is NaN all along, as a share of nothing is.
    toy_run(tmp_path, 2, hooks=hooks(interval=1)).train()
    assert (tmp_path / 'epoch_2.pth').exists()
    with pytest.raises(ValueError, match='at least 1 iteration, got 0'):
        FiniteLossHook(0)


def test_no_step_waits_for_the_device(tmp_path, monkeypatch):
    hook = FiniteLossHook(interval=10)
    run = toy_run(tmp_path)
    waits = []
    for name in ('item', 'tolist', '__bool__', '__float__', 'cpu'):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda *a, _o=original, _n=name: (waits.append(_n), _o(*a))[1]
        )
    for _ in range(9):
        hook.after_train_iter(run, 0, outputs=dict(loss=torch.ones((), requires_grad=True)))
        run.train_loop._iter += 1
    assert not waits
    # Nothing of the graph is kept.
    assert not any(loss.requires_grad for row in hook._seen.values() for loss in row.values())
    hook.after_train_iter(run, 0, outputs=dict(loss=torch.ones(())))
    assert waits and not hook._seen


def diverge_on_one_process(rank, folder):
    """Loss of the second process alone is NaN, in iteration 5."""
    model = MMDistributedDataParallel(Toy({5: NAN} if rank == 1 else {}), broadcast_buffers=False)
    run = toy_run(f'{folder}/run', 3, videos=8, hooks=hooks(), model=model, launcher='none')
    try:
        run.train()
    except TrainingDivergedError as error:
        return dict(message=str(error), iteration=run.iter)
    return dict(message='', iteration=run.iter)


def test_all_processes_stop_for_the_loss_of_one(tmp_path):
    first, second = run_processes(diverge_on_one_process, tmp_path, str(tmp_path))
    assert first == second
    assert 'iteration 5 (epoch 2)' in first['message']
    assert 'loss_toy nan of process 1 (1 of 2)' in first['message']
    assert 'epoch_1.pth' in first['message'] and not (tmp_path / 'run/epoch_2.pth').exists()
    assert math.isfinite(torch.load(tmp_path / 'run/epoch_1.pth')['state_dict']['weight'])
