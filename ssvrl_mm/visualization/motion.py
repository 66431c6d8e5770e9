"""Pictures of motion: arrows over the frame, and the colour-coded field beside it."""

import cv2
import numpy as np

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.video.motion.geometry import cell_centres, cell_size
from ssvrl_mm.visualization.tiles import side_by_side, titled

_CODED, _FILLED = (255, 230, 0), (255, 255, 255)
_SUBPIXEL = 4  # OpenCV draws at multiples of 1 / 2 ** _SUBPIXEL px


def draw_motion(
    frame_rgb: np.ndarray,
    motion_grid: np.ndarray,
    valid: np.ndarray | None = None,
    step: int = 2,
    gain: float = 1.0,
    zoom: int = 1,
    shortest: float = 0.5,
) -> np.ndarray:
    """Draws motion as arrows: each ends where the content is now and starts where it came from.

    Args:
        frame_rgb: uint8 ``(h, w, 3)``.
        motion_grid: ``(gh, gw, 2)`` px/frame.
        valid: bool ``(gh, gw)``; where False, motion that the codec did not code but that was
            filled in (an I-frame's, say) gets a white arrow instead of a yellow one.
        step: one arrow for ``step`` x ``step`` cells, with their mean motion.
        gain: arrows are this many times as long as the motion.
        zoom: the picture is this many times as large as the frame.
        shortest: coded motion below this many px/frame gets a dot, other motion nothing.

    Returns:
        uint8 RGB ``(zoom * h, zoom * w, 3)``; ``frame_rgb`` is left alone.

    Raises:
        ValueError: shapes do not fit.
    """
    motion_grid, valid = _checked(frame_rgb, motion_grid, valid)
    height, width = frame_rgb.shape[:2]
    picture = cv2.resize(frame_rgb, (zoom * width, zoom * height), interpolation=cv2.INTER_CUBIC)
    # Arrows stand out against a paler frame.
    picture = cv2.addWeighted(picture, 0.75, np.full_like(picture, 255), 0.25, 0)

    x, y = np.meshgrid(
        cell_centres(width, motion_grid.shape[1]), cell_centres(height, motion_grid.shape[0])
    )
    thickness = max(1, round(zoom / 2))
    tip = 2.0 + 1.5 * zoom
    arrows = []
    for rows in _groups(motion_grid.shape[0], step):
        for cols in _groups(motion_grid.shape[1], step):
            coded = valid[rows, cols]
            shown = coded if coded.any() else np.ones_like(coded)
            vector = motion_grid[rows, cols][shown].mean(axis=0)
            end = np.array([x[rows, cols].mean(), y[rows, cols].mean()]) * zoom
            if np.hypot(*vector) >= shortest:
                colour = _CODED if coded.any() else _FILLED
                arrows.append((end - gain * zoom * vector, end, colour))
            elif coded.any():
                cv2.circle(picture, _fixed(end), 8 * zoom, (90, 90, 90), -1, cv2.LINE_AA, _SUBPIXEL)
    # All outlines first, so that none covers a neighbour's arrow.
    for start, end, _ in arrows:
        _draw_arrow(picture, start, end, (0, 0, 0), thickness + 2, tip)
    for start, end, colour in arrows:
        _draw_arrow(picture, start, end, colour, thickness, tip)
    return picture


def motion_panel(
    frame_rgb: np.ndarray,
    motion_grid: np.ndarray,
    valid: np.ndarray | None = None,
    title: str = 'frame',
    max_magnitude: float | None = None,
    zoom: int | None = None,
    **arrows: float,
) -> np.ndarray:
    """The frame, its motion as arrows and its motion in colours, side by side.

    Cells that are not valid are hatched in the coloured field, which also shows the colour wheel.

    Args:
        frame_rgb: uint8 ``(h, w, 3)``.
        motion_grid: ``(gh, gw, 2)`` px/frame.
        valid: bool ``(gh, gw)`` or None.
        title: what stands over the frame.
        max_magnitude: px/frame of the strongest colour. Defaults to the longest vector.
        zoom: how many times as large as the frame each picture is. Defaults to what makes it at
            least 400 px wide.
        **arrows: ``step``, ``gain`` and ``shortest`` of :func:`draw_motion`. The gain defaults to
            one from 1 to 4 that makes long arrows (95th percentile) span their group of cells.

    Returns:
        uint8 RGB, three pictures wide.

    Raises:
        ValueError: shapes do not fit.
    """
    motion_grid, valid = _checked(frame_rgb, motion_grid, valid)
    height, width = frame_rgb.shape[:2]
    zoom = zoom or max(1, -(-400 // width))
    length = np.hypot(motion_grid[..., 0], motion_grid[..., 1])
    if max_magnitude is None:
        max_magnitude = float(length.max()) or 1.0
    if 'gain' not in arrows:
        moving = length[length >= arrows.get('shortest', 0.5)]
        long = float(np.quantile(moving, 0.95)) if len(moving) else 1.0
        room = 1.2 * arrows.get('step', 2) * cell_size(width, motion_grid.shape[1])
        arrows['gain'] = float(np.clip(np.floor(room / long), 1, 4))

    size = (zoom * width, zoom * height)
    plain = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_CUBIC)
    drawn = draw_motion(frame_rgb, motion_grid, valid, zoom=zoom, **arrows)  # type: ignore[arg-type]
    coloured = _coloured(motion_grid, valid, max_magnitude, (height, width), zoom)
    texts = (
        title,
        f'motion, arrows x {arrows["gain"]:g}',
        f'motion, up to {max_magnitude:.2g} px/frame',
    )
    tiles = zip((plain, drawn, coloured), texts, strict=True)
    return side_by_side([titled(tile, text) for tile, text in tiles])


def colour_wheel(diameter: int) -> np.ndarray:
    """The legend of motion in colours: uint8 RGB (diameter, diameter, 3), white outside."""
    axis = (np.arange(diameter) + 0.5) * 2 / diameter - 1
    field = np.stack(np.meshgrid(axis, axis), axis=-1)
    outside = np.hypot(field[..., 0], field[..., 1]) > 1
    field[outside] = 0
    return colour_code_flow(field, max_magnitude=1)


def _coloured(
    motion: np.ndarray, valid: np.ndarray, max_magnitude: float, size: tuple[int, int], zoom: int
) -> np.ndarray:
    height, width = zoom * size[0], zoom * size[1]
    covered = (
        round(zoom * motion.shape[1] * cell_size(size[1], motion.shape[1])),
        round(zoom * motion.shape[0] * cell_size(size[0], motion.shape[0])),
    )
    colours = cv2.resize(
        colour_code_flow(motion, max_magnitude), covered, interpolation=cv2.INTER_NEAREST
    )[:height, :width].copy()
    absent = cv2.resize((~valid).view(np.uint8), covered, interpolation=cv2.INTER_NEAREST)
    rows, cols = np.indices((height, width))
    hatch = (rows + cols) // (2 * zoom) % 3 == 0
    colours[(absent[:height, :width] > 0) & hatch] = 190

    diameter = min(height, width) // 5
    if diameter >= 16:
        margin = diameter // 8
        corner = colours[-diameter - margin : -margin, -diameter - margin : -margin]
        wheel = colour_wheel(diameter)
        disc = np.zeros((diameter, diameter), np.uint8)
        centre = (diameter - 1) * 8
        cv2.circle(disc, (centre, centre), centre, 1, -1, shift=_SUBPIXEL)
        corner[disc > 0] = wheel[disc > 0]
        cv2.circle(corner, (centre, centre), centre, (0, 0, 0), 1, cv2.LINE_AA, _SUBPIXEL)
    return colours


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
