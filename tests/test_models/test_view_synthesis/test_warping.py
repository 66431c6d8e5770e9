"""Warping beside the numpy version of video, on a clip of known motion, and its gradients."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.view_synthesis import predict_first, warp
from ssvrl_mm.video.motion.residual import warp as numpy_warp
from tests.clips import texture, translating


def as_clip(frames):
    """(1, 3, T, H, W) of uint8 (T, H, W, 3)."""
    return torch.from_numpy(np.stack(frames)).movedim(-1, 0)[None].double()


def constant(dx, dy, length, height, width):
    return torch.tensor([dx, dy]).view(1, 2, 1, 1, 1).expand(1, 2, length, height, width).double()


# OpenCV takes linear weights from a table of 1/32 px.
@pytest.mark.parametrize('scale', [1, 1 / 32])
def test_it_is_the_warp_of_the_reader(scale):
    rng = np.random.default_rng(0)
    frames = [texture(24, 40, seed=seed) for seed in range(3)]
    motion = np.round(rng.uniform(-9, 9, (3, 24, 40, 2)) / scale).astype(np.float32) * scale
    expected = [numpy_warp(frame, field) for frame, field in zip(frames, motion, strict=True)]
    found = warp(as_clip(frames), torch.from_numpy(motion).movedim(-1, 0)[None])
    # Theirs is rounded.
    assert (found - as_clip(expected)).abs().max() <= 1


@pytest.mark.parametrize('dx, dy', [(3, -2), (-1, 0), (0, 4)])
def test_the_true_flow_restores_the_frame(dx, dy):
    clip = as_clip(translating(5, dx=dx, dy=dy))
    length, height, width = clip.shape[2:]
    restored = predict_first(clip, constant(dx, dy, length - 1, height, width))
    inner = (..., slice(5, -5), slice(5, -5))
    torch.testing.assert_close(restored[inner], clip[:, :, :-1][inner], atol=1e-6, rtol=0)
    still = (clip[:, :, 1:] - clip[:, :, :-1])[inner].abs().mean()
    assert still > 5, 'the clip does not move'


def test_half_a_pixel_is_the_mean_of_two_and_the_border_is_repeated():
    row = torch.tensor([1.0, 2.0, 4.0, 8.0]).view(1, 1, 1, 1, 4)
    assert warp(row, constant(0.5, 0, 1, 1, 4)).flatten().tolist() == [1.0, 1.5, 3.0, 6.0]
    assert warp(row, constant(-9, 7, 1, 1, 4)).flatten().tolist() == [8.0] * 4


def test_gradients_are_those_of_the_numbers():
    torch.manual_seed(0)
    frames = torch.rand(1, 2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    # No place is at the centre of a pixel or beyond the border, where there is no derivative.
    motion = torch.rand(1, 2, 2, 4, 5, dtype=torch.float64) * 0.4 + 0.2
    inside = torch.zeros_like(motion)
    inside[..., 1:-1, 1:-1] = motion[..., 1:-1, 1:-1]
    inside.requires_grad_()

    def inner(frames, motion):
        return warp(frames, motion)[..., 1:-1, 1:-1]

    assert torch.autograd.gradcheck(inner, (frames, inside))


def test_half_precision_does_not_move_pixels():
    frames = torch.rand(1, 1, 1, 1, 200)
    motion = constant(0.25, 0, 1, 1, 200)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = warp(frames.bfloat16(), motion.bfloat16())
    expected = warp(frames.bfloat16().float(), motion.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('shape', [(1, 2, 1, 4, 4), (1, 1, 2, 4, 4), (1, 2, 2, 4, 5)])
def test_motion_of_another_clip_is_refused(shape):
    with pytest.raises(ValueError, match=r'frames \(1, 3, 2, 4, 4\) must be \(1, 2, 2, 4, 4\)'):
        warp(torch.zeros(1, 3, 2, 4, 4), torch.zeros(shape))
