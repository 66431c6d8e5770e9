import math

import numpy as np
import pytest

from ssvrl_mm.visualization.tiles import (
    BAND,
    evenly,
    framed,
    of_one_width,
    resized,
    side_by_side,
    stacked,
    text_band,
    titled,
    widened,
)

RED = np.full((4, 6, 3), (200, 0, 0), np.uint8)
BLUE = np.full((2, 3, 3), (0, 0, 200), np.uint8)


@pytest.mark.parametrize('join, axis', [(side_by_side, 1), (stacked, 0)])
def test_tiles_are_joined_on_white(join, axis):
    if axis == 0:
        red, blue = RED.transpose(1, 0, 2), BLUE.transpose(1, 0, 2)
    else:
        red, blue = RED, BLUE
    picture = join([red, blue], 2)
    if axis == 0:
        picture = picture.transpose(1, 0, 2)
    assert picture.shape == (4, 6 + 2 + 3, 3)
    np.testing.assert_array_equal(picture[:, :6], RED)
    np.testing.assert_array_equal(picture[:2, 8:], BLUE)
    assert (picture[:, 6:8] == 255).all() and (picture[2:, 8:] == 255).all()
    assert join([red, blue], 0).shape[axis] == 9


def test_a_frame_goes_around():
    picture = framed(BLUE, (1, 2, 3), 2)
    assert picture.shape == (6, 7, 3)
    np.testing.assert_array_equal(picture[2:4, 2:5], BLUE)
    for edge in (picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]):
        assert (edge == (1, 2, 3)).all()


@pytest.mark.parametrize('text', ['short', 'a name that is much longer than there is room for it'])
@pytest.mark.parametrize('band', [24, 40])
def test_text_is_within_its_band(text, band):
    picture = text_band(text, 200, band, (0, 0, 255), (255, 255, 0))
    assert picture.shape == (band, 200, 3)
    inked = np.nonzero((picture != (255, 255, 0)).any(axis=(0, 2)))[0]
    # Letters end before the edge, and long texts take the room that there is.
    assert inked.min() >= 2 and inked.max() <= 196
    assert len(text) < 10 or inked.max() > 170
    rows = np.nonzero((picture != (255, 255, 0)).any(axis=(1, 2)))[0]
    assert rows.min() > 0 and rows.max() < band - 1
    # Thin lines are smoothed: at least one px is nearer to the colour than to the ground.
    assert (np.abs(picture.astype(int) - (0, 0, 255)).max(axis=-1) < 128).any()


def test_a_title_stands_above():
    tile = np.full((50, 120, 3), 7, np.uint8)
    picture = titled(tile, 'title', 30)
    assert picture.shape == (80, 120, 3)
    np.testing.assert_array_equal(picture[30:], tile)
    assert (picture[:30] < 128).any()


@pytest.mark.parametrize('band', [20, 24, BAND])
def test_titles_can_be_read_beside_narrow_tiles(band):
    text = 'Hxd' * 30
    tile = np.full((5, 30, 3), 7, np.uint8)
    picture = titled(tile, text, band, widen=True)
    title, below = picture[:band], picture[band:]
    assert (below[:, :30] == 7).all() and (below[:, 30:] == 255).all()
    rows, columns = np.nonzero((title < 128).any(axis=-1))
    # Capitals of 7 px at least, which end before the edge and leave no room unused.
    assert np.ptp(rows) + 1 >= 7 and 0 < picture.shape[1] - columns.max() < 60
    assert titled(tile, text, band).shape[1] == 30
    # What can be read is left alone.
    assert titled(widened(tile, 300), 'short', band, widen=True).shape[1] == 300


def test_tiles_of_one_width():
    one, other = of_one_width([RED, BLUE])
    assert one.shape == (4, 6, 3) and other.shape == (2, 6, 3)
    np.testing.assert_array_equal(other[:, :3], BLUE)
    assert (other[:, 3:] == 255).all() and of_one_width([]) == []


def test_frames_are_resized_into_a_box():
    frame = np.repeat(np.uint8([[0, 200]]), 20, axis=0).repeat(10, axis=1)[..., None].repeat(3, 2)
    assert resized(frame, (10, math.inf)).shape == (10, 10, 3)
    assert resized(frame, (math.inf, 40)).shape == (40, 40, 3)
    assert resized(frame, (40, 30)).shape == (30, 30, 3)
    assert resized(frame[:1], (math.inf, 4)).shape == (1, 4, 3)
    assert set(np.unique(resized(frame, (80, 80), as_squares=True))) == {0, 200}
    assert len(np.unique(resized(frame, (80, 80)))) > 2
    # Smaller, a pixel is the mean of those that it is made of.
    assert (
        resized(np.indices((8, 8)).sum(0).astype(np.uint8)[..., None] % 2 * 200, (4, 4)) == 100
    ).all()


def test_places_are_in_the_middles_of_equal_parts():
    assert evenly(16, 4) == [2, 6, 10, 14] and evenly(5, 3) == [0, 2, 4] and evenly(9, 1) == [4]
    assert evenly(3, None) == evenly(3, 5) == [0, 1, 2] and evenly(30, 4) == [3, 11, 18, 26]
