import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ssvrl_mm.models.losses import GaussianKLLoss


def test_is_the_equation_at_each_place():
    rng = np.random.default_rng(0)
    mean, sigma = rng.normal(size=(2, 5, 3, 4, 4)), rng.uniform(0.2, 2, (2, 5, 3, 4, 4))
    places = [
        0.5 * sum(m**2 + s**2 - np.log(s**2) - 1 for m, s in zip(*vectors, strict=True))
        for vectors in zip(
            np.moveaxis(mean, 1, -1).reshape(-1, 5),
            np.moveaxis(sigma, 1, -1).reshape(-1, 5),
            strict=True,
        )
    ]
    loss = GaussianKLLoss()(torch.from_numpy(mean), torch.from_numpy(np.log(sigma**2)))
    assert float(loss) == pytest.approx(np.mean(places), rel=1e-10)


def test_is_the_divergence_that_torch_knows():
    mean, log_variance = torch.randn(2, 3, 6)
    known = kl_divergence(Normal(mean, torch.exp(log_variance / 2)), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(GaussianKLLoss()(mean, log_variance), known)


def test_gradients_are_those_of_the_numbers():
    mean, log_variance = torch.randn(2, 2, 3, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(GaussianKLLoss(), (mean, log_variance))


def test_half_precision_is_widened():
    halves = torch.full((1, 4), 3.0, dtype=torch.float16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = GaussianKLLoss()(halves, halves * 4)  # exp(12) is beyond float16
    assert float(loss) == pytest.approx(2 * (9 + np.exp(12) - 12 - 1))
