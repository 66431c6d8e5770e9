"""Where arrows are drawn, and what the panel's three pictures show."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization import colour_wheel, draw_motion, motion_panel
from tests.clips import encode, texture, translating

BAND = 40  # the titles' height
GAP = 8


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


def test_the_frame_is_left_alone():
    frame = texture(61, 75)
    before = frame.copy()
    draw_motion(frame, np.full((8, 10, 2), 3, np.float32))
    motion_panel(frame, np.full((8, 10, 2), 3, np.float32))
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize('size', [(64, 80), (61, 75)])
def test_panel_shows_frame_arrows_and_colours(size):
    frame = texture(*size)
    motion = np.random.default_rng(0).normal(0, 4, (8, 10, 2)).astype(np.float32)
    valid = np.ones((8, 10), bool)
    valid[1, 2] = False
    zoom = 4
    panel = motion_panel(frame, motion, valid, zoom=zoom, gain=1, step=1)
    height, width = size[0] * zoom, size[1] * zoom
    assert panel.shape == (height + BAND, 3 * width + 2 * GAP, 3)
    plain, arrows, colours = (
        panel[BAND:, start : start + width] for start in range(0, 3 * width, width + GAP)
    )
    np.testing.assert_array_equal(plain, cv2.resize(frame, (width, height), interpolation=2))
    np.testing.assert_array_equal(
        arrows, draw_motion(frame, motion, valid, step=1, gain=1, zoom=zoom)
    )
    longest = np.hypot(motion[..., 0], motion[..., 1]).max()
    expected = colour_code_flow(motion, float(longest))
    for row, col in np.ndindex(4, 10):  # above the legend
        cell = colours[row * 32 : row * 32 + 32, col * 32 : col * 32 + 32]
        same = (cell == expected[row, col]).all(axis=-1)
        if valid[row, col]:
            assert same.all(), (row, col)
        else:
            assert 0.5 < same.mean() < 0.8  # hatched


def test_long_motion_is_not_lengthened():
    frame = texture(64, 80)
    slow, fast = np.full((8, 10, 2), 1.5, np.float32), np.full((8, 10, 2), 30, np.float32)
    for motion, gain in ((slow, 4), (fast, 1)):
        automatic, explicit = motion_panel(frame, motion), motion_panel(frame, motion, gain=gain)
        np.testing.assert_array_equal(automatic, explicit)


def test_nothing_moves():
    panel = motion_panel(texture(64, 80), np.zeros((8, 10, 2), np.float32), zoom=4)
    assert (panel[BAND : BAND + 100, -300:] == 255).all()  # rest is white


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
        motion_panel(frame, motion, np.ones((8, 9), bool))


def test_the_tool_shows_what_the_codec_coded(tmp_path, repository):
    clip = encode(tmp_path / 'clip.mp4', translating(6, 3, 0))
    tool = [sys.executable, str(repository / 'tools/analysis/visualize_motion.py'), str(clip)]
    out = tmp_path / 'pictures' / 'motion.png'
    subprocess.run([*tool, '--frame', '2', '4', '--zoom', '2', '--out', str(out)], check=True)
    picture = cv2.imread(str(out))[..., ::-1]
    row, width = 2 * 128 + BAND, 2 * 160
    assert picture.shape == (2 * row, 3 * width + 2 * GAP, 3)
    for top in (BAND, BAND + row):
        colours = picture[top : top + 200, -width:-80]  # left of the legend
        # Everything moves to the right: red, whatever is the fastest.
        assert np.median(colours[..., 0]) == 255
        assert np.median(colours[..., 1:]) < 128

    failed = subprocess.run([*tool, '--frame', '99', '--out', str(out)], capture_output=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith(b'error:') and b'99' in failed.stderr
