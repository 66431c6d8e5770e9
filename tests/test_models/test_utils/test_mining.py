import numpy as np
import pytest
import torch

from ssvrl_mm.models.utils import mine_positives, topk_mask

from ..tiny import as_mask, nearest, unit

N, K, C = 6, 20, 8


@pytest.fixture
def proposals():
    rng = np.random.default_rng(3)
    usable = rng.random((N, K)) < 0.7
    usable[0] = False  # nothing to choose from
    usable[1] = np.arange(K) < 3  # fewer than k
    queues = [unit(rng, K, C) for _ in range(2)]
    return [unit(rng, N, C) for _ in range(2)], queues, usable


@pytest.mark.parametrize('k', [1, 5, 10, 50])
def test_topk_takes_the_nearest_usable_entries(proposals, k):
    (key, _), (queue, _), usable = proposals
    mask = topk_mask(torch.from_numpy(key @ queue.T), torch.from_numpy(usable), k)
    assert np.array_equal(mask, as_mask(nearest(key, queue, usable, k), K))


@pytest.mark.parametrize('k', [1, 5, 10])
@pytest.mark.parametrize('mode', ['intersection', 'union', 'none'])
def test_modes_are_the_set_operations(proposals, mode, k):
    keys, queues, usable = proposals
    proposals = [nearest(key, queue, usable, k) for key, queue in zip(keys, queues, strict=True)]
    operation = {
        'intersection': set.intersection,
        'union': set.union,
        'none': lambda a, b: set(),
    }[mode]
    expected = as_mask([operation(a, b) for a, b in zip(*proposals, strict=True)], K)
    similarities = [
        torch.from_numpy(key @ queue.T) for key, queue in zip(keys, queues, strict=True)
    ]
    mined = mine_positives(similarities, torch.from_numpy(usable), k, mode)
    assert np.array_equal(mined, expected)


def test_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match='mode'):
        mine_positives([torch.ones(1, 1)], torch.ones(1, 1, dtype=torch.bool), 1, 'any')
