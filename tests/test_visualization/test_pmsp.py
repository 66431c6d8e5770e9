import numpy as np
import pytest

from ssvrl_mm.visualization import draw_pmsp
from ssvrl_mm.visualization.pmsp import COLOURS

LINE, GAP, TEXT = 2, 4, 28  # px
SIZE = 240  # divisible by all grids
GREY = np.full((5, SIZE, SIZE, 3), 128, np.uint8)
RED, GREEN, BLUE = COLOURS


def no_labels():
    return np.full((9, 3), -1)


def tiles(picture, panel=0):
    """temporal scale -> its five I-frames, as the layout of the page has them."""
    left = panel * (5 * SIZE + 4 * GAP + 16)
    found = {}
    for row, scale in enumerate((1, 3, 5)):
        top = 2 * TEXT + row * (TEXT + SIZE) + TEXT
        lefts = [left + number * (SIZE + GAP) for number in range(5)]
        found[scale] = [picture[top : top + SIZE, at : at + SIZE] for at in lefts]
    return found


def mask(tile, colour):
    return (tile == colour).all(axis=-1)


def expected(row, col, cell, inset, line):
    """The inner edge of the cell at (row, col) of cells of so many px."""
    edge = np.zeros((SIZE, SIZE), bool)
    rows, cols = (
        slice(row * cell + inset, (row + 1) * cell - inset),
        slice(col * cell + inset, (col + 1) * cell - inset),
    )
    edge[rows, cols] = True
    edge[rows.start + line : rows.stop - line, cols.start + line : cols.stop - line] = False
    return edge


def test_boxes_of_one_window_are_on_every_iframe():
    labels = no_labels()
    labels[0] = (1, 5, 14)  # row 0 col 1 of 2 x 2; row 1 col 2 of 3 x 3; row 3 col 2 of 4 x 4
    picture = draw_pmsp(GREY, labels, width=SIZE)
    for tile in tiles(picture)[1]:
        np.testing.assert_array_equal(mask(tile, GREEN), expected(1, 2, 80, LINE, LINE))
        np.testing.assert_array_equal(mask(tile, BLUE), expected(3, 2, 60, 2 * LINE, LINE))
        red = expected(0, 1, 120, 0, LINE)
        # Where boxes cross, the finer grid's is above.
        above = mask(tile, GREEN) | mask(tile, BLUE)
        np.testing.assert_array_equal(mask(tile, RED), red & ~above)
    for scale in (3, 5):
        for tile in tiles(picture)[scale]:
            assert not any(mask(tile, colour).any() for colour in COLOURS)
            # Only where it is said that there is no motion the frame is not as it was.
            assert (tile[22:] == 128).all() and (tile[:22] != 128).any()


def test_windows_that_overlap_are_overlaid():
    labels = no_labels()
    # Groups 1-3 and 3-5 name one cell of the 2 x 2 grid, groups 2-4 another one.
    labels[1:4, 0] = (0, 3, 0)
    row = tiles(draw_pmsp(GREY, labels, width=SIZE))[3]
    first, last, thick = (
        expected(*place, 120, 0, line) for place, line in (((0, 0), 2), ((1, 1), 2), ((0, 0), 4))
    )
    wanted = [first, first | last, thick | last, first | last, first]
    for tile, red in zip(row, wanted, strict=True):
        np.testing.assert_array_equal(mask(tile, RED), red)
    labels = no_labels()
    labels[1:4, 2] = 5
    row = tiles(draw_pmsp(GREY, labels, width=SIZE))[3]
    for tile, count in zip(row, (1, 2, 3, 2, 1), strict=True):
        blue = expected(1, 1, 60, 2 * LINE, count * LINE)
        np.testing.assert_array_equal(mask(tile, BLUE), blue)


def test_at_the_finest_scale_each_iframe_has_its_own_boxes():
    labels = no_labels()
    labels[4:, 0] = (0, 1, 2, 3, -1)
    row = tiles(draw_pmsp(GREY, labels, width=SIZE))[5]
    for tile, place in zip(row, ((0, 0), (0, 1), (1, 0), (1, 1)), strict=False):
        np.testing.assert_array_equal(mask(tile, RED), expected(*place, 120, 0, LINE))
    assert not mask(row[4], RED).any()


def test_predictions_stand_beside_the_labels():
    labels, predictions = no_labels(), np.zeros((9, 3), int)
    labels[0] = (1, 0, 0)
    plain = draw_pmsp(GREY, labels, width=SIZE)
    both = draw_pmsp(GREY, labels, predictions, title='a clip', width=SIZE)
    assert both.shape == (plain.shape[0] + 40, 2 * plain.shape[1] + 16, 3)
    both = both[40:]
    np.testing.assert_array_equal(both[:, : plain.shape[1]], plain)
    red = expected(0, 0, 120, 0, LINE)
    np.testing.assert_array_equal(mask(tiles(both, 1)[5][4], RED), red)
    np.testing.assert_array_equal(mask(tiles(both)[1][0], RED), expected(0, 1, 120, 0, LINE))


def test_frames_of_any_shape_become_as_wide_as_asked_for():
    frames = np.zeros((5, 60, 80, 3), np.uint8)
    picture = draw_pmsp(frames, no_labels(), width=160)
    assert picture.shape == (2 * TEXT + 3 * (TEXT + 120), 5 * 160 + 4 * GAP, 3)
    labels = no_labels()
    labels[0, 0] = 3
    picture = draw_pmsp(frames, labels, width=160)
    first = picture[3 * TEXT : 3 * TEXT + 120, :160]
    rows, cols = np.nonzero(mask(first, RED))
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (60, 119, 80, 159)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(iframes=GREY.astype(np.float32)), 'uint8 I-frames'),
        (dict(iframes=GREY[0]), r'\(240, 240, 3\)'),
        (dict(labels=np.zeros((27, 1), int)), r'labels of shape \(9, 3\), got \(27, 1\)'),
        (dict(predictions=np.full((9, 3), 4)), 'predictions name cells'),
        (dict(labels=np.full((9, 3), -2)), 'labels name cells'),
        (dict(labels=np.zeros((9, 4), int), grids=(2, 3, 4, 5)), 'colours for 3 grids'),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        draw_pmsp(**{'iframes': GREY, 'labels': no_labels(), **change})
