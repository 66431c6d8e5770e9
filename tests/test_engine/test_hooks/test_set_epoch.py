from types import SimpleNamespace

import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from ssvrl_mm.engine.hooks import SetEpochHook


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
