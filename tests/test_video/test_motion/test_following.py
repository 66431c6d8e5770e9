"""Paths over several frames, against a transcription cell by cell and against known motion."""

import numpy as np
import pytest

from ssvrl_mm.video.motion.following import follow_ahead, follow_back
from ssvrl_mm.video.motion.geometry import cell_centres, cell_places

SIZE = (64, 88)
GRID = (8, 11)


def at(field, x, y):
    """A field (gh, gw, ...) at a place in cells, linear, the border repeated."""
    height, width = field.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    right, below = x - left, y - top
    upper = (1 - right) * field[top, left] + right * field[top, left + 1]
    lower = (1 - right) * field[top + 1, left] + right * field[top + 1, left + 1]
    return (1 - below) * upper + below * lower


def nearest(mask, x, y):
    height, width = mask.shape
    return mask[int(np.clip(np.rint(y), 0, height - 1)), int(np.clip(np.rint(x), 0, width - 1))]


def ahead(motion, valid):
    """Place by place: ``q = p + motion(q)`` by four looks, frame after frame; px."""
    out, mask = np.zeros((*GRID, 2)), np.ones(GRID, bool)
    for row, col in np.ndindex(*GRID):
        x, y = float(col), float(row)
        for field, known in zip(motion / 8, valid, strict=True):
            u, v = x, y
            for _ in range(4):
                dx, dy = at(field, u, v)
                u, v = x + dx, y + dy
            mask[row, col] &= nearest(known, u, v)
            x, y = u, v
        out[row, col] = 8 * (x - col), 8 * (y - row)
    return out, mask


def back(motion, valid):
    """Frame by frame, ``D(p) = motion(p) + D_before(p - motion(p))``; px."""
    total, mask = motion[0].astype(float), valid[0].copy()
    for field, known in zip(motion[1:], valid[1:], strict=True):
        before, so_far = total, mask
        total, mask = np.zeros((*GRID, 2)), np.zeros(GRID, bool)
        for row, col in np.ndindex(*GRID):
            x, y = col - field[row, col, 0] / 8, row - field[row, col, 1] / 8
            total[row, col] = field[row, col] + at(before, x, y)
            mask[row, col] = known[row, col] and nearest(so_far, x, y)
    return total, mask


@pytest.mark.parametrize('count', [1, 2, 5])
@pytest.mark.parametrize(('follow', 'transcription'), [(follow_ahead, ahead), (follow_back, back)])
def test_transcription(follow, transcription, count):
    rng = np.random.default_rng(count)
    motion = rng.normal(0, 1.2, (count, *GRID, 2)).astype(np.float32)
    valid = rng.random((count, *GRID)) > 0.1
    kept = motion.copy(), valid.copy()
    flow, mask = follow(motion, valid, SIZE)
    expected, known = transcription(motion, valid)
    assert flow.dtype == np.float32 and mask.dtype == bool
    # OpenCV reads at multiples of a 32nd of a cell.
    np.testing.assert_allclose(flow, expected, atol=0.08 * count)
    assert (mask == known).mean() > 0.97
    np.testing.assert_array_equal(motion, kept[0])
    np.testing.assert_array_equal(valid, kept[1])


@pytest.mark.parametrize('count', [1, 4])
@pytest.mark.parametrize(
    'matrix',
    [
        1.03 * np.eye(2),
        [[np.cos(0.04), -np.sin(0.04)], [np.sin(0.04), np.cos(0.04)]],
        [[1, 0.05], [0, 1]],
    ],
    ids=['zoom', 'rotation', 'shear'],
)
def test_linear_maps(matrix, count):
    """Fields of a linear map about the middle: exact away from the border, both ways."""
    x, y = cell_centres(SIZE[1], GRID[1]) - 44, cell_centres(SIZE[0], GRID[0]) - 32
    place = np.stack(np.meshgrid(x, y), axis=-1)
    field = place @ (np.eye(2) - np.linalg.inv(matrix)).T
    motion = np.repeat(field[None].astype(np.float32), count, 0)
    valid = np.ones((count, *GRID), bool)
    power = np.linalg.matrix_power(np.array(matrix), count)
    inner = slice(1, -1), slice(1, -1)
    flow, mask = follow_back(motion, valid, SIZE)
    truth = place @ (np.eye(2) - np.linalg.inv(power)).T
    np.testing.assert_allclose(flow[inner], truth[inner], atol=0.05 * count)
    assert mask.all()
    flow, mask = follow_ahead(motion, valid, SIZE)
    truth = place @ (power - np.eye(2)).T
    np.testing.assert_allclose(flow[inner], truth[inner], atol=0.05 * count)
    assert mask.all()


def test_places_that_are_not_valid_are_met_on_the_way():
    """Everything moves by a cell per frame to the right."""
    motion = np.zeros((3, *GRID, 2), np.float32)
    motion[..., 0] = 8
    valid = np.ones((3, *GRID), bool)
    valid[1, 4, 5] = False
    flow, mask = follow_back(motion, valid, SIZE)
    np.testing.assert_allclose(flow, np.broadcast_to((24, 0), flow.shape))
    assert np.argwhere(~mask).tolist() == [[4, 6]]
    flow, mask = follow_ahead(motion, valid, SIZE)
    np.testing.assert_allclose(flow, np.broadcast_to((24, 0), flow.shape))
    assert np.argwhere(~mask).tolist() == [[4, 3]]


def test_an_object_ahead():
    """What it covers has nowhere to land; the object itself is followed, the rest at rest."""
    motion = np.zeros((2, *GRID, 2), np.float32)
    motion[0, :, 4:7, 0] = 8  # at cells 3 to 5 in the frame before, 4 to 6 in this one
    motion[1, :, 5:8, 0] = 8
    flow, _ = follow_ahead(motion, np.ones((2, *GRID), bool), SIZE)
    assert flow[0, :, 0].tolist()[4:6] == [16, 16]
    assert not flow[:, :3].any() and not flow[:, 8:].any()


def test_places_of_cells_cannot_be_written_to():
    places = cell_places(2, 3)
    assert places.tolist() == [[[0, 0], [1, 0], [2, 0]], [[0, 1], [1, 1], [2, 1]]]
    with pytest.raises(ValueError, match='read-only'):
        places += 1
    # The next one to ask has the same array.
    assert cell_places(2, 3) is places
