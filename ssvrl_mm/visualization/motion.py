"""Pictures of motion: arrows over the frame, and the field in colours."""

import cv2
import numpy as np

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.video.motion.geometry import cell_centres, cell_size
from ssvrl_mm.visualization.tiles import Colour

#: RGB of the arrows of motion that was coded, and of motion that was filled in.
CODED: Colour = (255, 230, 0)
FILLED: Colour = (255, 255, 255)
_SUBPIXEL = 4  # OpenCV draws at multiples of 1 / 2 ** _SUBPIXEL px


def draw_motion(
    frame_rgb: np.ndarray,
    motion_grid: np.ndarray,
    valid: np.ndarray | None = None,
    step: int = 2,
    gain: float = 1.0,
    zoom: float = 1,
    shortest: float = 0.5,
    colour: Colour = CODED,
) -> np.ndarray:
    """Draws motion as arrows: each ends where the content is now and starts where it came from.

    Args:
        frame_rgb: uint8 ``(h, w, 3)``.
        motion_grid: ``(gh, gw, 2)`` px/frame.
        valid: bool ``(gh, gw)``; where False, motion that the codec did not code but that was
            filled in (an I-frame's, say) gets a white arrow.
        step: one arrow for ``step`` x ``step`` cells, with their mean motion.
        gain: arrows are this many times as long as the motion.
        zoom: the picture is this many times as large as the frame.
        shortest: coded motion below this many px/frame gets a dot, other motion nothing.
        colour: RGB of the arrows of motion that is valid.

    Returns:
        uint8 RGB ``(zoom * h, zoom * w, 3)``; ``frame_rgb`` is left alone.

    Raises:
        ValueError: shapes do not fit.
    """
    motion_grid, valid = _checked(frame_rgb, motion_grid, valid)
    height, width = frame_rgb.shape[:2]
    picture = fit_frame(frame_rgb, zoom)
    # Arrows stand out against a paler frame.
    picture = cv2.addWeighted(picture, 0.75, np.full_like(picture, 255), 0.25, 0)

    x, y = np.meshgrid(
        cell_centres(width, motion_grid.shape[1]), cell_centres(height, motion_grid.shape[0])
    )
    thickness = max(1, round(zoom / 2))
    tip = 2.0 + 1.5 * max(zoom, 1)
    arrows = []
    for rows in _groups(motion_grid.shape[0], step):
        for cols in _groups(motion_grid.shape[1], step):
            coded = valid[rows, cols]
            shown = coded if coded.any() else np.ones_like(coded)
            vector = motion_grid[rows, cols][shown].mean(axis=0)
            end = np.array([x[rows, cols].mean(), y[rows, cols].mean()]) * zoom
            if np.hypot(*vector) >= shortest:
                drawn = colour if coded.any() else FILLED
                arrows.append((end - gain * zoom * vector, end, drawn))
            elif coded.any():
                radius = round(8 * max(zoom, 1))
                cv2.circle(picture, _fixed(end), radius, (90, 90, 90), -1, cv2.LINE_AA, _SUBPIXEL)
    # All outlines first, so that none covers a neighbour's arrow.
    for start, end, _ in arrows:
        _draw_arrow(picture, start, end, (0, 0, 0), thickness + 2, tip)
    for start, end, drawn in arrows:
        _draw_arrow(picture, start, end, drawn, thickness, tip)
    return picture


