import numpy as np
import pytest
import torch

from ssvrl_mm.models.utils import (
    full_precision,
    last_map,
    pool_features,
    write_features,
)

from ..tiny import samples


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


def test_of_several_maps_the_last_counts():
    first, last = torch.zeros(1), torch.ones(1)
    assert last_map(first) is first
    assert last_map((first, last)) is last


def test_features_of_a_video_are_the_mean_over_its_clips():
    rng = np.random.default_rng(0)
    maps = {'rgb': rng.random((6, 3, 2, 2, 2)), 'motion': rng.random((6, 5))}
    expected = {
        'rgb': maps['rgb'].mean(axis=(2, 3, 4)).reshape(2, 3, 3),
        'motion': maps['motion'].reshape(2, 3, 5),
    }
    tensors = {stream: torch.from_numpy(x).requires_grad_() for stream, x in maps.items()}
    for average in (True, False):
        given = samples([7, 8])
        assert write_features(tensors, given, average_clips=average) is given
        for i, sample in enumerate(given):
            for stream, rows in expected.items():
                written = sample.features[stream]
                wanted = rows[i].mean(axis=0, keepdims=True) if average else rows[i]
                np.testing.assert_allclose(written, wanted, rtol=1e-6)
                assert written.dtype == torch.float32
                assert not written.requires_grad


def test_streams_lie_side_by_side():
    rng = np.random.default_rng(1)
    maps = {'motion': rng.random((2, 3, 4, 5, 5)), 'iframe': rng.random((2, 5, 1, 2, 2))}
    expected = np.concatenate([x.mean(axis=(2, 3, 4)) for x in maps.values()], axis=1)
    tensors = {stream: torch.from_numpy(x) for stream, x in maps.items()}
    np.testing.assert_allclose(pool_features(tensors), expected)
    several = {**tensors, 'motion': (torch.zeros(1), tensors['motion'])}
    np.testing.assert_allclose(pool_features(several), expected)
    mixed = {'motion': tensors['motion'].bfloat16(), 'iframe': tensors['iframe']}
    assert pool_features(mixed).dtype == torch.float64
    [first, _] = write_features({'fused': tensors, **tensors}, samples([1, 2]))
    np.testing.assert_allclose(first.features['fused'], expected[:1], rtol=1e-6)
    np.testing.assert_allclose(first.features['iframe'], expected[:1, 3:], rtol=1e-6)
    with pytest.raises(ValueError, match='no features'):
        pool_features({})
