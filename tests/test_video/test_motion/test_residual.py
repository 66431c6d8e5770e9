"""Motion compensation against shifted pictures; residuals make the frame again."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.video.motion.flow import estimate_motion
from ssvrl_mm.video.motion.geometry import grid_size
from ssvrl_mm.video.motion.residual import MotionCompensator, residual, warp
from tests.clips import texture, translating


@pytest.mark.parametrize('shift', [(0, 0), (3, 0), (-2, 4), (40, -90)])
@pytest.mark.parametrize('size', [(64, 80), (61, 75)])
def test_whole_pixel_motion_is_a_shift_with_the_border_repeated(shift, size):
    picture = texture(*size)
    motion = np.broadcast_to(np.float32(shift), (*grid_size(size), 2))
    rows = np.clip(np.arange(size[0]) - shift[1], 0, size[0] - 1)
    cols = np.clip(np.arange(size[1]) - shift[0], 0, size[1] - 1)
    np.testing.assert_array_equal(warp(picture, motion), picture[rows][:, cols])


def test_half_pixel_motion_is_the_mean_of_neighbours():
    picture = texture(32, 48)
    motion = np.broadcast_to(np.float32([0.5, 0]), (4, 6, 2))
    mean = (picture[:, 1:].astype(float) + picture[:, :-1]) / 2
    assert np.abs(warp(picture, motion)[:, 1:] - mean).max() <= 0.5


def test_every_cell_moves_its_own_block():
    picture, motion = texture(24, 32), np.zeros((3, 4, 2), np.float32)
    motion[1, 2] = (2, -3)
    expected = picture.copy()
    expected[8:16, 16:24] = picture[11:19, 14:22]
    np.testing.assert_array_equal(warp(picture, motion), expected)


@pytest.mark.parametrize('size', [(64, 80), (61, 75), (61, 75, 3)])
@pytest.mark.parametrize('dense', [False, True])
def test_prediction_and_residual_make_the_frame(size, dense):
    rng = np.random.default_rng(0)
    previous = rng.integers(0, 256, size, dtype=np.uint8)
    frame = rng.integers(0, 256, size, dtype=np.uint8)
    motion = rng.normal(0, 12, (*(size[:2] if dense else grid_size(size[:2])), 2))
    left = residual(previous, frame, motion.astype(np.float32))
    assert left.dtype == np.int16
    assert left.min() < -128 and left.max() > 127  # eight bits would not do
    made = warp(previous, motion.astype(np.float32)) + left
    np.testing.assert_array_equal(made, frame)


def random_case(rng):
    """Two frames, and motion of cells or pixels in px/frame, finer than OpenCV's 1/32 px."""
    size = tuple(rng.integers(9, 90, 2).tolist())
    shape = size + ((), (3,), (4,))[rng.integers(3)]
    previous, frame = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    grid = size if rng.random() < 0.3 else grid_size(size)
    return previous, frame, (rng.normal(0, 12, (*grid, 2)) / 3).astype(np.float32)


def test_it_is_what_opencv_makes_of_places():
    """A transcription: every pixel's vector, its place, and OpenCV's interpolation of colours."""
    rng = np.random.default_rng(1)
    for _ in range(40):
        previous, _, motion = random_case(rng)
        height, width = previous.shape[:2]
        field = motion
        if motion.shape[:2] != (height, width):
            field = motion.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        border = cv2.BORDER_REPLICATE
        places = x - field[..., 0], y - field[..., 1]
        expected = cv2.remap(previous, *places, cv2.INTER_LINEAR, borderMode=border)
        np.testing.assert_array_equal(warp(previous, motion), expected)


def test_a_region_is_that_of_the_whole():
    rng = np.random.default_rng(2)
    compensate = MotionCompensator()
    for _ in range(60):
        previous, frame, motion = random_case(rng)
        height, width = frame.shape[:2]
        left, right = np.sort(rng.choice(width + 1, 2, replace=False)).tolist()
        top, bottom = np.sort(rng.choice(height + 1, 2, replace=False)).tolist()
        region = left, top, right, bottom
        made, rest = warp(previous, motion), residual(previous, frame, motion)
        inside = np.s_[top:bottom, left:right]
        np.testing.assert_array_equal(warp(previous, motion, region), made[inside])
        found = residual(previous, frame, motion, region)
        np.testing.assert_array_equal(found, rest[inside])
        # Memory that is used again, for frames and regions of any size.
        np.testing.assert_array_equal(compensate.warp(previous, motion, region), made[inside])
        again = compensate.residual(previous, frame, motion, region)
        np.testing.assert_array_equal(again, rest[inside])
        assert again.dtype == np.int16


def test_memory_is_kept():
    previous, frame = translating(2, 3, -1.5)
    motion = np.zeros((16, 20, 2), np.float32)
    compensate = MotionCompensator()
    first = compensate.residual(previous, frame, motion)
    assert np.shares_memory(first, compensate.residual(frame, previous, motion))
    part = compensate.residual(frame, previous, motion, (0, 0, 32, 24))
    assert np.shares_memory(first, part)


def test_motion_takes_up_the_difference():
    previous, frame = translating(2, 3, -1.5)
    still = residual(previous, frame, np.zeros((16, 20, 2), np.float32))
    moved = residual(previous, frame, np.broadcast_to(np.float32([3, -1.5]), (16, 20, 2)))
    found = residual(previous, frame, estimate_motion(previous, frame))
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(moved[inner]).mean() < 0.1 * np.abs(still[inner]).mean()
    assert np.abs(found[inner]).mean() < 0.15 * np.abs(still[inner]).mean()


def test_what_does_not_fit_is_refused():
    picture = texture(16, 16)
    with pytest.raises(ValueError, match=r'\(2, 2, 3\)'):
        warp(picture, np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match=r'\(16, 16, 3\) and \(8, 16, 3\)'):
        residual(picture, picture[:8], np.zeros((2, 2, 2), np.float32))
