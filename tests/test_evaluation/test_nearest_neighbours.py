import re
import sys
from math import comb

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from ssvrl_mm.evaluation import chance_recall, join_features, nearest_neighbours, recall_at_k


def features(rows, channels=16, seed=0):
    return torch.randn(rows, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('block', [1, 7, 64, 2048])
@pytest.mark.parametrize('k', [1, 5, 53])
def test_search_equals_scikit_learn_brute_force(k, block):
    query, gallery = 3 * features(31, seed=1), features(53, seed=2)
    search = NearestNeighbors(n_neighbors=k, metric='cosine', algorithm='brute')
    distances, expected = search.fit(gallery.double().numpy()).kneighbors(query.double().numpy())

    indices, similarities = nearest_neighbours(query, gallery, k, block=block)

    assert indices.dtype == torch.int64
    np.testing.assert_array_equal(indices.numpy(), expected)
    np.testing.assert_allclose(similarities.numpy(), 1 - distances, atol=1e-6)


@pytest.mark.parametrize('block', [1, 3, 4, 100])
def test_equal_similarities_come_in_gallery_order(block):
    # One-hot rows: every similarity is exactly 0, 1 or -1, so ties abound, across blocks too.
    generator = np.random.default_rng(0)
    gallery = np.eye(4)[generator.integers(4, size=40)] * generator.choice([-1, 1], (40, 1))
    query = np.concatenate([np.eye(4), -np.eye(4), np.zeros((1, 4))])
    expected = np.argsort(-(query @ gallery.T), axis=1, kind='stable')

    indices, similarities = nearest_neighbours(
        torch.from_numpy(query), torch.from_numpy(gallery), k=40, block=block
    )

    np.testing.assert_array_equal(indices.numpy(), expected)
    np.testing.assert_array_equal(
        similarities.numpy(), np.take_along_axis(query @ gallery.T, expected, axis=1)
    )
    first, _ = nearest_neighbours(torch.from_numpy(query), torch.from_numpy(gallery), 3, block)
    np.testing.assert_array_equal(first.numpy(), expected[:, :3])


@pytest.mark.parametrize('backend', ['torch', 'faiss'])
def test_nought_and_its_negative_are_equal(backend):
    if backend == 'faiss':
        pytest.importorskip('faiss')
    # 0 * -1 is -0.0, of other bits than 0.0 and equal to it.
    query, gallery = torch.zeros(8, 1), torch.tensor([[-1.0], [1.0]] * 4)
    indices, similarities = nearest_neighbours(query, gallery, k=8, backend=backend)
    assert indices.tolist() == [list(range(8))] * 8
    assert not similarities.any()


def test_half_precision_and_integer_features_are_compared_in_float32():
    query, gallery = features(9, seed=3).half(), features(30, seed=4).half()
    expected, _ = nearest_neighbours(query.float(), gallery.float(), k=5)
    assert torch.equal(nearest_neighbours(query, gallery, k=5)[0], expected)


def test_search_bounds_its_memory():
    query, gallery = features(600, channels=4), features(700, channels=4, seed=1)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and out._base is None:
                largest = max(largest, out.numel())
            return out

    with Watch():
        nearest_neighbours(query, gallery, k=3, block=50)
    assert largest <= 50 * 50


@pytest.mark.parametrize('block', [1, 7, 64])
def test_faiss_finds_the_same(block):
    pytest.importorskip('faiss')
    query, gallery = features(31, seed=1), features(333, seed=2)
    expected, cosines = nearest_neighbours(query, gallery, 20)
    indices, similarities = nearest_neighbours(query, gallery, 20, block, backend='faiss')
    torch.testing.assert_close(similarities, cosines, atol=1e-6, rtol=0)
    assert torch.equal(indices, expected)


@pytest.mark.parametrize('name, row', [('gallery', 170), ('gallery', 3), ('query', 5)])
def test_faiss_names_the_row_that_is_not_finite(name, row):
    pytest.importorskip('faiss')
    given = {'query': torch.ones(6, 1), 'gallery': torch.ones(200, 1)}
    given[name][row] = torch.inf
    with pytest.raises(ValueError, match=f'{name} row {row} is not finite'):
        nearest_neighbours(**given, k=1, block=2, backend='faiss')  # 64 rows at a time


def test_faiss_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'faiss', None)
    with pytest.raises(ImportError, match='pip install faiss-cpu'):
        nearest_neighbours(torch.ones(1, 2), torch.ones(1, 2), 1, backend='faiss')
    with pytest.raises(ValueError, match="backend must be 'torch' or 'faiss', got 'annoy'"):
        nearest_neighbours(torch.ones(1, 2), torch.ones(1, 2), 1, backend='annoy')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_search_on_the_gpu_equals_the_cpu():
    query, gallery = features(300, seed=5), features(999, seed=6)
    expected, cosines = nearest_neighbours(query, gallery, k=20, block=128)
    indices, similarities = nearest_neighbours(query, gallery, k=20, block=128, device='cuda')
    assert indices.device.type == 'cpu'
    torch.testing.assert_close(similarities, cosines, atol=1e-6, rtol=0)
    assert (indices == expected).double().mean() > 0.99  # rounding may swap near-ties


