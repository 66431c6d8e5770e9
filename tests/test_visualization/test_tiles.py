import numpy as np
import pytest

from ssvrl_mm.visualization.tiles import framed, side_by_side, stacked, text_band, titled

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
