"""Where arrows are drawn, and in what colours a field is."""

import numpy as np
import pytest

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization import colour_wheel, draw_colours, draw_motion
from tests.clips import texture


def changed_box(picture: np.ndarray, base: np.ndarray) -> tuple[int, int, int, int]:
    """The bounding box (x1, y1, x2, y2) of what was drawn, both ends included."""
    rows, cols = np.nonzero((picture != base).any(axis=-1))
    return cols.min(), rows.min(), cols.max(), rows.max()


def one_moving_cell(vector: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    motion, valid = np.zeros((8, 10, 2), np.float32), np.zeros((8, 10), bool)
    motion[4, 6], valid[4, 6] = vector, True
    return motion, valid


@pytest.mark.parametrize('zoom', [1, 3])
@pytest.mark.parametrize('vector', [(12, 0), (-10, 0), (0, 11), (-9, 6)])
def test_an_arrow_leads_from_where_the_content_was_to_where_it_is(vector, zoom):
    frame = texture(64, 80)
    motion, valid = one_moving_cell(vector)
    base = draw_motion(frame, 0 * motion, np.zeros_like(valid), step=1, zoom=zoom)
    picture = draw_motion(frame, motion, valid, step=1, gain=2, zoom=zoom)
    assert picture.shape == (64 * zoom, 80 * zoom, 3)
    end = np.array([6.5 * 8, 4.5 * 8]) * zoom  # the cell's centre
    start = end - 2 * zoom * np.array(vector)
    box = np.array(changed_box(picture, base))
    # The head and the outline stick out a little.
    assert np.abs(box[:2] - np.minimum(start, end)).max() <= 4 + 2 * zoom
    assert np.abs(box[2:] - np.maximum(start, end)).max() <= 4 + 2 * zoom
    # The head is where the content is now.
    drawn = np.argwhere((picture != base).any(axis=-1))[:, ::-1]
    near_end = (np.hypot(*(drawn - end).T) < 5 * zoom).sum()
    near_start = (np.hypot(*(drawn - start).T) < 5 * zoom).sum()
    assert near_end > near_start


def test_filled_in_motion_is_white():
    frame = np.zeros((64, 80, 3), np.uint8)
    motion, valid = one_moving_cell((12, 0))
    coded = draw_motion(frame, motion, valid, step=1)
    filled = draw_motion(frame, motion, np.zeros_like(valid), step=1)
    yellow, white = (255, 230, 0), (255, 255, 255)
    assert (coded == yellow).all(axis=-1).any() and not (coded == white).all(axis=-1).any()
    assert (filled == white).all(axis=-1).any() and not (filled == yellow).all(axis=-1).any()


def test_cells_without_motion_or_vector_get_nothing():
    frame = texture(64, 80)
    still = draw_motion(frame, np.zeros((8, 10, 2), np.float32), np.zeros((8, 10), bool))
    np.testing.assert_allclose(still.astype(float), 0.75 * frame + 0.25 * 255, atol=1)


def test_still_cells_get_a_dot():
    frame = texture(64, 80)
    motion, valid = one_moving_cell((0.1, 0))
    base = draw_motion(frame, motion, np.zeros_like(valid), step=1)
    x1, y1, x2, y2 = changed_box(draw_motion(frame, motion, valid, step=1), base)
    assert x2 - x1 <= 3 and y2 - y1 <= 3
    assert x1 <= 52 <= x2 + 1 and y1 <= 36 <= y2 + 1


def test_a_step_shows_the_mean_of_the_valid_cells():
    frame = texture(64, 80)
    motion, valid = np.zeros((8, 10, 2), np.float32), np.zeros((8, 10), bool)
    motion[4:6, 6:8] = [[(14, 2), (10, -2)], [(99, 99), (12, 0)]]
    valid[4:6, 6:8] = [[True, True], [False, True]]
    mean = np.zeros_like(motion)
    mean[4:6, 6:8] = (12, 0)
    np.testing.assert_array_equal(
        draw_motion(frame, motion, valid, step=2), draw_motion(frame, mean, valid, step=2)
    )


def test_arrows_have_the_colour_that_is_asked_for():
    frame = np.zeros((64, 80, 3), np.uint8)
    motion, valid = one_moving_cell((12, 0))
    picture = draw_motion(frame, motion, valid, step=1, colour=(0, 220, 255))
    assert (picture == (0, 220, 255)).all(axis=-1).any()
    assert not (picture == (255, 230, 0)).all(axis=-1).any()


def test_large_frames_are_shown_smaller():
    frame = texture(256, 320)
    motion, valid = np.zeros((32, 40, 2), np.float32), np.zeros((32, 40), bool)
    motion[16:20, 24:28], valid[16:20, 24:28] = (48, 0), True
    base = draw_motion(frame, 0 * motion, np.zeros_like(valid), step=4, zoom=0.25)
    picture = draw_motion(frame, motion, valid, step=4, zoom=0.25)
    assert picture.shape == (64, 80, 3)
    box = np.array(changed_box(picture, base))
    # The group's centre is at (26, 18) cells of 2 px; the arrow comes from 12 px to the left.
    assert np.abs(box - (40, 36, 52, 36)).max() <= 5


def test_the_frame_is_left_alone():
    frame = texture(61, 75)
    before = frame.copy()
    draw_motion(frame, np.full((8, 10, 2), 3, np.float32))
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize('size', [(64, 80), (61, 75)])
def test_colours_of_the_cells_and_hatching_where_there_is_no_vector(size):
    motion = np.random.default_rng(0).normal(0, 4, (8, 10, 2)).astype(np.float32)
    valid = np.ones((8, 10), bool)
    valid[1, 2] = False
    colours = draw_colours(motion, size, 9, valid, zoom=4)
    assert colours.shape == (4 * size[0], 4 * size[1], 3)
    expected = colour_code_flow(motion, 9)
    for row, col in np.ndindex(4, 10):  # above the legend
        cell = colours[row * 32 : row * 32 + 32, col * 32 : col * 32 + 32]
        same = (cell == expected[row, col]).all(axis=-1)
        if valid[row, col]:
            assert same.all(), (row, col)
        else:
            assert 0.5 < same.mean() < 0.8  # hatched
    plain = draw_colours(motion, size, 9, None, zoom=4)
    assert (plain[32:64, 64:96] == expected[1, 2]).all()


def test_the_wheel_is_in_the_corner_where_there_is_room():
    still = np.zeros((8, 10, 2), np.float32)
    large, small = draw_colours(still, (64, 80), 1, zoom=4), draw_colours(still, (64, 80), 1)
    assert (large[:190, :250] == 255).all() and (large[200:, 260:] < 255).any()
    assert (small == 255).all()


def test_dense_fields_shown_smaller():
    flow = np.zeros((64, 80, 2), np.float32)
    flow[:, 40:] = (3, 0)
    colours = draw_colours(flow, (128, 160), 3, zoom=0.25)
    assert colours.shape == (32, 40, 3)
    assert (colours[:, :20] == 255).all() and (colours[:, 20:] == (255, 0, 0)).all()


def test_colour_wheel_names_the_directions():
    wheel = colour_wheel(101).astype(int)
    np.testing.assert_array_equal(wheel[50, 50], (255, 255, 255))
    np.testing.assert_array_equal(wheel[0, 0], (255, 255, 255))
    for (row, col), colour in {
        (50, 100): (255, 0, 0),  # right: red
        (100, 50): (255, 229, 0),  # down: yellow
        (50, 0): (0, 209, 255),  # left: cyan
        (0, 50): (88, 0, 255),  # up: violet
    }.items():
        assert np.abs(wheel[row, col] - colour).max() <= 4


def test_what_does_not_fit_is_refused():
    frame, motion = texture(64, 80), np.zeros((8, 10, 2), np.float32)
    with pytest.raises(ValueError, match=r'float32 \(64, 80, 3\)'):
        draw_motion(frame.astype(np.float32), motion)
    with pytest.raises(ValueError, match=r'\(1, 8, 10, 2\)'):
        draw_motion(frame, motion[None])
    with pytest.raises(ValueError, match=r'\(8, 9\)'):
        draw_motion(frame, motion, np.ones((8, 9), bool))
