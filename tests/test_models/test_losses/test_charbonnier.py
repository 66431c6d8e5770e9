import numpy as np
import pytest
import torch

from ssvrl_mm.models.losses import CharbonnierLoss


def test_is_the_mean_of_the_equation():
    first, second = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    expected = np.mean([np.sqrt(z * z + 1e-3**2) for z in (first - second).ravel()])
    loss = CharbonnierLoss()(torch.from_numpy(first), torch.from_numpy(second))
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_at_zero_it_is_epsilon_and_flat():
    same = torch.zeros(4, requires_grad=True)
    loss = CharbonnierLoss(epsilon=0.5)(same, torch.zeros(4))
    loss.backward()
    assert float(loss) == 0.5 and same.grad.abs().max() == 0


def test_gradients_are_those_of_the_numbers():
    first, second = torch.randn(2, 6, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(CharbonnierLoss(0.1), (first, second))


def test_half_precision_is_widened():
    # 1 + 1e-3 is 1 in bfloat16.
    ones = torch.ones(8, dtype=torch.bfloat16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = CharbonnierLoss(0.1)(ones, ones * 0)
    assert loss.dtype == torch.float32 and float(loss) == pytest.approx(1.01**0.5)


@pytest.mark.parametrize('epsilon', [0, -1, float('nan')])
def test_epsilon_must_be_positive(epsilon):
    with pytest.raises(ValueError, match='epsilon must be positive, got'):
        CharbonnierLoss(epsilon)
