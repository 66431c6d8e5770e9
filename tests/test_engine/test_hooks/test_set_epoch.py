from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from ssvrl_mm.engine.hooks import SetEpochHook
from ssvrl_mm.models.utils import MomentumEncoder

from .toy_run import Toy, toy_run


class Staged(BaseModel):
    """Notes the stage of every iteration; switches at epoch 2."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer('epoch', torch.zeros((), dtype=torch.long))
        self.seen = []

    def set_epoch(self, epoch):
        self.epoch.fill_(epoch)

    @property
    def stage(self):
        return 'second' if self.epoch >= 2 else 'first'

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.seen.append(self.stage)
        return {'loss': (self.weight - 1) ** 2}


def runner(folder, epochs, **kwargs):
    return Runner(
        model=Staged(),
        work_dir=str(folder),
        train_dataloader=dict(
            dataset=[dict(inputs=torch.zeros(1))] * 2,
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_size=1,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='SetEpochHook')],
        default_scope='ssvrl_mm',
        default_hooks=dict(logger=None),
        experiment_name=f'stages_{epochs}_{len(kwargs)}',
        **kwargs,
    )


def test_switches_within_a_run_and_after_resuming(tmp_path):
    first = runner(tmp_path, 3)
    first.train()
    assert first.model.seen == ['first'] * 4 + ['second'] * 2
    resumed = runner(tmp_path, 5, resume=True, load_from=str(tmp_path / 'epoch_3.pth'))
    resumed.train()
    assert resumed.model.seen == ['second'] * 4


def test_leaves_other_models_alone():
    stub = SimpleNamespace(model=nn.Linear(1, 1), epoch=0)
    SetEpochHook().before_train_epoch(stub)


def test_looks_into_a_wrapper():
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = Staged()
    stub = SimpleNamespace(model=wrapper, epoch=5)
    SetEpochHook().before_train_epoch(stub)
    assert wrapper.module.epoch == 5


class Followed(Toy):
    """One weight and a copy whose momentum rises over the training; notes it in each iteration."""

    def __init__(self):
        super().__init__()
        self.copy = MomentumEncoder(nn.Linear(1, 1), momentum=0.994, total_steps='training')
        self.online = nn.Linear(1, 1)
        self.seen = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.seen.append(self.copy.current_momentum)
        self.copy.follow(self.online)
        loss = super().forward(inputs, data_samples, mode)
        return {**loss, 'loss_online': self.online(inputs[0]).square().sum()}


def followed_run(folder, loop=None, **kwargs):
    torch.manual_seed(0)
    return toy_run(
        folder,
        model=Followed(),
        train_cfg=loop or dict(by_epoch=True, max_epochs=4),
        custom_hooks=[dict(type='SetEpochHook')],
        **kwargs,
    )


def released(share):
    """The momentum in MSCL's released code."""
    return 1 - (1 - 0.994) * (np.cos(np.pi * share) + 1) / 2


def test_the_momentum_rises_over_the_whole_training_and_a_resumed_one(tmp_path):
    whole = followed_run(tmp_path / 'whole', videos=3)
    whole.train()
    shares = np.arange(12) / 12
    np.testing.assert_allclose(whole.model.seen, released(shares), rtol=1e-12)
    checkpoint = str(tmp_path / 'whole' / 'epoch_2.pth')
    resumed = followed_run(tmp_path / 'rest', videos=3, resume=True, load_from=checkpoint)
    resumed.train()
    assert resumed.model.seen == whole.model.seen[6:]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    # Weights alone begin another training.
    anew = followed_run(tmp_path / 'anew', videos=3, load_from=checkpoint)
    anew.train()
    assert anew.model.seen == whole.model.seen


def test_the_momentum_rises_over_iterations_without_epochs(tmp_path):
    by_iteration = followed_run(tmp_path, loop=dict(by_epoch=False, max_iters=5))
    by_iteration.train()
    np.testing.assert_allclose(by_iteration.model.seen, released(np.arange(5) / 5), rtol=1e-12)


def test_a_loop_without_length_is_at_its_start():
    model = Followed()
    with pytest.raises(RuntimeError, match='SetEpochHook'):
        model.copy.follow(model.online)
    hook, stub = SetEpochHook(), SimpleNamespace(model=model, epoch=0, iter=7, max_iters=-1)
    hook.before_train_epoch(stub)
    hook.before_train_iter(stub, 0)
    assert model.copy.current_momentum == 0.994
