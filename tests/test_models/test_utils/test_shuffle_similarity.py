"""Shuffle similarity against Algorithm 1 written out, scipy's assignment and differences."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.models.heads import MoCoHead
from ssvrl_mm.models.utils import NegativeDistance, ShuffleSimilarity
from ssvrl_mm.registry import MODELS

from ..tiny import CRITERION, nce_terms, projector, samples, unit


def table(x, y, n):
    """D of Eq. (9): the distances between the parts of two vectors."""
    return [[np.linalg.norm(a - b) for b in np.split(y, n)] for a in np.split(x, n)]


def greedy(x, y, n):
    """Algorithm 1, word by word."""
    distances = table(x, y, n)
    rows, columns, dis = set(), set(), 0.0
    while len(rows) < n:
        free = [(i, j) for i in range(n) for j in range(n) if not (i in rows or j in columns)]
        i, j = min(free, key=lambda cell: distances[cell[0]][cell[1]])
        dis += distances[i][j]
        rows.add(i)
        columns.add(j)
    return dis


def optimal(x, y, n):
    distances = np.array(table(x, y, n))
    return distances[linear_sum_assignment(distances)].sum()


def pairwise(distance, queries, keys, n):
    return -np.array([[distance(q, k, n) for k in keys] for q in queries])


def vectors(seed, *shape, dtype=torch.float64):
    return torch.from_numpy(unit(np.random.default_rng(seed), *shape)).to(dtype)


@pytest.mark.parametrize('n', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('distance', [greedy, optimal])
def test_equals_the_matching_of_one_pair_at_a_time(distance, n):
    queries, keys = vectors(0, 3, 60), vectors(1, 14, 60)
    expected = pairwise(distance, queries.numpy(), keys.numpy(), n)
    similarity = ShuffleSimilarity(n, distance.__name__)
    for block in (1, 2**14, 2**26):  # 1 key, some and all at a time
        similarity.block_bytes = block
        np.testing.assert_allclose(similarity(queries, keys), expected, rtol=1e-12)
    single = similarity(queries.float(), keys.float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, rtol=1e-5)


def test_keys_at_a_time_fit_the_block():
    """4 n x n numbers of 8 bytes for each pair, and 3 n vectors for each key."""
    similarity = ShuffleSimilarity(3, block_bytes=8 * 10 * (2 * 7 * 36 + 2 * 12 * 9))
    assert similarity._block(torch.zeros(2, 7, 12)) == 10
    similarity.block_bytes = 1
    assert similarity._block(torch.zeros(2, 7, 12)) == 1


def test_more_parts_than_the_optimal_one_can():
    queries, keys = vectors(0, 3, 48), vectors(1, 5, 48)
    expected = pairwise(greedy, queries.numpy(), keys.numpy(), 24)
    np.testing.assert_allclose(ShuffleSimilarity(24)(queries, keys), expected, rtol=1e-12)


def test_the_optimal_matching_is_never_farther():
    queries, keys = vectors(0, 50, 30), vectors(1, 60, 30)
    for n in (2, 3, 5):
        gap = ShuffleSimilarity(n, 'optimal')(queries, keys) - ShuffleSimilarity(n)(queries, keys)
        assert gap.min() >= -1e-12 and (gap > 1e-3).any()


@pytest.mark.parametrize('matching', ['greedy', 'optimal'])
def test_the_order_of_parts_does_not_matter(matching):
    similarity = ShuffleSimilarity(3, matching)
    queries, keys = vectors(0, 4, 12), vectors(1, 9, 12)
    expected = similarity(queries, keys)
    for order in permutations(range(3)):
        shuffled = queries.unflatten(1, (3, 4))[:, order].flatten(1)
        torch.testing.assert_close(similarity(shuffled, keys), expected)
        torch.testing.assert_close(similarity(keys, shuffled), expected.mT)
        torch.testing.assert_close(
            similarity(queries, shuffled).diag(), torch.zeros(4).double(), rtol=0, atol=1e-6
        )


def test_equal_distances_are_taken_in_order_and_once_each():
    """All parts alike: any matching will do, as long as it is one."""
    x = torch.ones(2, 6, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
    result = ShuffleSimilarity(3)(x, y)
    torch.testing.assert_close(result, torch.full((2, 1), -3 * 2**0.5).double())
    result.sum().backward()
    torch.testing.assert_close(x.grad, torch.full((2, 6), -(0.5**0.5)).double())
    torch.testing.assert_close(y.grad, torch.full((1, 6), 2 * 0.5**0.5).double())
    # 0 is as far from 1 as from -1. It takes 1, and leaves -1 to 5, which is nearer to 1.
    first, second = torch.tensor([[0.0, 5.0]]), torch.tensor([[1.0, -1.0]])
    assert ShuffleSimilarity(2)(first, second).item() == pytest.approx(-7)
    assert ShuffleSimilarity(2, 'optimal')(first, second).item() == pytest.approx(-5)


def test_one_part_is_the_distance():
    x, y = vectors(0, 3, 8).requires_grad_(), vectors(1, 5, 8).requires_grad_()
    results = [kind(x, y) for kind in (ShuffleSimilarity(1), NegativeDistance())]
    torch.testing.assert_close(*results)
    weights = torch.rand(3, 5).double()
    gradients = [torch.autograd.grad((weights * result).sum(), (x, y)) for result in results]
    torch.testing.assert_close(*gradients)


def test_leading_axes():
    queries, keys = 3 * vectors(0, 2, 5, 3, 12), vectors(1, 2, 5, 4, 12)
    similarity = MODELS.build(dict(type='ssvrl_mm.ShuffleSimilarity', num_parts=4))
    got = similarity(queries, keys)
    assert got.shape == (2, 5, 3, 4) and not list(similarity.parameters())
    for i, j in np.ndindex(2, 5):
        expected = pairwise(greedy, queries[i, j].numpy(), keys[i, j].numpy(), 4)
        np.testing.assert_allclose(got[i, j], expected, rtol=1e-12)
    for empty in ((0, 12), (2, 12)):
        assert similarity(torch.zeros(empty), torch.zeros(0, 12)).shape == (empty[0], 0)


@pytest.mark.parametrize('matching', ['greedy', 'optimal'])
def test_gradient(matching):
    x, y = vectors(0, 2, 2, 6).requires_grad_(), vectors(1, 2, 3, 6).requires_grad_()
    similarity = ShuffleSimilarity(3, matching, block_bytes=8 * 2 * 2 * (2 * 36 + 54))
    assert similarity._block(x) == 2
    assert torch.autograd.gradcheck(similarity, (x, y))
    both = torch.autograd.grad(similarity(x, y).square().sum(), (x, y))
    one = torch.autograd.grad(similarity(x, y.detach()).square().sum(), x)
    other = torch.autograd.grad(similarity(x.detach(), y).square().sum(), y)
    assert torch.equal(both[0], one[0]) and torch.equal(both[1], other[0])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_gradient_at_and_near_no_distance_is_finite(dtype):
    """Of length 1 at most for each part; at the very key, or a shuffled copy, there is none."""
    key = vectors(0, 1, 129, dtype=dtype)
    for shift in (0, 43):
        for gap in (0, 1e-7, 1e-5, 1e-3):
            query = key.roll(shift, dims=1)
            query[0, 0] += gap
            query.requires_grad_()
            value = ShuffleSimilarity(3)(query, key)
            value.sum().backward()
            assert value.isfinite() and query.grad.isfinite().all()
            lengths = query.grad.view(3, 43).norm(dim=1)
            assert lengths.max() <= 1 + 1e-5 and not lengths[1:].any()
            if gap == 0:
                assert abs(value.item()) <= 1e-6 and not lengths.any()
            if gap == 1e-3:
                assert lengths[0] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_below_the_least_distance_there_is_no_gradient(dtype):
    key = torch.zeros(1, 6, dtype=dtype)
    for gap, length in ((5e-8, 0), (9e-8, 0), (2e-7, 1)):
        query = key.clone()
        query[0, 0] = gap
        ShuffleSimilarity(3)(query.requires_grad_(), key).sum().backward()
        assert query.grad.abs().max() == pytest.approx(length, rel=1e-4)


def test_nothing_is_lost_in_half_precision_or_inside_autocast():
    queries, keys = vectors(0, 4, 12, dtype=torch.float32), vectors(1, 9, 12, dtype=torch.float32)
    queries.requires_grad_()
    similarity = ShuffleSimilarity(3)
    expected = similarity(queries, keys)
    gradient = torch.autograd.grad(expected.sum(), queries)[0]
    with torch.autocast('cpu', torch.bfloat16):
        got = similarity(queries, keys)
        assert torch.equal(torch.autograd.grad(got.sum(), queries)[0], gradient)
    assert torch.equal(got, expected)
    half = [x.detach().bfloat16().requires_grad_() for x in (queries, keys)]
    got = similarity(*half)
    got.sum().backward()
    assert got.dtype == half[0].grad.dtype == half[1].grad.dtype == torch.bfloat16
    wide = [x.detach().double().requires_grad_() for x in half]
    similarity(*wide).sum().backward()
    for narrow, exact in zip(half, wide, strict=True):
        torch.testing.assert_close(narrow.grad.double(), exact.grad, rtol=1e-2, atol=1e-2)


def test_what_is_not_a_number_stays_none():
    queries, keys = vectors(0, 3, 12), vectors(1, 4, 12)
    queries[1, 5], keys[2, 0] = torch.nan, torch.inf
    finite = ShuffleSimilarity(3)(queries, keys).isfinite()
    assert not finite[1].any() and not finite[:, 2].any() and finite.sum() == 2 * 3


class Memory(TorchDispatchMode):
    """Notes the most bytes that tensors made inside it hold at a time."""

    peak = 0

    def __init__(self):
        super().__init__()
        self.living = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.living[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.living = {key: x for key, x in self.living.items() if not x[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.living.values()))
        return result


@pytest.mark.parametrize('matching', ['greedy', 'optimal'])
def test_memory_of_a_queue(matching):
    """256 MB above the result, backward pass included; 9 x 128 x 16,384 differences take 3 GB."""
    with torch.device('meta'):
        queries = torch.empty(128, 129, requires_grad=True)
        keys = torch.empty(16_384, 129, requires_grad=True)
        gradient = torch.empty(128, 16_384)
        with Memory() as memory:
            result = ShuffleSimilarity(3, matching)(queries, keys)
            result.backward(gradient)
    assert queries.grad.shape == queries.shape and keys.grad.shape == keys.shape
    assert 64e6 < memory.peak - result.nbytes < 256e6


@pytest.mark.parametrize(
    'bad, match',
    [
        (dict(matching='best'), r"matching must be one of \('greedy', 'optimal'\), got 'best'"),
        (dict(num_parts=0), 'num_parts must be from 1 to 255 with greedy matching, got 0'),
        (dict(num_parts=256), 'from 1 to 255'),
        (dict(num_parts=6, matching='optimal'), 'from 1 to 5 with optimal matching, got 6'),
        (dict(block_bytes=0), 'block_bytes must be positive, got 0'),
    ],
)
def test_arguments_out_of_range(bad, match):
    with pytest.raises(ValueError, match=match):
        ShuffleSimilarity(**bad)


@pytest.mark.parametrize('n, channels', [(3, 129), (5, 130)])
def test_vectors_that_cannot_be_cut(n, channels):
    with pytest.raises(
        ValueError, match=f'128 .* {n} equal parts: .* out_channels={channels}, or .*'
    ):
        ShuffleSimilarity(n)(torch.rand(2, 128), torch.rand(3, 128))


def test_hyper_parameters_are_shown():
    expected = "ShuffleSimilarity(num_parts=5, matching='greedy')"
    assert repr(ShuffleSimilarity(5)) == expected


def test_momentum_contrast_by_it():
    """Two batches of a head, from its weights and its queue, in float64 and under autocast."""
    torch.manual_seed(0)
    similarity = dict(type='ShuffleSimilarity', num_parts=3)
    head = MoCoHead(projector(6, 9), CRITERION, queue_length=6, similarity=similarity).double()
    rng = torch.Generator().manual_seed(0)
    for ids in ([0, 1, 2], [3, 0, 4]):
        query, key = torch.randn(2, 3, 6, 2, 2, 2, generator=rng).double()
        query.requires_grad_()
        with torch.no_grad():
            z = head(query)['rgb'].numpy()
            k = torch.nn.functional.normalize(head.key_projector['rgb'](key), dim=1).numpy()
        filled = np.arange(6) < int(head.queue.fill)
        usable = filled & (np.array(ids)[:, None] != head.queue.video_ids.numpy())
        own = np.diag(pairwise(greedy, z, k, 3))
        others = pairwise(greedy, z, head.queue['rgb'].numpy(), 3)
        # Logits in the place of dot products: by unit queries along axes of their own.
        terms = []
        for i in range(3):
            logits = np.eye(1), own[i].reshape(1, 1), others[i][:, None]
            terms.append(nce_terms(*logits, np.zeros((1, 6), bool), usable[i : i + 1]))
        losses = head.loss(query, samples(ids), key_feats=key)
        np.testing.assert_allclose(losses['loss_rgb'].item(), np.mean(terms), rtol=1e-9)
    losses['loss_rgb'].backward()
    assert query.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in head.projector.parameters())

    head.float()
    with torch.autocast('cpu', torch.bfloat16):
        loss = head.loss(query.float(), samples([5, 6, 7]), key_feats=key.float())['loss_rgb']
    assert loss.dtype == torch.float32 and loss.isfinite()
    with pytest.raises(ValueError, match='4 values .* out_channels=6'):
        MoCoHead(projector(), CRITERION, similarity=similarity).loss(
            query.float(), samples([0, 1, 2]), key_feats=key.float()
        )
