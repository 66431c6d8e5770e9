"""What is drawn of known motion."""

import re
from pathlib import Path

import numpy as np
import pytest

from ssvrl_mm import viewer
from ssvrl_mm.viewer.frames import FrameView
from ssvrl_mm.viewer.rendering import (
    CELL_COLOURS,
    LAYERS,
    draw_origin,
    draw_vectors,
    render,
    strong,
)
from ssvrl_mm.visualization.motion import draw_motion


def view(origin='coded', motion=(3, 0), height=640, width=640, scale=1.0, **changed):
    grid = (-(-round(height / scale) // 8), -(-round(width / scale) // 8))
    field = np.empty((*grid, 2), np.float32)
    field[:] = motion
    given = dict(
        rgb=np.full((height, width, 3), 100, np.uint8),
        motion=field,
        valid=np.full(grid, origin not in ('held', 'none')),
        residual=np.full((height, width, 3), 128, np.uint8),
    )
    return FrameView(5, 0.2, 'P', False, scale=scale, origin=origin, **{**given, **changed})


def test_motion_to_the_right_is_red():
    colours = render(view(), ['colours'], 3.0)['colours']
    assert colours.shape == (640, 640, 3)
    # The wheel is in the corner.
    assert (colours[:400, :400] == (255, 0, 0)).all()
    half = render(view(), ['colours'], 6.0)['colours'][9, 9].tolist()
    assert half[0] == 255 and half[1] == half[2] == pytest.approx(128, abs=2)


def test_the_strongest_colour_leaves_outliers_out():
    shown = view()
    shown.motion[0, 0] = 500
    assert strong(shown) == pytest.approx(3)
    assert strong(view(motion=(0.01, 0))) == 0.5


def test_what_is_held_is_hatched_and_its_arrows_white():
    coded, held = render(view()), render(view('held'))
    assert (held['colours'][:400, :400] != coded['colours'][:400, :400]).any(axis=2).mean() > 0.2
    for picture, colour, other in (
        (coded['vectors'], (255, 230, 0), (255, 255, 255)),
        (held['vectors'], (255, 255, 255), (255, 230, 0)),
    ):
        assert (picture == colour).all(axis=2).sum() > 500
        assert not (picture == other).all(axis=2).any()


@pytest.mark.parametrize(
    'scale, step, gain', [(1.0, round(60 / 24), 1.2 * 2 * 8 / 12), (0.5, 5, 1.2 * 5 * 4 / 6)]
)
def test_long_arrows_span_their_cells(scale, step, gain):
    # Cells are 8 px of the frame, which is shown at its size, or at half of it.
    shown = view('coded', (12, 0), 320, 480, scale)
    shown.motion[:5] = 0.5, 0
    drawn = draw_motion(shown.rgb, shown.motion * scale, shown.valid, step, gain, 1, 0.4 * scale)
    np.testing.assert_array_equal(draw_vectors(shown), drawn)


def test_cells_have_the_colour_of_their_origin():
    shown = view()
    shown.valid[10, 20] = False
    mixed = {
        name: np.rint(0.55 * 100 + 0.45 * np.array(colour)) for name, colour in CELL_COLOURS.items()
    }
    picture = draw_origin(shown)
    np.testing.assert_allclose(
        picture[80:88, 160:168], np.broadcast_to(mixed['intra'], (8, 8, 3)), atol=1
    )
    picture[80:88, 160:168] = picture[0, 0]
    np.testing.assert_allclose(picture, np.broadcast_to(mixed['coded'], picture.shape), atol=1)
    for origin in ('propagated', 'estimated'):
        np.testing.assert_allclose(draw_origin(view(origin))[0, 0], mixed[origin], atol=1)
    held = draw_origin(view('held'))
    assert (held == 60).all(axis=2).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(held[0, 8], mixed['held'], atol=1)


@pytest.mark.parametrize('height, width, scale, size', [
    (48, 64, 1.0, (480, 640)), (50, 70, 1.0, (450, 630)), (540, 960, 0.5, (540, 960)),
])  # fmt: skip
def test_sizes(height, width, scale, size):
    pictures = render(view(height=height, width=width, scale=scale))
    assert list(pictures) == list(LAYERS)
    for layer in ('vectors', 'colours', 'origin'):
        assert pictures[layer].shape == (*size, 3), layer
    assert pictures['frame'].shape == pictures['residual'].shape == (height, width, 3)


def test_cells_of_scaled_frames_cover_what_they_cover():
    shown = view(height=320, width=480, scale=0.5)
    assert shown.valid.shape == (80, 120)
    shown.valid[40:, :] = False
    picture = draw_origin(shown)
    assert (picture[:160] == picture[0, 0]).all() and (picture[160:] == picture[-1, 0]).all()
    assert (picture[0, 0] != picture[-1, 0]).any()


def test_residuals_are_three_times_as_strong():
    residual = np.full((640, 640, 3), 128, np.uint8)
    residual[0, :4] = np.array([138, 118, 255, 0])[:, None]
    drawn = render(view(residual=residual), ['residual'])['residual']
    assert drawn[0, :5, 0].tolist() == [158, 98, 255, 0, 128]


def test_without_motion_the_frame_is_all():
    shown = view(motion=(0, 0))
    shown = FrameView(0, 0.0, 'I', False, shown.rgb, 1.0)
    assert list(render(shown)) == ['frame'] and render(shown, ['vectors']) == {}


def test_the_legend_has_the_colours_of_the_pictures():
    css = (Path(viewer.__file__).parent / 'page/viewer.css').read_text()
    for name in ('coded', 'intra', 'held', 'propagated', 'estimated'):
        [rule] = re.findall(rf'\.swatch\.{name} {{(.*)}}', css)
        assert f'rgb{CELL_COLOURS[name]}' in rule
