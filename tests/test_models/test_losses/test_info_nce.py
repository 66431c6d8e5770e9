import numpy as np
import pytest
import torch

from ssvrl_mm.models.losses import InfoNCELoss, MultiInstanceInfoNCELoss
from ssvrl_mm.registry import MODELS

from ..tiny import nce_terms, unit

N, K, C = 5, 11, 8


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    arrays = unit(rng, N, C), unit(rng, N, C), unit(rng, K, C)
    masks = rng.random((N, K)) < 0.3, rng.random((N, K)) < 0.6
    return arrays, masks


def tensors(arrays):
    return [torch.from_numpy(a) for a in arrays]


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_info_nce_equals_its_formula(batch, temperature):
    arrays, (_, usable) = batch
    expected = nce_terms(*arrays, np.zeros((N, K), bool), usable, temperature)
    criterion = InfoNCELoss(temperature, reduction='none')
    terms = criterion(*tensors(arrays), torch.from_numpy(usable))
    np.testing.assert_allclose(terms, expected, rtol=1e-12, atol=1e-14)


def test_multi_instance_sums_the_positives_inside_the_logarithm(batch):
    arrays, (positive, usable) = batch
    expected = nce_terms(*arrays, positive, usable)
    masks = tensors((positive, usable))
    for reduction, value in (
        ('none', expected),
        ('mean', expected.mean()),
        ('sum', expected.sum()),
    ):
        loss = MultiInstanceInfoNCELoss(reduction=reduction)(*tensors(arrays), *masks)
        np.testing.assert_allclose(loss, value, rtol=1e-12, atol=1e-14)


def test_equal_similarities_give_the_share_of_positives():
    query, queue = torch.ones(1, 2), torch.ones(7, 2)
    positive = torch.tensor([[True, True, False, False, False, False, False]])
    usable = torch.tensor([[False, False, True, True, True, False, False]])
    loss = MultiInstanceInfoNCELoss()(query, query, queue, positive, usable)
    assert loss.item() == pytest.approx(np.log(6 / 3))


def test_without_any_usable_negative_the_loss_and_its_gradient_are_zero():
    query = torch.randn(2, 4, requires_grad=True)
    key, queue = torch.randn(2, 4), torch.randn(3, 4)
    loss = InfoNCELoss()(query, key, queue, torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert query.grad.abs().max() == 0


def test_stays_finite_where_plain_exponentials_overflow():
    query = torch.tensor([[1.0, 0.0]], requires_grad=True)
    key, queue = torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = InfoNCELoss(temperature=1e-3)(query, key, queue)
    loss.backward()
    assert loss.item() == pytest.approx(2000)
    assert query.grad.isfinite().all()


def test_gradient(batch):
    arrays, masks = batch
    query, key, queue = tensors(arrays)
    query.requires_grad_()
    masks = tensors(masks)
    criterion = MultiInstanceInfoNCELoss(temperature=0.5)
    assert torch.autograd.gradcheck(lambda q: criterion(q, key, queue, *masks), query)


def test_autocast_and_half_inputs_are_computed_in_float32(batch):
    arrays, (_, usable) = batch
    halves = [t.to(torch.bfloat16) for t in tensors(arrays)]
    usable = torch.from_numpy(usable)
    expected = InfoNCELoss()(*[h.float() for h in halves], usable)
    with torch.autocast('cpu', torch.bfloat16):
        loss = InfoNCELoss()(*halves, usable)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_permuting_the_batch_permutes_the_terms(batch):
    (query, key, queue), masks = batch
    order = np.random.default_rng(1).permutation(N)
    criterion = MultiInstanceInfoNCELoss(reduction='none')
    terms = criterion(*tensors((query, key, queue)), *tensors(masks))
    moved = criterion(
        *tensors((query[order], key[order], queue)), *tensors([m[order] for m in masks])
    )
    torch.testing.assert_close(moved, terms[order], rtol=1e-12, atol=1e-14)


def test_built_by_name():
    assert MODELS.build(dict(type='ssvrl_mm.InfoNCELoss', temperature=0.1)).temperature == 0.1


@pytest.mark.parametrize('arguments', [dict(temperature=0), dict(reduction='average')])
def test_refuses_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        InfoNCELoss(**arguments)
