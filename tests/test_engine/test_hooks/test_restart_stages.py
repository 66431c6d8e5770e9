import copy

import pytest
import torch
from mmengine.hooks import Hook

from ssvrl_mm.engine.hooks import RestartStagesHook

from ...test_models.tiny import CRITERION, TinyBackbone, projector, samples
from .toy_run import toy_run

LENGTH, BATCH, VIDEOS = 8, 2, 12
STAGES = [(0, 'init'), (1, 'rgb'), (3, 'motion')]


class Videos(torch.utils.data.Dataset):
    """Two clips of each of twelve videos."""

    def __len__(self):
        return VIDEOS

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        clips = {
            s: torch.randn(2, c, 2, 4, 4, generator=generator)
            for s, c in (('rgb', 3), ('motion', 2))
        }
        return dict(inputs=clips, data_samples=samples([index])[0])


class Notes(Hook):
    """The weights, the rate, the queue and Adam's steps before every iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.rows = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        model, [group] = runner.model, runner.optim_wrapper.param_groups
        steps = {int(state['step']) for state in runner.optim_wrapper.optimizer.state.values()}
        self.rows.append(
            dict(
                epoch=runner.epoch,
                rate=group['lr'],
                fill=int(model.head.queue.fill),
                steps=max(steps, default=0),
                weights=copy.deepcopy(model.state_dict()),
            )
        )


def run(folder, epochs=4, hooks=('RestartStagesHook',), length=LENGTH, **kwargs):
    torch.manual_seed(0)
    model = dict(
        type='ContrastiveRecognizer',
        data_preprocessor=dict(type='SSLDataPreprocessor', rgb=dict(mean=[0] * 3, std=[1] * 3)),
        backbones={
            s: dict(type=TinyBackbone, in_channels=c) for s, c in (('rgb', 3), ('motion', 2))
        },
        head=dict(
            type='CoCLRHead', projector=projector(), criterion=CRITERION, queue_length=length, k=1
        ),
        stages=STAGES,
    )
    notes = Notes()
    loader = dict(
        dataset=Videos(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=BATCH,
        collate_fn=dict(type='pseudo_collate'),
    )
    runner = toy_run(
        folder,
        epochs,
        hooks=dict(
            set_epoch=dict(type='SetEpochHook'), iteration_seed=dict(type='IterationSeedHook')
        ),
        model=model,
        train_dataloader=loader,
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01, weight_decay=0.1)),
        param_scheduler=[dict(type='MultiStepLR', milestones=[2], gamma=0.1)],
        custom_hooks=[*(dict(type=hook) for hook in hooks), notes],
        **kwargs,
    )
    runner.train()
    return runner, notes.rows


def online(weights):
    return {n: w for n, w in weights.items() if n.startswith(('backbone_', 'head.projector'))}


def moved(first, second):
    return any(
        not torch.equal(w, online(second['weights'])[n])
        for n, w in online(first['weights']).items()
    )


def test_later_stages_begin_as_runs_of_their_own(tmp_path):
    runner, rows = run(tmp_path)
    per_epoch = VIDEOS // BATCH
    assert [row['fill'] for row in rows[per_epoch : per_epoch + 5]] == [0, 2, 4, 6, 8]
    # Nothing moves but in the first stage, and where the queue is full.
    end = dict(weights=runner.model.state_dict())
    for number, (row, after) in enumerate(zip(rows, [*rows[1:], end], strict=True)):
        learns = row['epoch'] == 0 or row['fill'] == LENGTH
        assert moved(row, after) is learns, number
        assert (row['rate'] > 0) is learns
    whole = {row['epoch']: row['rate'] for row in rows if row['rate']}
    # The schedule goes on as if nothing had been taken away.
    assert whole == pytest.approx({0: 0.01, 1: 0.01, 2: 0.001, 3: 0.001})
    assert {row['epoch'] for row in rows if row['fill'] == 0} == {0, 1, 3}
    # Adam has forgotten.
    starts = [row['steps'] for row in rows if row['fill'] == 0]
    assert starts == [0, 0, 0]


# A queue of 20 is not full at the end of the epoch that a stage begins with.
@pytest.mark.parametrize('length, epoch', [(LENGTH, 1), (LENGTH, 2), (20, 2)])
def test_a_run_resumed_where_a_stage_begins_or_later_equals_an_uninterrupted_one(
    tmp_path, length, epoch
):
    whole, _ = run(tmp_path / 'whole', length=length)
    checkpoint = str(tmp_path / f'whole/epoch_{epoch}.pth')
    resumed, rows = run(tmp_path / 'resumed', length=length, resume=True, load_from=checkpoint)
    assert rows[0]['epoch'] == epoch and (rows[0]['rate'] == 0) == (epoch == 1 or length == 20)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_without_the_hook_the_queue_is_kept(tmp_path):
    _, rows = run(tmp_path, epochs=2, hooks=())
    assert [row['fill'] for row in rows[6:]] == [LENGTH] * 6
    assert all(row['rate'] == 0.01 for row in rows)


def test_other_models_are_told(tmp_path):
    with pytest.raises(
        TypeError, match='models with stages, such as ContrastiveRecognizer, not Toy'
    ):
        toy_run(tmp_path, custom_hooks=[RestartStagesHook()]).train()
