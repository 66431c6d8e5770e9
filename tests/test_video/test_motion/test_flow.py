"""Optical flow on known motion; colours against the benchmark's table."""

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from ssvrl_mm.video.motion import flow
from ssvrl_mm.video.motion.flow import (
    METHODS,
    FlowEstimator,
    FlowOptions,
    colour_code_flow,
    estimate_motion,
    mean_over_cells,
)
from tests.clips import texture, translating


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('velocity', [(3, 0), (-2, 4), (1.5, -0.5)])
def test_translation_is_found(method, velocity):
    previous, frame = translating(2, *velocity)
    motion = estimate_motion(previous, frame, method)
    assert motion.shape == (16, 20, 2)
    assert motion.dtype == np.float32
    np.testing.assert_allclose(np.median(motion, axis=(0, 1)), velocity, atol=0.2)
    inner = np.abs(motion - velocity)[1:-1, 1:-1].max(axis=-1)
    # OpenCV's TV-L1 does not always give the same on a loaded machine: .94 once, else 1.
    assert (inner < 0.3).mean() > (0.9 if method == 'tvl1' else 0.95)


@pytest.mark.parametrize('scale', [0.5, 0.7, 1.0])
@pytest.mark.parametrize('size', [(128, 160), (121, 155)])
def test_any_scale_and_size(scale, size):
    previous, frame = translating(2, -2, 1, *size)
    motion = estimate_motion(previous, frame, scale=scale)
    assert motion.shape == (16, 20, 2)  # the last cells overhang the smaller frame
    assert (np.abs(motion - (-2, 1)).max(axis=-1) < 0.3).mean() > 0.9
    dense = estimate_motion(previous, frame, scale=scale, grid=False)
    assert dense.shape == (*size, 2)
    assert (np.abs(dense - (-2, 1)).max(axis=-1) < 0.3).mean() > 0.9


@pytest.mark.parametrize('method', ['dis', 'farneback'])
def test_motion_is_where_the_content_is_now(method):
    background, patch = texture(128, 160, seed=1, scale=8), texture(48, 48, seed=2, scale=8)
    previous, frame = background.copy(), background.copy()
    previous[40:88, 40:88] = patch
    frame[40:88, 48:96] = patch  # 8 px to the right
    motion = estimate_motion(previous, frame, method, scale=1)
    # The last column of cells that the patch reached only now.
    np.testing.assert_allclose(np.median(motion[6:10, 11], axis=0), (8, 0), atol=1)
    away = np.abs(motion[[0, 1, -2, -1]]).max(axis=-1)
    assert np.median(away) < 0.1


def test_grid_is_the_mean_of_the_dense_field():
    previous, frame = translating(2, 2, 1)
    grid = estimate_motion(previous, frame, scale=1)
    dense = estimate_motion(previous, frame, scale=1, grid=False)
    mean = dense.reshape(16, 8, 20, 8, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(grid, mean, atol=1e-4)


def test_grey_frames():
    pair = translating(2, 3, 0)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in pair]
    np.testing.assert_array_equal(estimate_motion(*grey), estimate_motion(*pair))


def test_threads_do_not_share_an_estimator():
    pairs = [translating(2, seed - 3, 1, seed=seed) for seed in range(7)] * 4
    alone = [estimate_motion(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: estimate_motion(*pair), pairs))
    np.testing.assert_array_equal(together, alone)


def test_small_frames_leave_no_trace():
    """DIS takes another scale for frames of 44 px, and keeps it."""
    pair, small = translating(2, 2, -1, 144, 176), texture(72, 88)
    expected = estimate_motion(*pair)
    estimate_motion(small, small)
    np.testing.assert_array_equal(estimate_motion(*pair), expected)


