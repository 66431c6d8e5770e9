"""The pictures of a frame that the page shows beside each other."""

from collections.abc import Collection

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import CELL, cell_size
from ssvrl_mm.viewer.frames import FrameView
from ssvrl_mm.visualization.motion import draw_colours, draw_motion
from ssvrl_mm.visualization.streams import ORIGIN_COLOURS
from ssvrl_mm.visualization.tiles import Colour

#: What may be shown of a frame.
LAYERS = ('frame', 'vectors', 'colours', 'residual', 'origin')

#: Colours of :func:`draw_origin` by where motion is from; 'intra' is a cell without a vector in a
#: frame that has some. The page's legend has the same.
CELL_COLOURS: dict[str, Colour] = {**ORIGIN_COLOURS, 'intra': (150, 60, 200), 'none': (90, 90, 90)}

_ARROWS = 24  # along the longer side, about
_WIDTH = 640  # px of the longer side; smaller frames are enlarged, so that arrows are no blobs
_GAIN = 3  # residuals are mostly a few grey levels


def render(
    view: FrameView, layers: Collection[str] = LAYERS, full: float | None = None
) -> dict[str, np.ndarray]:
    """Draws what is shown of a frame.

    Args:
        view: The frame.
        layers: Which of :data:`LAYERS`; those that need motion are left out where there is none.
        full: px/frame of the strongest colour; None: see :func:`strong`.

    Returns:
        Layer -> uint8 RGB.
    """
    if view.motion is None or view.valid is None or view.residual is None:
        return {'frame': view.rgb} if 'frame' in layers else {}
    pictures: dict[str, np.ndarray] = {}
    if 'frame' in layers:
        pictures['frame'] = view.rgb
    if 'vectors' in layers:
        pictures['vectors'] = draw_vectors(view)
    if 'colours' in layers:
        size = (round(view.rgb.shape[0] / view.scale), round(view.rgb.shape[1] / view.scale))
        pictures['colours'] = draw_colours(
            view.motion, size, full or strong(view), view.valid, view.scale * _zoom(view)
        )
    if 'residual' in layers:
        pictures['residual'] = draw_residual(view.residual)
    if 'origin' in layers:
        pictures['origin'] = draw_origin(view)
    return pictures


def strong(view: FrameView) -> float:
    """The length that 99 % of a frame's vectors keep below, px/frame, 0.5 at least.

    A few vectors that went astray would otherwise leave all others pale; and less than half a px
    is as good as still, and would be coloured noise.
    """
    assert view.motion is not None
    lengths = np.hypot(view.motion[..., 0], view.motion[..., 1])
    return max(float(np.quantile(lengths, 0.99)), 0.5)


def draw_vectors(view: FrameView) -> np.ndarray:
    """The frame with its vectors as arrows: white where filled in."""
    assert view.motion is not None and view.valid is not None
    height, width = view.rgb.shape[:2]
    step = max(1, round(max(view.motion.shape[:2]) / _ARROWS))
    moves = view.motion * view.scale
    length = np.hypot(moves[..., 0], moves[..., 1])
    long = float(np.quantile(length[length > 0], 0.9)) if (length > 0).any() else 1.0
    room = 1.2 * step * cell_size(width, view.motion.shape[1])
    gain = float(np.clip(room / max(long, 0.1), 1, 6))
    return draw_motion(
        view.rgb,
        moves,
        view.valid,
        step,
        gain,
        _zoom(view),
        shortest=0.4 * view.scale,
        colour=ORIGIN_COLOURS[view.origin],
    )


def draw_residual(residual: np.ndarray) -> np.ndarray:
    """The residual, :data:`_GAIN` times as strong about middle grey."""
    levels = (128 + _GAIN * (np.arange(256) - 128)).clip(0, 255).astype(np.uint8)
    return cv2.LUT(residual, levels)


def draw_origin(view: FrameView) -> np.ndarray:
    """The frame in grey, each cell in the colour of where its motion is from."""
    assert view.valid is not None
    height, width = view.rgb.shape[:2]
    cells = np.empty((*view.valid.shape, 3), np.uint8)
    cells[:] = CELL_COLOURS['intra' if view.origin == 'coded' else view.origin]
    cells[view.valid] = CELL_COLOURS[view.origin]
    colours = _enlarged(cells, height, width, view.scale)
    grey = cv2.cvtColor(cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = cv2.addWeighted(grey, 0.55, colours, 0.45, 0)
    zoom = _zoom(view)
    picture = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    if view.origin in ('held', 'none'):
        rows, columns = np.indices(picture.shape[:2])
        picture[(rows + columns) // 4 % 4 == 0] = 60
    return picture


def _zoom(view: FrameView) -> int:
    """How many times as large as the frame it is drawn on."""
    return max(1, round(_WIDTH / max(view.rgb.shape[:2])))


def _enlarged(cells: np.ndarray, height: int, width: int, scale: float) -> np.ndarray:
    """Cells (gh, gw, 3) of 8 px, times the scale, as large as the picture; the last overhang."""
    rows, columns = (
        np.minimum(((np.arange(length) + 0.5) / (CELL * scale)).astype(int), count - 1)
        for length, count in ((height, cells.shape[0]), (width, cells.shape[1]))
    )
    return cells[rows[:, None], columns[None]]
