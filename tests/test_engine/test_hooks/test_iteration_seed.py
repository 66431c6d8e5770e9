import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset

from ssvrl_mm.engine import IterationSeedHook
from ssvrl_mm.engine.hooks import iteration_seed
from ssvrl_mm.registry import HOOKS


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


def runner(iteration=0, epoch=0, seed=0, dataset=None):
    return SimpleNamespace(
        iter=iteration,
        epoch=epoch,
        seed=seed,
        train_dataloader=SimpleNamespace(dataset=dataset),
    )


@pytest.fixture(autouse=True)
def restored_generators():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


def test_numbers_follow_from_seed_iteration_and_rank_alone(monkeypatch):
    hook = HOOKS.build(dict(type='IterationSeedHook'))
    hook.before_train_iter(runner(iteration=7), 0)
    expected = draw()
    draw()
    hook.before_train_iter(runner(iteration=7), 3)
    assert draw() == expected
    drawn = {expected}
    for other in (runner(iteration=8), runner(iteration=7, seed=1)):
        hook.before_train_iter(other, 0)
        drawn.add(draw())
    monkeypatch.setattr(iteration_seed, 'get_rank', lambda: 1)
    hook.before_train_iter(runner(iteration=7), 0)
    drawn.add(draw())
    assert len(drawn) == 4
    # No generator repeats its numbers between the four.
    assert all(len(set(column)) == 4 for column in zip(*drawn, strict=True))


def test_seed_of_the_hook_overrides_the_seed_of_the_run():
    IterationSeedHook(seed=5).before_train_iter(runner(seed=1), 0)
    first = draw()
    IterationSeedHook().before_train_iter(runner(seed=5), 0)
    assert draw() == first


class EpochDataset(torch.utils.data.Dataset):
    metainfo: dict = {}

    def __init__(self):
        self.told = []

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return index

    def set_seed(self, seed):
        self.told.append(('seed', seed))

    def set_epoch(self, epoch):
        self.told.append(('epoch', epoch))


def test_datasets_inside_wrappers_learn_seed_and_epoch():
    inner = [EpochDataset(), EpochDataset()]
    concatenated = ConcatDataset.__new__(ConcatDataset)
    concatenated.datasets = inner
    repeated = RepeatDataset.__new__(RepeatDataset)
    repeated.dataset = concatenated
    IterationSeedHook().before_train_epoch(runner(epoch=3, seed=9, dataset=repeated))
    assert [dataset.told for dataset in inner] == [[('seed', 9), ('epoch', 3)]] * 2
