"""Labels of motion statistics, against Algorithm 1 written as loops and against known motion."""

import math

import numpy as np
import pytest

from ssvrl_mm.datasets.motion_statistics import (
    most_frequent_label_accuracy,
    motion_energies,
    pmsp_labels,
)
from ssvrl_mm.video.motion.geometry import flip_motion, rotate_motion


def prewitt_by_loops(field):
    """Squares of the derivatives in x and y of a map (gh, gw), summed; borders are repeated."""
    rows, cols = field.shape
    squares = np.zeros((rows, cols))
    for y in range(rows):
        for x in range(cols):
            dx = dy = 0.0
            for step in (-1, 0, 1):
                for side in (-1, 1):
                    down = min(max(y + step, 0), rows - 1)
                    across = min(max(x + side, 0), cols - 1)
                    dx += side * field[down, across]
                    down = min(max(y + side, 0), rows - 1)
                    across = min(max(x + step, 0), cols - 1)
                    dy += side * field[down, across]
            squares[y, x] = dx**2 + dy**2
    return squares


def energies_by_loops(motion, num_gops, grid, size, cell):
    """Algorithm 1 for one grid, from pixels: every pixel has the magnitude of its cell."""
    maps = len(motion) // num_gops
    height, width = size
    found = []
    for t in (1, 3, 5):
        for n in range(t):
            total = motion[n * maps : (n + num_gops - t + 1) * maps].astype(float).sum(0)
            magnitude = np.sqrt(prewitt_by_loops(total[..., 0]) + prewitt_by_loops(total[..., 1]))
            # Twelve samples a pixel hit the bounds of all grids.
            sums, counts = np.zeros((grid, grid)), np.zeros((grid, grid))
            for y in (np.arange(12 * height) + 0.5) / 12:
                for x in (np.arange(12 * width) + 0.5) / 12:
                    part = int(y * grid / height), int(x * grid / width)
                    sums[part] += magnitude[int(y / cell), int(x / cell)]
                    counts[part] += 1
            found.append(sums / counts)
    return np.stack(found).reshape(len(found), -1)


@pytest.mark.parametrize(
    ('size', 'cells', 'cell'), [((4, 6), (4, 6), 1), ((7, 5), (7, 5), 1), ((9, 10), (2, 2), 8)]
)
@pytest.mark.parametrize('grid', [2, 3, 4])
def test_energies_are_those_of_the_algorithm(size, cells, cell, grid):
    """The last size is one of a frame that its cells overhang."""
    motion = np.random.default_rng(grid).normal(size=(10, *cells, 2)).astype(np.float32)
    (found,) = motion_energies(motion, size=size, grids=(grid,))
    expected = energies_by_loops(motion, 5, grid, size, cell)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    labels = pmsp_labels(motion, size=size)
    assert labels.dtype == np.int64 and labels.shape == (9, 3)
    assert labels[:, grid - 2].tolist() == expected.argmax(1).tolist()


