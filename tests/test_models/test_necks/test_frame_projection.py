import numpy as np
import pytest
import torch

from ssvrl_mm.models.necks import FrameProjection
from ssvrl_mm.registry import MODELS


@pytest.mark.parametrize('hidden', [None, 7])
def test_equals_the_formula_frame_by_frame(hidden):
    torch.manual_seed(0)
    neck = FrameProjection(3, hidden, 5).double()
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 6, 5))
    first, second, b1, b2 = (
        p.detach().numpy()
        for p in (neck.conv1.weight, neck.conv2.weight, neck.conv1.bias, neck.conv2.bias)
    )
    assert first.shape[0] == (hidden or 5)
    got = neck((torch.from_numpy(x), torch.zeros(1)))  # of several maps the first
    assert got.shape == (2, 5, 4, 1, 1)
    torch.testing.assert_close(neck(torch.from_numpy(x)), got)
    for n, t in np.ndindex(2, 4):
        pooled = x[n, :, t].mean(axis=(1, 2))
        hidden_layer = np.maximum(first[:, :, 0, 0, 0] @ pooled + b1, 0)
        expected = second[:, :, 0, 0, 0] @ hidden_layer + b2
        np.testing.assert_allclose(got[n, :, t, 0, 0].detach(), expected, rtol=1e-12, atol=1e-14)


def test_built_by_name_and_refuses_other_channels():
    neck = MODELS.build(dict(type='ssvrl_mm.FrameProjection', in_channels=480))
    assert neck.out_channels == 128
    with pytest.raises(ValueError, match='map of 480 channels, got 128: the first of out_indices'):
        neck([torch.zeros(1, 128, 4, 2, 2)])