def test_what_cannot_be_done_is_said(monkeypatch):
    frame = texture(32, 32)
    with pytest.raises(ValueError, match=r"'raft'.*dis"):
        estimate_motion(frame, frame, 'raft')
    with pytest.raises(ValueError, match=r'\(32, 32, 3\) and \(16, 32, 3\)'):
        estimate_motion(frame, frame[:16])
    with pytest.raises(ValueError, match=r'\(8, 32\)'):
        estimate_motion(frame[:8], frame[:8])
    with pytest.raises(ValueError, match='-1'):
        estimate_motion(frame, frame, scale=-1)
    monkeypatch.delattr(cv2, 'optflow')
    monkeypatch.setattr(flow, '_persistent', threading.local())
    with pytest.raises(ImportError, match='opencv-contrib-python'):
        estimate_motion(frame, frame, 'tvl1')


@pytest.mark.parametrize('size', [(48, 64), (45, 61)])
@pytest.mark.parametrize('cell', [1, 2, 3, 8, 16, 100, 10**9])
def test_cells_of_a_dense_field(size, cell):
    """The mean over each cell; the field is repeated where the last ones overhang the frame."""
    field = np.random.default_rng(0).normal(size=(*size, 2)).astype(np.float32)
    cell_px = min(cell, 64)
    found = mean_over_cells(field, size, cell)
    rows, cols = (-(-side // cell_px) for side in size)
    assert found.shape == (rows, cols, 2)
    for row, col in np.ndindex(rows, cols):
        y = np.minimum(np.arange(row * cell_px, (row + 1) * cell_px), size[0] - 1)
        x = np.minimum(np.arange(col * cell_px, (col + 1) * cell_px), size[1] - 1)
        mean = field[np.ix_(y, x)].mean(axis=(0, 1))
        if cell <= 64:
            np.testing.assert_allclose(found[row, col], mean, atol=1e-5)


@pytest.mark.parametrize('size', [(48, 64), (45, 64), (121, 155), (20, 128)])
@pytest.mark.parametrize('scale', [0.25, 0.5, 0.7, 1, 2])
@pytest.mark.parametrize('cell', [1, 2, 4, 8])
def test_cells_are_where_they_are(size, scale, cell):
    """A ramp that is known at other places than the cells' keeps its place to a quarter px."""
    have = [max(round(side * scale), 16) for side in size]
    y, x = ((np.arange(n) + 0.5) * side / n for n, side in zip(have, size, strict=True))
    field = np.stack(np.meshgrid(x, y), -1).astype(np.float32)
    found = mean_over_cells(field, size, cell)
    y, x = ((np.arange(-(-side // cell)) + 0.5) * cell for side in size)
    error = np.abs(found - np.stack(np.meshgrid(x, y), -1))
    # The border is repeated: half a value outside the values, and where cells overhang.
    edges = [1 + int(side / n / cell) for side, n in zip(size, have, strict=True)]
    inner = error[edges[0] : -edges[0], edges[1] : -edges[1]]
    assert inner.size and inner.max() < 0.3


def test_an_estimator_converts_frames_once():
    """Grey for OpenCV, RGB for functions, at the size at which flow is computed."""
    frame = texture(48, 64)
    assert FlowEstimator((48, 64)).prepare(frame).shape == (48, 64)
    assert FlowEstimator((48, 64), scale=0.5).prepare(frame).shape == (24, 32)
    assert FlowEstimator((48, 64), scale=0.1).prepare(frame).shape == (16, 16)
    with_function = FlowEstimator((48, 64), lambda image, other: None, scale=0.5)
    for given in (frame, frame[..., 0]):
        assert with_function.prepare(given).shape == (24, 32, 3)

    def wrong(image, other):
        return np.zeros((3, 4, 2), np.float32)

    estimator = FlowEstimator((48, 64), wrong)
    with pytest.raises(ValueError, match=r'wrong.*\(3, 4, 2\).*\(48, 64\)'):
        estimator(*[estimator.prepare(frame)] * 2)


def test_lengths_are_those_of_the_frame():
    """What a function finds on smaller frames is scaled along each axis; forward, to the second."""

    def method(image, other):
        return np.full((*image.shape[:2], 2), (3, 4), np.float64)

    estimator = FlowEstimator((40, 24), method, scale=0.5)  # computed at 20 x 16
    frame = estimator.prepare(texture(40, 24))
    flow = estimator(frame, frame)
    assert flow.dtype == np.float32 and flow.shape == (40, 24, 2)
    np.testing.assert_allclose(flow, np.broadcast_to((4.5, 8), flow.shape))


def test_options_of_flow():
    assert [FlowOptions(m).px_per_value for m in ('dis', len, 'vectors')] == [1, 1, 8]
    assert FlowOptions('vectors', cell=2).px_per_value == 2
    assert FlowOptions(cell=np.int64(2)).px_per_value == 2
    assert FlowOptions(scale=2, span=-1) == FlowOptions('dis', 2.0, None, -1)
    for wrong in (dict(method='raft'), dict(scale=-1), dict(cell='2'), dict(span=2.0)):
        with pytest.raises(ValueError, match=str(*wrong.values())):
            FlowOptions(**wrong)


# Hue number k of the benchmark's wheel: red to yellow in 15 steps, to green in 6, cyan in 4,
# blue in 11, magenta in 13 and back to red in 6.
HUES = {
    0: (255, 0, 0),
    5: (255, 85, 0),
    14: (255, 238, 0),
    15: (255, 255, 0),
    18: (128, 255, 0),
    21: (0, 255, 0),
    22: (0, 255, 63),
    25: (0, 255, 255),
    27: (0, 209, 255),
    36: (0, 0, 255),
    37: (19, 0, 255),
    49: (255, 0, 255),
    54: (255, 0, 43),
}


@pytest.mark.parametrize('number', HUES)
def test_hues_of_the_wheel(number):
    # Hue k of 55 stands at (k / 54) of a full turn, clockwise on the screen from the right.
    angle = number / 54 * 2 * np.pi
    # Half a degree inside, as a full turn falls on hue 0 again.
    vector = np.array([np.cos(angle), np.sin(angle)]) if number < 54 else np.array([1, -1e-7])
    full, half, over, rest = colour_code_flow(
        vector * np.array([[1], [0.5], [1.5], [0]]), max_magnitude=1.0000001
    ).astype(int)
    hue = np.array(HUES[number])
    assert np.abs(full - hue).max() <= 1
    assert np.abs(half - (255 + hue) / 2).max() <= 1
    assert np.abs(over - 0.75 * hue).max() <= 1
    np.testing.assert_array_equal(rest, (255, 255, 255))


def test_directions_by_name():
    motion = np.array([[2, 0], [2, -0.0], [0, 2], [-2, 0], [0, -2], [0, 0], [np.nan, 0]])
    np.testing.assert_array_equal(
        colour_code_flow(motion),
        [
            (255, 0, 0),  # right: red
            (255, 0, 0),
            (255, 229, 0),  # down: yellow
            (0, 209, 255),  # left: cyan
            (88, 0, 255),  # up: violet
            (255, 255, 255),  # rest
            (0, 0, 0),  # unknown
        ],
    )


def test_saturation_is_relative_to_the_longest():
    motion = np.random.default_rng(0).normal(size=(2, 5, 6, 2)).astype(np.float32)
    longest = np.hypot(motion[..., 0], motion[..., 1]).max()
    colours = colour_code_flow(motion)
    assert colours.shape == (2, 5, 6, 3)
    assert colours.dtype == np.uint8
    np.testing.assert_array_equal(colours, colour_code_flow(motion * 7))
    np.testing.assert_array_equal(colours, colour_code_flow(motion, float(longest)))
    np.testing.assert_array_equal(colour_code_flow(np.zeros((3, 3, 2))), np.full((3, 3, 3), 255))


def test_fields_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r'\(4, 3\)'):
        colour_code_flow(np.zeros((4, 3)))
    with pytest.raises(ValueError, match='0'):
        colour_code_flow(np.zeros((4, 2)), max_magnitude=0)
