import numpy as np
import pytest
import torch

from ssvrl_mm.models.losses import InBatchInfoNCELoss
from ssvrl_mm.registry import MODELS

from ..in_batch import in_batch_terms
from ..tiny import unit

M, K, C = 5, 9, 6
TARGETS = [4, 0, 8, 4, 2]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return unit(rng, M, C), unit(rng, K, C)


def tensors(arrays):
    return [torch.from_numpy(a) for a in arrays]


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_equals_its_formula(batch, temperature):
    expected = in_batch_terms(*batch, TARGETS, temperature)
    for reduction, value in (
        ('none', expected),
        ('mean', expected.mean()),
        ('sum', expected.sum()),
    ):
        criterion = InBatchInfoNCELoss(temperature, reduction)
        loss = criterion(*tensors(batch), torch.tensor(TARGETS))
        np.testing.assert_allclose(loss, value, rtol=1e-12, atol=1e-14)


def test_pulls_the_positive_alone_and_pushes_all_others(batch):
    queries, candidates = tensors(batch)
    candidates.requires_grad_()
    losses = InBatchInfoNCELoss(reduction='none')(queries, candidates, torch.tensor(TARGETS))
    for query, loss, target in zip(queries, losses, TARGETS, strict=True):
        (gradient,) = torch.autograd.grad(loss, candidates, retain_graph=True)
        # The slope of the loss when a candidate moves towards the query.
        attracted = gradient @ query < 0
        assert attracted.nonzero().flatten().tolist() == [target]


def test_gradient(batch):
    inputs = [t.requires_grad_() for t in tensors(batch)]
    criterion, targets = InBatchInfoNCELoss(0.5), torch.tensor(TARGETS)
    assert torch.autograd.gradcheck(lambda q, c: criterion(q, c, targets), inputs)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_and_half_inputs_are_computed_in_float32(batch, dtype):
    halves, targets = [t.to(dtype) for t in tensors(batch)], torch.tensor(TARGETS)
    expected = InBatchInfoNCELoss()(*[h.float() for h in halves], targets)
    with torch.autocast('cpu', dtype):
        loss = InBatchInfoNCELoss()(*halves, targets)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_stays_finite_where_plain_exponentials_overflow():
    query = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = InBatchInfoNCELoss(1e-3)(query, torch.eye(2) * 2 - 1, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(2000)
    assert query.grad.isfinite().all()


def test_built_by_name():
    assert (
        MODELS.build(dict(type='ssvrl_mm.InBatchInfoNCELoss', temperature=0.1)).temperature == 0.1
    )