def draw_colours(
    motion_grid: np.ndarray,
    size: tuple[int, int],
    max_magnitude: float,
    valid: np.ndarray | None = None,
    zoom: float = 1,
) -> np.ndarray:
    """Draws motion in the colours of the wheel, which is shown in the corner if there is room.

    Args:
        motion_grid: ``(gh, gw, 2)`` px/frame, or a dense field.
        size: ``(h, w)`` of the frame in px.
        max_magnitude: px/frame of the strongest colour.
        valid: bool ``(gh, gw)``; cells that are not are hatched.
        zoom: the picture is this many times as large as the frame.

    Returns:
        uint8 RGB ``(zoom * h, zoom * w, 3)``.
    """
    height, width = zoomed(size, zoom)
    covered = (
        max(round(zoom * motion_grid.shape[1] * cell_size(size[1], motion_grid.shape[1])), width),
        max(round(zoom * motion_grid.shape[0] * cell_size(size[0], motion_grid.shape[0])), height),
    )
    colours = cv2.resize(
        colour_code_flow(motion_grid, max_magnitude), covered, interpolation=cv2.INTER_NEAREST
    )[:height, :width].copy()
    if valid is not None:
        absent = cv2.resize((~valid).view(np.uint8), covered, interpolation=cv2.INTER_NEAREST)
        rows, cols = np.indices((height, width))
        hatch = (rows + cols) // max(round(2 * zoom), 2) % 3 == 0
        colours[(absent[:height, :width] > 0) & hatch] = 190
    _add_wheel(colours)
    return colours


def zoomed(size: tuple[int, int], zoom: float) -> tuple[int, int]:
    """``(h, w)`` of a picture this many times as large as a frame, at least 1 px each."""
    return max(round(zoom * size[0]), 1), max(round(zoom * size[1]), 1)


def fit_frame(frame: np.ndarray, zoom: float) -> np.ndarray:
    """A frame this many times as large."""
    height, width = zoomed((frame.shape[0], frame.shape[1]), zoom)
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return cv2.resize(frame, (width, height), interpolation=how)


def colour_wheel(diameter: int) -> np.ndarray:
    """The legend of motion in colours: uint8 RGB (diameter, diameter, 3), white outside."""
    axis = (np.arange(diameter) + 0.5) * 2 / diameter - 1
    field = np.stack(np.meshgrid(axis, axis), axis=-1)
    outside = np.hypot(field[..., 0], field[..., 1]) > 1
    field[outside] = 0
    return colour_code_flow(field, max_magnitude=1)


def _add_wheel(colours: np.ndarray) -> None:
    """Puts the legend of the colours into the lower right corner, if there is room."""
    diameter = min(colours.shape[:2]) // 5
    if diameter < 16:
        return
    margin = diameter // 8
    corner = colours[-diameter - margin : -margin, -diameter - margin : -margin]
    wheel = colour_wheel(diameter)
    disc = np.zeros((diameter, diameter), np.uint8)
    centre = (diameter - 1) * 8
    cv2.circle(disc, (centre, centre), centre, 1, -1, shift=_SUBPIXEL)
    corner[disc > 0] = wheel[disc > 0]
    cv2.circle(corner, (centre, centre), centre, (0, 0, 0), 1, cv2.LINE_AA, _SUBPIXEL)


def _draw_arrow(
    picture: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    colour: tuple[int, int, int],
    thickness: int,
    tip: float,
) -> None:
    length = max(float(np.hypot(*(end - start))), 1e-6)
    cv2.arrowedLine(
        picture,
        _fixed(start),
        _fixed(end),
        colour,
        thickness,
        cv2.LINE_AA,
        _SUBPIXEL,
        tipLength=min(tip / length, 0.6),
    )


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """Pixel places (pixel i covers [i, i + 1)) in OpenCV's fixed point (pixel i centred on i)."""
    x, y = np.rint((point - 0.5) * 2**_SUBPIXEL).astype(int).tolist()
    return x, y


def _groups(cells: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, cells, step)]


def _checked(
    frame: np.ndarray, motion: np.ndarray, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    if frame.ndim != 3 or frame.shape[-1] != 3 or frame.dtype != np.uint8:
        raise ValueError(f'expected a uint8 RGB frame (h, w, 3), got {frame.dtype} {frame.shape}')
    if motion.ndim != 3 or motion.shape[-1] != 2:
        raise ValueError(f'expected motion of shape (gh, gw, 2), got {motion.shape}')
    if valid is None:
        valid = np.ones(motion.shape[:2], bool)
    if valid.shape != motion.shape[:2]:
        raise ValueError(f'a mask {valid.shape} does not go with motion {motion.shape}')
    return motion.astype(np.float32), valid
