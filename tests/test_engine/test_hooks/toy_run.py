"""A training of one weight, for tests of what surrounds it."""

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn


class Toy(BaseModel):
    """One weight; its loss comes from a table by iteration, where it has an entry."""

    def __init__(self, table=None):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.table, self.calls = table or {}, 0

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode != 'loss':
            return [0]
        self.calls += 1
        scale = self.table.get(self.calls, 1.0)
        return {'loss_toy': (self.weight - 1) ** 2 * scale, 'top1_toy': torch.tensor(float('nan'))}


class Scores(BaseMetric):
    """The accuracy of each validation is given."""

    def __init__(self, scores):
        super().__init__()
        self.scores = list(scores)

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {'acc': self.scores.pop(0)}


def toy_run(folder, epochs=1, table=None, videos=4, batch_size=1, scores=(), hooks=(), **kwargs):
    """A runner; ``hooks`` are those of default_hooks, kwargs those of Runner."""
    loader = dict(
        dataset=[dict(inputs=torch.zeros(1))] * videos,
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=batch_size,
    )
    validation = dict(val_dataloader=loader, val_cfg={}, val_evaluator=[Scores(scores)])
    settings = dict(
        model=Toy(table),
        work_dir=str(folder),
        train_dataloader=dict(loader, drop_last=True),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_scope='ssvrl_mm',
        default_hooks={'logger': None, **dict(hooks)},
        experiment_name=f'{folder}',
        **(validation if scores else {}),
    )
    return Runner(**{**settings, **kwargs})
