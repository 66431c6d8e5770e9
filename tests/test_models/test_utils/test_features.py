import numpy as np
import torch

from ssvrl_mm.models.utils import full_precision, pool_features


def test_pooling_is_the_mean_over_time_and_space():
    maps = np.random.default_rng(0).random((2, 3, 4, 5, 6))
    expected = maps.mean(axis=(2, 3, 4))
    tensor = torch.from_numpy(maps)
    np.testing.assert_allclose(pool_features(tensor), expected)
    np.testing.assert_allclose(pool_features((torch.zeros(1), tensor)), expected)
    assert torch.equal(pool_features(torch.from_numpy(expected)), torch.from_numpy(expected))


def test_half_precision_is_widened_before_pooling():
    maps = torch.tensor([[[1.0, 1.0 + 2**-7]]], dtype=torch.bfloat16)
    assert pool_features(maps).item() == 1 + 2**-8


def test_tensors_come_to_their_widest_dtype():
    half, double = torch.ones(1, dtype=torch.half), torch.ones(1, dtype=torch.double)
    assert [t.dtype for t in full_precision(half, half)] == [torch.float32] * 2
    assert [t.dtype for t in full_precision(half, double)] == [torch.float64] * 2
