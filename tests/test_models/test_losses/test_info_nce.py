import numpy as np
import pytest
import torch

from ssvrl_mm.models.losses import InfoNCELoss
from ssvrl_mm.registry import MODELS

from ..in_batch import in_batch_terms
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


def against_queue(query, key, queue, positive=None, counted=None):
    """What the loss takes for queries with a key of their own and a queue."""
    own = (query * key).sum(1, keepdim=True)
    similarities = torch.cat([own, query @ queue.T], dim=1)
    nothing = torch.zeros(len(query), len(queue), dtype=torch.bool)
    sure = torch.ones(len(query), 1, dtype=torch.bool)
    positive = nothing if positive is None else positive
    counted = ~nothing if counted is None else counted
    return similarities, torch.cat([sure, positive], 1), torch.cat([sure, counted], 1)


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_one_positive_equals_the_formula(batch, temperature):
    arrays, (_, usable) = batch
    expected = nce_terms(*arrays, np.zeros((N, K), bool), usable, temperature)
    criterion = InfoNCELoss(temperature, reduction='none')
    terms = criterion(*against_queue(*tensors(arrays), counted=torch.from_numpy(usable)))
    np.testing.assert_allclose(terms, expected, rtol=1e-12, atol=1e-14)


def test_several_positives_are_summed_inside_the_logarithm(batch):
    arrays, (positive, usable) = batch
    expected = nce_terms(*arrays, positive, usable)
    for reduction, value in (
        ('none', expected),
        ('mean', expected.mean()),
        ('sum', expected.sum()),
    ):
        loss = InfoNCELoss(reduction=reduction)(
            *against_queue(*tensors(arrays), *tensors((positive, usable)))
        )
        np.testing.assert_allclose(loss, value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_positives_named_by_their_places(batch, temperature):
    (queries, _, candidates), _ = batch
    targets = [4, 0, 10, 4, 2]
    expected = in_batch_terms(queries, candidates, targets, temperature)
    similarities = torch.from_numpy(queries @ candidates.T)
    criterion = InfoNCELoss(temperature, reduction='none')
    terms = criterion(similarities, torch.tensor(targets))
    np.testing.assert_allclose(terms, expected, rtol=1e-12, atol=1e-14)
    # Named or marked, all counted or said so: the same.
    marked = torch.zeros(N, K, dtype=torch.bool)
    marked[range(N), targets] = True
    for positives in (torch.tensor(targets), marked):
        for counted in (None, torch.ones(N, K, dtype=torch.bool)):
            torch.testing.assert_close(criterion(similarities, positives, counted), terms)
    few = torch.zeros(N, K, dtype=torch.bool)
    few[:, :3] = True
    expected = [
        in_batch_terms(
            q[None], candidates[sorted({0, 1, 2, t})], [sorted({0, 1, 2, t}).index(t)], temperature
        )[0]
        for q, t in zip(queries, targets, strict=True)
    ]
    terms = criterion(similarities, torch.tensor(targets), few)
    np.testing.assert_allclose(terms, expected, rtol=1e-12, atol=1e-14)


def test_equal_similarities_give_the_share_of_positives():
    query, queue = torch.ones(1, 2), torch.ones(7, 2)
    positive = torch.tensor([[True, True, False, False, False, False, False]])
    usable = torch.tensor([[False, False, True, True, True, False, False]])
    loss = InfoNCELoss()(*against_queue(query, query, queue, positive, usable))
    assert loss.item() == pytest.approx(np.log(6 / 3))


def test_without_any_usable_negative_the_loss_and_its_gradient_are_zero():
    query = torch.randn(2, 4, requires_grad=True)
    key, queue = torch.randn(2, 4), torch.randn(3, 4)
    loss = InfoNCELoss()(
        *against_queue(query, key, queue, counted=torch.zeros(2, 3, dtype=torch.bool))
    )
    loss.backward()
    assert loss.item() == 0
    assert query.grad.abs().max() == 0


def test_stays_finite_where_plain_exponentials_overflow():
    query = torch.tensor([[1.0, 0.0]], requires_grad=True)
    key, queue = torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = InfoNCELoss(temperature=1e-3)(*against_queue(query, key, queue))
    loss.backward()
    assert loss.item() == pytest.approx(2000)
    assert query.grad.isfinite().all()


def test_gradient(batch):
    arrays, masks = batch
    query, key, queue = tensors(arrays)
    query.requires_grad_()
    masks = tensors(masks)
    criterion = InfoNCELoss(temperature=0.5)
    assert torch.autograd.gradcheck(
        lambda q: criterion(*against_queue(q, key, queue, *masks)), query
    )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('named', [True, False])
def test_autocast_and_half_similarities_are_computed_in_float32(batch, dtype, named):
    (queries, _, candidates), (positive, usable) = batch
    half = torch.from_numpy(queries @ candidates.T).to(dtype)
    rest = (torch.arange(N),) if named else (torch.arange(N), torch.from_numpy(usable))
    expected = InfoNCELoss()(half.float(), *rest)
    with torch.autocast('cpu', dtype):
        loss = InfoNCELoss()(half, *rest)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_built_by_name():
    assert MODELS.build(dict(type='ssvrl_mm.InfoNCELoss', temperature=0.1)).temperature == 0.1


@pytest.mark.parametrize('arguments', [dict(temperature=0), dict(reduction='average')])
def test_refuses_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        InfoNCELoss(**arguments)
