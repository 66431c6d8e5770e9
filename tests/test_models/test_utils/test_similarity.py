import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.models.utils import DotProduct, NegativeDistance
from ssvrl_mm.registry import MODELS

from ..tiny import unit


def differences(queries, keys):
    """Minus the norm of every difference, one pair at a time."""
    return np.array([[-np.sqrt(((q - k) ** 2).sum()) for k in keys] for q in queries])


@pytest.mark.parametrize('gap', [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_distance_of_unit_vectors_near_and_far(gap, dtype):
    """In float32, distances from dot products are off by 3e-4 where vectors nearly agree."""
    rng = np.random.default_rng(0)
    queries = unit(rng, 6, 128)
    keys = np.concatenate([queries + gap * unit(rng, 6, 128), queries, unit(rng, 20, 128)])
    keys[:6] /= np.linalg.norm(keys[:6], axis=1, keepdims=True)
    queries, keys = (torch.from_numpy(x).to(dtype) for x in (queries, keys))
    got = NegativeDistance()(queries, keys)
    assert got.dtype == dtype
    expected = differences(queries.double().numpy(), keys.double().numpy())
    np.testing.assert_allclose(got.double(), expected, rtol=1e-6, atol=2e-7)


def test_leading_axes_as_of_the_dot_product():
    """Queries with a key of their own each, and vectors of any length."""
    rng = np.random.default_rng(0)
    queries, keys = 5 * rng.standard_normal((3, 2, 4)), rng.standard_normal((3, 6, 4))
    tensors = torch.from_numpy(queries), torch.from_numpy(keys)
    similarity = MODELS.build(dict(type='ssvrl_mm.NegativeDistance'))
    got = similarity(*tensors)
    expected = np.stack([differences(q, k) for q, k in zip(queries, keys, strict=True)])
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert got.shape == DotProduct()(*tensors).shape
    assert not list(similarity.parameters())


def test_orders_unit_vectors_as_the_dot_product_does():
    rng = np.random.default_rng(0)
    queries, keys = (torch.from_numpy(unit(rng, n, 8)) for n in (3, 50))
    orders = [kind()(queries, keys).argsort(dim=1) for kind in (DotProduct, NegativeDistance)]
    assert torch.equal(*orders)


def test_gradient():
    rng = np.random.default_rng(0)
    queries, keys = (torch.from_numpy(unit(rng, n, 5)).requires_grad_() for n in (3, 4))
    assert torch.autograd.gradcheck(NegativeDistance(), (queries, keys))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_gradient_at_and_near_no_distance_is_finite(dtype):
    """Towards the key, of length 1 at most; at the key itself there is none."""
    key = torch.from_numpy(unit(np.random.default_rng(0), 1, 128)).to(dtype)
    for gap in (0, 1e-7, 1e-5, 1e-3):
        query = key.clone()
        query[0, 0] += gap
        query.requires_grad_()
        value = NegativeDistance()(query, key)
        value.sum().backward()
        assert value.isfinite() and query.grad.isfinite().all()
        assert query.grad.norm() <= 1 + 1e-5
        if gap == 0:
            assert abs(value.item()) <= 1e-6 and not query.grad.any()


class Largest(TorchDispatchMode):
    """Notes the most numbers that a tensor has."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_memory_is_that_of_the_result_or_of_the_keys():
    with Largest() as largest, torch.device('meta'):
        queries, keys = torch.empty(32, 128, requires_grad=True), torch.empty(65_536, 128)
        NegativeDistance()(queries, keys).sum().backward()
    assert largest.numbers == 65_536 * 128  # differences would be 32 times as many