def test_the_busiest_cell_of_every_level_is_where_the_block_is():
    """A block of 2 x 2 cells of 24 x 24, in each group elsewhere, ever faster."""
    places = [(1, 1), (9, 13), (13, 9), (20, 1), (13, 20)]
    motion = np.zeros((25, 24, 24, 2), np.float32)
    for gop, (row, col) in enumerate(places):
        motion[5 * gop : 5 * gop + 5, row : row + 2, col : col + 2] = 4**gop, 2
    # The fastest of a window is its last one: windows of 5, 3 and 1 groups.
    lasts = [places[gop] for gop in (4, 2, 3, 4, 0, 1, 2, 3, 4)]
    assert pmsp_labels(motion).tolist() == [
        [row * grid // 24 * grid + col * grid // 24 for grid in (2, 3, 4)] for row, col in lasts
    ]


def test_one_map_that_moves_and_others_that_move_back():
    """Vectors are summed before the magnitude: what shakes leaves nothing over a window."""
    motion = np.zeros((10, 12, 12, 2), np.float32)
    motion[0::2, 1:3, 1:3] = 4
    motion[1::2, 1:3, 1:3] = -4
    motion[0, 9:11, 9:11] = 0.5
    labels = pmsp_labels(motion)
    assert labels[0].tolist() == [3, 8, 15]
    assert labels[4].tolist() == [3, 8, 15]
    assert (labels[5:] == -1).all()


@pytest.mark.parametrize('component', [0, 1])
def test_both_components_count(component):
    motion = np.zeros((25, 12, 12, 2), np.float32)
    motion[:, 1:3, 9:11, component] = 2
    motion[:, 9:11, 9:11, 1 - component] = 1
    assert pmsp_labels(motion)[0].tolist() == [1, 2, 3]
    # A root of all four squares: 3 and 4 in the two components are 5.
    one, other, both = (np.zeros((5, 9, 9, 2), np.float32) for _ in range(3))
    one[..., :4, 0], other[..., :4, 1], both[..., :4, :] = 3, 4, (3, 4)
    found = [motion_energies(field, grids=(3,))[0] for field in (one, other, both)]
    np.testing.assert_allclose(np.hypot(found[0], found[1]), found[2], rtol=1e-6)


def test_what_does_not_move_has_no_label():
    still = np.zeros((25, 8, 8, 2), np.float32)
    assert (pmsp_labels(still) == -1).all()
    # Nor has what moves alike everywhere, up to rounding.
    panning = np.full((25, 8, 8, 2), 7.1, np.float32)
    assert (pmsp_labels(panning) == -1).all()
    panning *= 1 + 1e-7 * np.random.default_rng(0).normal(size=panning.shape).astype(np.float32)
    assert np.ptp(panning) > 0 and (pmsp_labels(panning) == -1).all()
    # A hundredth of it more is motion.
    panning[:, 6, 6] *= 1.01
    assert pmsp_labels(panning)[0].tolist() == [3, 8, 15]
    # One group that moves leaves the windows without it still.
    still[3:5, 0, 0] = 1
    assert (pmsp_labels(still, num_gops=5)[:, 0] >= 0).tolist() == [
        True, True, False, False, True, False, False, False, False,
    ]  # fmt: skip


def test_ties_go_to_the_first_cell():
    motion = np.zeros((25, 12, 12, 2), np.float32)
    for place in (1, 9):
        motion[:, 4, place] = motion[:, 7, place] = 1
    assert pmsp_labels(motion)[0, 0] == 0
    assert pmsp_labels(motion)[0, 2] == 4


def test_what_is_not_valid_counts_as_no_motion():
    motion = np.zeros((25, 12, 12, 2), np.float32)
    motion[:, 1, 1] = 1
    motion[:, 10, 10] = 5
    valid = np.ones(motion.shape[:3], bool)
    assert pmsp_labels(motion, valid)[0].tolist() == [3, 8, 15]
    valid[:, 10, 10] = False
    assert pmsp_labels(motion, valid)[0].tolist() == [0, 0, 0]
    assert (pmsp_labels(motion, np.zeros_like(valid)) == -1).all()
    assert motion[0, 10, 10, 0] == 5


def turned(label, grid, turn):
    """The number of a cell after ``turn`` of a picture of cells."""
    if label < 0:
        return label
    return int(np.flatnonzero(turn(np.arange(grid**2).reshape(grid, grid)).ravel() == label)[0])


@pytest.mark.parametrize(
    ('turn_motion', 'turn'),
    [
        (lambda m: flip_motion(m), lambda p: p[:, ::-1]),
        (lambda m: flip_motion(m, direction='vertical'), lambda p: p[::-1]),
        *((lambda m, k=k: rotate_motion(m, k), lambda p, k=k: np.rot90(p, k)) for k in (1, 2, 3)),
    ],
    ids=['flip', 'vertical flip', '90', '180', '270'],
)
def test_labels_turn_with_the_picture(turn_motion, turn):
    # Cells of 8 px as the reader's, and cells that the grid of 3 divides nowhere.
    for cells in (14, 28):
        motion = np.random.default_rng(cells).normal(size=(25, cells, cells, 2)).astype(np.float32)
        before, after = pmsp_labels(motion), pmsp_labels(turn_motion(motion))
        expected = [
            [turned(label, grid, turn) for label, grid in zip(window, (2, 3, 4), strict=True)]
            for window in before.tolist()
        ]
        assert after.tolist() == expected
        assert after.tolist() != before.tolist()


def test_the_border_of_the_picture_is_no_edge():
    """A ramp has the same derivative everywhere but at its ends, where it is half as large."""
    motion = np.zeros((5, 8, 8, 2), np.float32)
    motion[..., 0] = np.arange(8)
    (energy,) = motion_energies(motion, grids=(8,), windows=(1,))
    np.testing.assert_allclose(energy.reshape(8, 8), np.tile([15, *[30] * 6, 15], (8, 1)))


def test_wrong_arguments_are_named():
    motion = np.zeros((10, 4, 4, 2), np.float32)
    for wrong, reason in (
        (dict(motion=motion[0]), r'\(4, 4, 2\)'),
        (dict(motion=motion[..., :1]), r'\(10, 4, 4, 1\)'),
        (dict(motion=motion[:0]), r'\(0, 4, 4, 2\)'),
        (dict(valid=np.ones((10, 4, 5), bool)), r'\(10, 4, 5\)'),
        (dict(num_gops=4), '10 maps .* no 4 groups'),
        (dict(num_gops=0), '10 maps .* no 0 groups'),
        (dict(grids=(0, 2)), r'\(0, 2\)'),
        (dict(grids=()), r'\(\)'),
        (dict(windows=(6,)), '1..5'),
    ):
        with pytest.raises(ValueError, match=reason):
            pmsp_labels(**{'motion': motion, **wrong})


def test_the_most_frequent_label_of_each_level():
    rng = np.random.default_rng(0)
    train, test = rng.integers(-1, 4, (40, 9, 3)), rng.integers(-1, 4, (30, 9, 3))
    train[:, 1:4, 2] = -1  # a level without labels
    found = most_frequent_label_accuracy(train, test)
    assert len(found) == 9
    for (grid, scale), accuracy in found.items():
        windows = {1: [0], 3: [1, 2, 3], 5: [4, 5, 6, 7, 8]}[scale]
        if (grid, scale) == (4, 3):
            assert math.isnan(accuracy)
            continue
        known = train[:, windows, grid - 2].ravel().tolist()
        answer = max(range(4), key=known.count)
        asked = [label for label in test[:, windows, grid - 2].ravel().tolist() if label >= 0]
        assert accuracy == pytest.approx(asked.count(answer) / len(asked))
    assert math.isnan(most_frequent_label_accuracy(train, train[:0])[2, 1])
    one = most_frequent_label_accuracy(train[:, :1, :1], test[:, :1, :1], (2,), (1,))
    assert one == {(2, 1): found[2, 1]}
    for wrong in (train[0], train[:, :8], train[..., :2]):
        for labels in ((wrong, test), (test, wrong)):
            with pytest.raises(ValueError, match=r'\(N, 9, 3\)'):
                most_frequent_label_accuracy(*labels)
