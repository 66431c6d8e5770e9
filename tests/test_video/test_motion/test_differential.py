"""Motion differentials beside the equations, written out place by place."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssvrl_mm.video.motion.differential import (
    CoarseMap,
    MotionDifferential,
    flow_colours,
    foreground_weights,
    motion_boundary,
)


def smooth(num_maps, height, width, seed=0):
    noise = torch.from_numpy(np.random.default_rng(seed).normal(0, 6, (num_maps, 2, 5, 6)))
    maps = F.interpolate(noise, (height, width), mode='bicubic')
    return maps.permute(0, 2, 3, 1).numpy().astype(np.float32)


# Eqs. (8) and (9), place by place.


def sobel(flow, cell):
    """Of one map (h, w, 2): the root of the squared derivatives, the border repeated."""
    h, w = flow.shape[:2]
    kernel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    out = np.zeros((h, w))
    for y in range(h):
        for x in range(w):
            total = 0.0
            for channel in range(2):
                dx = dy = 0.0
                for j in range(3):
                    for i in range(3):
                        row, col = min(max(y + j - 1, 0), h - 1), min(max(x + i - 1, 0), w - 1)
                        value = float(flow[row, col, channel])
                        dx += kernel[j][i] * value
                        dy += kernel[i][j] * value
                total += dx * dx + dy * dy
            out[y, x] = math.sqrt(total) / cell
    return out


def colours(flow):
    """The published colour wheel, for a map (h, w, 2) divided by its longest vector."""
    ramps = [
        (15, 0, 1, 1),
        (6, 1, 0, -1),
        (4, 1, 2, 1),
        (11, 2, 1, -1),
        (13, 2, 0, 1),
        (6, 0, 2, -1),
    ]
    wheel = []
    for steps, full, other, sign in ramps:
        for step in range(steps):
            hue = [0, 0, 0]
            hue[full] = 255
            part = math.floor(255 * step / steps)
            hue[other] = part if sign > 0 else 255 - part
            wheel.append(hue)
    longest = max(math.hypot(*vector) for vector in flow.reshape(-1, 2).tolist()) or 1
    out = np.zeros((*flow.shape[:2], 3))
    for place in np.ndindex(*flow.shape[:2]):
        u, v = (float(value) / longest for value in flow[place])
        radius, angle = math.hypot(u, v), math.atan2(-v, -u) / math.pi
        at = (angle + 1) / 2 * (len(wheel) - 1)
        low = int(at)
        for channel in range(3):
            hue = wheel[low][channel] * (1 - at + low)
            hue += wheel[(low + 1) % len(wheel)][channel] * (at - low)
            out[place][channel] = 255 - radius * (255 - hue)
    return out


def coarse(magnitude, cell, size):
    """Means over windows of every pixel, and linear interpolation at the middles of cells."""
    pixels = np.repeat(np.repeat(magnitude, cell, 0), cell, 1)[: size[0], : size[1]]
    window = 28 * min(size) // 240
    assert window * 240 == 28 * min(size)
    counts = [side // window for side in size]
    means = np.zeros(counts)
    for i in range(counts[0]):
        for j in range(counts[1]):
            part = pixels[i * window : (i + 1) * window, j * window : (j + 1) * window]
            means[i, j] = part.mean()
    out = np.zeros_like(magnitude)
    for y in range(magnitude.shape[0]):
        for x in range(magnitude.shape[1]):
            at = []
            for place, side, count in zip((y, x), size, counts, strict=True):
                middle = (place * cell + min((place + 1) * cell, side)) / 2
                at.append(min(max(middle / side * count - 0.5, 0), count - 1))
            for i in range(counts[0]):
                for j in range(counts[1]):
                    share = max(1 - abs(at[0] - i), 0) * max(1 - abs(at[1] - j), 0)
                    out[y, x] += share * means[i, j]
    return out


def transcription(flow, cell, size, distance, weight):
    sums, plain, masked = [], [], []
    for field in flow:
        rough = coarse(sobel(field, cell), cell, size)
        if weight == 'max':
            weights = rough / rough.max()
            sums.append(weights.sum())
        else:
            weights = np.exp(rough) / np.exp(rough).sum()
            sums.append(rough.sum())
        plain.append(colours(field))
        masked.append(plain[-1] * weights[..., None])
    out = np.full((len(flow), 3), np.nan)
    out[:, 0] = sums
    for column, maps in ((1, plain), (2, masked)):
        for t in range(len(flow) - distance):
            pairs = zip(maps[t].reshape(-1, 3), maps[t + distance].reshape(-1, 3), strict=True)
            out[t, column] = sum(math.dist(*pair) for pair in pairs)
    return out


@pytest.mark.parametrize(
    ('size', 'cell', 'weight', 'distance'),
    [((60, 61), 4, 'softmax', 2), ((120, 150), 8, 'softmax', 1), ((120, 150), 8, 'max', 3)],
)
def test_equations(size, cell, weight, distance):
    grid = [-(-side // cell) for side in size]
    flow = smooth(5, *grid)
    differential = MotionDifferential(size, cell, distance, weight)
    differential.add(flow)
    expected = transcription(flow, cell, size, distance, weight)
    # Colours are rounded down to whole numbers.
    np.testing.assert_allclose(differential.values[:, 0], expected[:, 0], rtol=1e-4)
    np.testing.assert_allclose(differential.values[:, 1:], expected[:, 1:], rtol=0.02)
    assert differential.values.dtype == np.float32
    assert np.isnan(differential.values[:, 1:]).sum() == 2 * distance


def test_coarse_map_is_pooling_of_28_and_upsampling():
    field = np.random.default_rng(0).random((2, 240, 300), np.float32)
    pooled = F.avg_pool2d(torch.from_numpy(field)[None], 28, 28)
    expected = F.interpolate(pooled, (240, 300), mode='bilinear')[0]
    np.testing.assert_allclose(CoarseMap((240, 300))(field), expected, rtol=1e-4)


def test_windows_are_as_large_a_part_of_any_frame():
    field = np.random.default_rng(0).random((1, 60, 80), np.float32)
    double = field.repeat(2, 1).repeat(2, 2)
    large = CoarseMap((120, 160))(double).reshape(1, 60, 2, 80, 2).mean((2, 4))
    np.testing.assert_allclose(CoarseMap((60, 80))(field), large, rtol=0.01)
    # Eight along the shorter side, though they are smaller than a pixel.
    spot = np.zeros((1, 6, 8), np.float32)
    spot[:, 2, 3] = 1
    assert (CoarseMap((6, 8))(spot) > 0).sum() < 12
    # Of a frame that is smaller than a cell, the cell is all.
    np.testing.assert_allclose(CoarseMap((6, 5), 8)(np.ones((1, 1, 1), np.float32)), 1)


def test_boundaries_of_cells_weigh_as_those_of_pixels():
    flow = np.zeros((1, 30, 40, 2), np.float32)
    flow[:, 8:20, 10:30] = 5, -2
    dense = flow.repeat(8, 1).repeat(8, 2)
    assert motion_boundary(flow, 8).mean() == pytest.approx(motion_boundary(dense).mean(), rel=0.05)


def test_weights_of_still_maps():
    still = np.zeros((1, 4, 5), np.float32)
    np.testing.assert_allclose(foreground_weights(still), 1 / 20)
    assert not foreground_weights(still, 'max').any()


def test_weights_of_strong_boundaries_are_finite():
    weights = foreground_weights(np.array([[[0, 5000.0]]], np.float32))
    assert weights.tolist() == [[[0, 1]]]


def test_colours_do_not_depend_on_length():
    flow = smooth(3, 6, 7)
    np.testing.assert_allclose(flow_colours(flow * 100), flow_colours(flow), atol=1)
    assert (flow_colours(flow * 0) == 255).all()
    # The longest vector has the full colour.
    full = flow_colours(np.array([[[[0, 0.3], [0.1, 0]]]], np.float32))
    assert full[0, 2, 0, 0] == 0


@pytest.mark.parametrize('pieces', [1, 2, 7])
def test_in_pieces(pieces, monkeypatch):
    flow = smooth(23, 12, 15)
    whole = MotionDifferential((96, 120), 8, 3)
    whole.add(flow)
    monkeypatch.setattr('ssvrl_mm.video.motion.differential._VALUES_AT_ONCE', 12 * 15 * 2 * 5)
    parts = MotionDifferential((96, 120), 8, 3)
    for start in range(0, 23, pieces):
        parts.add(flow[start : start + pieces])
        parts.add(flow[:0])
    np.testing.assert_array_equal(parts.values, whole.values)


def test_large_frames_are_compared_one_by_one():
    """What is kept of each map: 3 bytes of colour and 4 of weights per place."""
    flow = smooth(4, 240, 320)
    distance, places = 40, 240 * 320
    differential = MotionDifferential((240, 320), 1, distance)
    differential.add(flow[:1])
    tracemalloc.start()
    for number in range(1, 45):
        differential.add(flow[number % 4 :][:1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Some 60 bytes per place for the work on a map and on the pair that is compared.
    assert peak < (7 * (distance + 2) + 80) * places
    np.testing.assert_allclose(differential.values[:5, 1], 0, atol=1)


def test_fewer_maps_than_the_distance():
    differential = MotionDifferential((96, 120), 8, 3)
    assert differential.values.shape == (0, 3)
    differential.add(smooth(2, 12, 15))
    assert np.isfinite(differential.values[:, 0]).all()
    assert np.isnan(differential.values[:, 1:]).all()


@pytest.mark.parametrize('wrong', [dict(weight='mean'), dict(distance=0)])
def test_wrong_options(wrong):
    with pytest.raises(ValueError, match=r"got ('mean'|0)"):
        MotionDifferential((96, 120), 8, **{'distance': 1, **wrong})
