import json

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, DefaultSampler
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from sklearn.neighbors import KNeighborsClassifier

from ssvrl_mm.engine import KNNProbeHook
from ssvrl_mm.evaluation import KNNAccuracy
from tests.processes import run_processes
from tests.test_evaluation.toy_videos import (
    NUM_GALLERY,
    NUM_QUERY,
    ToyDataset,
    ToyModel,
    video,
)


class TrainedModel(ToyModel):
    """Gives the features times what it has learnt so far, one dimension fewer with each epoch."""

    streams = ('rgb', 'motion')

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(6))
        self.frozen = torch.nn.BatchNorm1d(6).eval()

    def forward(self, mode='predict', **inputs):
        if mode == 'loss':
            # A step of one half is taken by SGD: two steps per epoch clear a dimension.
            return dict(loss=self.weight[self.steps // 2])
        assert not self.training and not torch.is_grad_enabled()
        samples = super().forward(mode, **inputs)
        for sample in samples:
            sample.features.rgb *= self.weight.detach()
        return samples

    @property
    def steps(self):
        return int((2 * (1 - self.weight.detach())).sum().round())

    def train(self, mode=True):
        super().train(mode)
        self.frozen.eval()
        return self


def loader(dataset, drop_last=False, round_up=True):
    return dict(
        dataset=dataset,
        batch_size=2,
        drop_last=drop_last,
        sampler=DefaultSampler(dataset, shuffle=False, seed=0, round_up=round_up),
        collate_fn=dict(type='default_collate'),
    )


class Spectator(KNNProbeHook):
    """Notes what was found, and what the training would notice."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.found = {}

    def probe(self, runner):
        before = torch.get_rng_state()
        self.found[runner.epoch + 1] = super().probe(runner)
        assert torch.equal(torch.get_rng_state(), before)
        model = getattr(runner.model, 'module', runner.model)
        assert model.training and not model.frozen.training
        return self.found[runner.epoch + 1]


def train(work_dir, name, own_loader=False, processes=1, round_up=True, **kwargs):
    """What a hook found in three epochs of two steps."""
    both = ConcatDataset([ToyDataset('gallery', NUM_GALLERY), ToyDataset('query', NUM_QUERY)])
    probed = loader(both, round_up=round_up)
    val = {} if own_loader else dict(
        val_dataloader=probed, val_cfg=dict(), val_evaluator=[KNNAccuracy(ks=(3,))]
    )  # fmt: skip
    hook = Spectator(dataloader=probed if own_loader else None, ks=(1, 3), **kwargs)
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None, find_unused_parameters=True)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        runner = Runner(
            model=TrainedModel(),
            work_dir=str(work_dir),
            train_dataloader=loader(ToyDataset('gallery', 4 * processes)),
            train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=5),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.5)),
            default_hooks=dict(logger=None, checkpoint=None),
            custom_hooks=[hook],
            cfg=dict(model_wrapper_cfg=wrapper),
            experiment_name=name,
            log_level='INFO',
            **val,
        )
        runner.train()
    return hook.found


def process(rank, folder):
    """What one of two processes finds."""
    return [
        train(folder, f'a{rank}', processes=2),
        train(folder, f'b{rank}', own_loader=True, processes=2, round_up=False),
    ]


def accuracy(epoch):
    """1-NN of both streams by scikit-learn, RGB without the dimensions that are lost by then."""
    rows = {}
    for role, count in (('gallery', NUM_GALLERY), ('query', NUM_QUERY)):
        pairs = [video(role, index) for index in range(count)]
        streams = [(f['rgb'].numpy()[epoch:], f['motion'].numpy()) for f, _ in pairs]
        units = [[rows / np.linalg.norm(rows) for rows in pair] for pair in streams]
        rows[role] = ([np.concatenate(unit) for unit in units], [label for _, label in pairs])
    search = KNeighborsClassifier(1, metric='cosine', algorithm='brute').fit(*rows['gallery'])
    return search.score(*rows['query'])


def test_accuracy_during_training_on_one_and_two_processes(tmp_path):
    found = train(tmp_path, 'one')
    assert list(found) == [1, 2, 3]
    for epoch, metrics in found.items():
        names = ('top1_k1', 'top1_k3', 'effective_rank', 'mean_cosine')
        assert set(metrics) == {
            'knn/num_query', *(f'knn/{v}_{n}' for v in ('rgb', 'motion', 'both') for n in names)
        }  # fmt: skip
        assert metrics['knn/both_top1_k1'] == pytest.approx(accuracy(epoch))
    assert len({metrics['knn/both_top1_k1'] for metrics in found.values()}) > 1
    scalars = list(tmp_path.rglob('scalars.json'))
    logged = [json.loads(line) for file in scalars for line in file.read_text().splitlines()]
    steps = {row['step']: row for row in logged if 'knn/both_top1_k1' in row}
    assert {step: row['knn/both_top1_k1'] for step, row in steps.items()} == {
        epoch: metrics['knn/both_top1_k1'] for epoch, metrics in found.items()
    }
    # RGB loses a dimension of six with each epoch.
    for figure in ('effective_rank', 'mean_cosine'):
        values = [steps[epoch][f'knn/rgb_{figure}'] for epoch in found]
        assert values == [metrics[f'knn/rgb_{figure}'] for metrics in found.values()]
    assert [steps[epoch]['knn/rgb_effective_rank'] < 7 - epoch for epoch in found] == [True] * 3

    # 13 videos, padded to 7 and 7, and ragged, 7 and 6.
    assert run_processes(process, tmp_path, tmp_path) == [[found] * 2] * 2


def test_interval_views_and_own_dataloader(tmp_path):
    found = train(tmp_path, 'interval', own_loader=True, interval=2, streams=('motion',))
    assert list(found) == [2, 3]
    assert {n for n in found[2] if 'top1' in n} == {'knn/motion_top1_k1', 'knn/motion_top1_k3'}


def test_without_videos_training_does_not_start(tmp_path):
    hook = KNNProbeHook()
    runner = type('Runner', (), dict(val_loop=None))
    with pytest.raises(ValueError, match='needs a dataloader, or a run with a val_dataloader'):
        hook.before_train(runner)
    with pytest.raises(ValueError, match='interval must be at least 1'):
        KNNProbeHook(interval=0)