@pytest.mark.parametrize(
    'query, gallery, kwargs, message',
    [
        (torch.ones(3), torch.ones(2, 3), {'k': 1}, r'query must be \(rows, channels\), got \(3,'),
        (torch.ones(2, 3), torch.ones(2, 4), {'k': 1}, 'query has 3 channels, gallery 4'),
        (torch.ones(2, 3), torch.ones(2, 3), {'k': 3}, r'1..2 \(the size of the gallery\), got 3'),
        (torch.ones(2, 3), torch.ones(2, 3), {'k': 0}, 'got 0'),
        (torch.ones(2, 3), torch.ones(2, 3), {'k': 1, 'block': 0}, 'block must be positive'),
        (torch.ones(1, 1), torch.tensor([[1.0]] * 6 + [[np.nan]]), {'k': 1}, 'gallery row 6 is'),
        (torch.tensor([[1.0], [np.inf]]), torch.ones(2, 1), {'k': 1}, 'query row 1 is not'),
    ],
)
def test_search_refuses_what_has_no_answer(query, gallery, kwargs, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(query, gallery, **{'block': 2, **kwargs})


def test_joined_views_rank_by_the_sum_of_cosines():
    query = [features(20, 8, seed=1), 9 * features(20, 5, seed=2)]
    gallery = [4 * features(30, 8, seed=3), features(30, 5, seed=4)]
    cosines = sum(
        torch.nn.functional.cosine_similarity(q[:, None].double(), g[None].double(), dim=2)
        for q, g in zip(query, gallery, strict=True)
    )

    joined = join_features(query) @ join_features(gallery).T
    indices, similarities = nearest_neighbours(join_features(query), join_features(gallery), k=30)

    torch.testing.assert_close(joined.double(), cosines, atol=1e-6, rtol=0)
    assert torch.equal(indices, cosines.argsort(dim=1, descending=True))
    ranked = cosines.gather(1, indices)
    torch.testing.assert_close(2 * similarities.double(), ranked, atol=1e-6, rtol=0)


def test_joining_by_blocks_changes_nothing(monkeypatch):
    streams = [features(20, 8, seed=1).half(), features(20, 5, seed=2)]
    expected = np.concatenate(
        [v.float().numpy() / np.linalg.norm(v.float(), axis=1, keepdims=True) for v in streams],
        axis=1,
    )
    # The package's attribute of this name is the function.
    module = sys.modules['ssvrl_mm.evaluation.nearest_neighbours']
    for rows in (3, 20, 100):
        monkeypatch.setattr(module, '_JOINED_ROWS', rows)
        np.testing.assert_allclose(join_features(streams).numpy(), expected, atol=1e-6)


def test_recall_at_k_equals_a_loop():
    generator = np.random.default_rng(0)
    query_labels, gallery_labels = generator.integers(6, size=50), generator.integers(6, size=40)
    neighbours = np.stack([generator.permutation(40)[:10] for _ in range(50)])
    recall = recall_at_k(
        *map(torch.from_numpy, (neighbours, query_labels, gallery_labels)), topk=(1, 3, 10)
    )
    for k in (1, 3, 10):
        hits = [
            any(gallery_labels[j] == label for j in row[:k])
            for row, label in zip(neighbours, query_labels, strict=True)
        ]
        assert recall[k] == pytest.approx(np.mean(hits))
    for topk in ((11,), (1, 11), (0, 1)):
        with pytest.raises(ValueError, match=rf'{re.escape(str(topk))} must lie in 1..10'):
            recall_at_k(torch.from_numpy(neighbours), torch.ones(50), torch.ones(40), topk)


def test_chance_is_the_hypergeometric_closed_form():
    gallery_labels = torch.tensor([0] * 7 + [1] * 2 + [3] * 11)
    query_labels = torch.tensor([0, 0, 1, 3, 2, 5])  # classes 2 and 5 are not in the gallery
    size, counts = 20, [7, 7, 2, 11, 0, 0]
    chance = chance_recall(query_labels, gallery_labels, topk=(1, 4, 20))
    assert chance[1] == pytest.approx(np.mean(counts) / size)
    for k in (1, 4, 20):
        expected = np.mean([1 - comb(size - n, k) / comb(size, k) for n in counts])
        assert chance[k] == pytest.approx(expected)
