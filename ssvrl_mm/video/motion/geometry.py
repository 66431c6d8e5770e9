"""Geometry of motion: a grid when its frame is cropped, scaled, mirrored or turned.

A motion grid has the shape ``(..., gh, gw, 2)`` and holds ``(dx, dy)`` in pixels of the frame it
belongs to. Which part of the frame a cell covers follows from the two sizes alone, see
:func:`cell_size`; dense fields ``(..., h, w, 2)`` are grids with cells of one pixel, so that
everything here serves them too. Flow on cells of another number of px, such as 2, says so by the
argument ``cell``: its last cells overhang frames that it does not divide.

All functions are pure, keep the dtype and work on any number of leading dimensions.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

#: Side of a cell in pixels: no codec exports finer partitions than 8x8.
CELL = 8

Size = tuple[int, int]
Box = tuple[float, float, float, float]


def grid_size(size: Size, cell: int = CELL) -> Size:
    """The grid ``(gh, gw)`` that covers a frame of ``size = (h, w)`` with cells of ``cell`` px."""
    return -(-size[0] // cell), -(-size[1] // cell)


def cell_size(length: int, cells: int) -> float:
    """The side of a cell in pixels, along one axis of the frame.

    A grid of ``ceil(length / 8)`` cells has cells of 8 px, the last of which may overhang the
    frame; any other number of cells divides the frame evenly.

    Example:
        >>> cell_size(100, 13), cell_size(171, 40), cell_size(100, 100)
        (8.0, 4.275, 1.0)
    """
    return float(CELL) if cells == -(-length // CELL) else length / cells


def cell_centres(length: int, cells: int, cell: float | None = None) -> np.ndarray:
    """The centres of the cells' visible parts in pixels, along one axis: float64 ``(cells,)``.

    Pixel ``i`` covers ``[i, i + 1)``. ``cell`` is as in :func:`crop_resize_motion`.
    """
    edges = np.minimum(np.arange(cells + 1) * (cell or cell_size(length, cells)), length)
    return (edges[:-1] + edges[1:]) / 2


def crop_resize_motion(
    motion: np.ndarray,
    valid: np.ndarray | None,
    box: Box,
    source_size: Size,
    out_size: Size,
    out_grid: Size | None = None,
    cell: float | None = None,
    out_cell: float | None = None,
    bilinear: bool = False,
    scale_vectors: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Motion of the frame that shows ``box`` of the source, scaled to ``out_size``.

    Every cell of the new grid takes the cell of the old grid that its centre falls on; vectors are
    scaled by ``out_size / box``. Cells outside the source are zero and not valid.

    Args:
        motion: ``(..., gh, gw, 2)``, px of the source frame.
        valid: bool ``(..., gh, gw)`` or None.
        box: ``(x1, y1, x2, y2)`` in px of the source frame, fractions allowed. ``x2 < x1`` mirrors
            horizontally, ``y2 < y1`` vertically.
        source_size: ``(h, w)`` of the frame that ``motion`` belongs to.
        out_size: ``(h, w)`` of the new frame.
        out_grid: ``(gh, gw)`` of the new grid. Defaults to cells of 8x8 px.
        cell: px of the source frame per cell. Defaults to what :func:`cell_size` says.
        out_cell: px of the new frame per cell of the new grid, the same.
        bilinear: Whether a new cell takes the mean of the vectors of the four pixels of the box
            around its centre, weighted as ``cv2.resize`` does, each of them that of its cell. The
            mask stays that of the cell under the centre.
        scale_vectors: False leaves vectors in px of the source frame; they are still mirrored.

    Returns:
        The motion ``(..., *out_grid, 2)``, px of the new frame, and the mask, None without one.

    Raises:
        ValueError: shapes do not fit, or the box is empty.

    Example:
        >>> motion = np.ones((32, 30, 40, 2), np.float32)
        >>> centre, _ = crop_resize_motion(motion, None, (40, 0, 280, 240), (240, 320), (112, 112))
        >>> centre.shape
        (32, 14, 14, 2)
    """
    _check(motion, valid)
    x1, y1, x2, y2 = box
    if x1 == x2 or y1 == y2:
        raise ValueError(f'the box {box} is empty')
    if min(*source_size, *out_size) < 1:
        raise ValueError(f'frames of {source_size} and {out_size} px (h, w) cannot be')
    grid_h, grid_w = grid_size(out_size) if out_grid is None else out_grid
    new_rows, new_cols = (
        cell_centres(length, cells, out_cell)
        for length, cells in zip(out_size, (grid_h, grid_w), strict=True)
    )
    down = y1 + new_rows * ((y2 - y1) / out_size[0])
    across = x1 + new_cols * ((x2 - x1) / out_size[1])
    rows, row_inside = _source_cells(down, motion.shape[-3], source_size[0], cell)
    cols, col_inside = _source_cells(across, motion.shape[-2], source_size[1], cell)
    inside = row_inside[:, None] & col_inside

    scale = np.array([out_size[1] / (x2 - x1), out_size[0] / (y2 - y1)], motion.dtype)
    if not scale_vectors:
        scale = np.sign(scale)
    if bilinear:
        out = _between_pixels(motion, -3, down, (y1, y2), source_size[0], cell)
        out = _between_pixels(out, -2, across, (x1, x2), source_size[1], cell)
    else:
        out = motion.take(rows, axis=-3).take(cols, axis=-2)
    # Row by row: vector by vector is several times slower.
    whole_rows = out.reshape(*out.shape[:-2], 2 * grid_w)
    whole_rows *= np.tile(scale, grid_w)
    if valid is not None:
        valid = valid.take(rows, axis=-2).take(cols, axis=-1)
    if not inside.all():
        out[..., ~inside, :] = 0
        if valid is not None:
            valid &= inside
    return out, valid


def crop_motion(
    motion: np.ndarray, valid: np.ndarray | None, box: Box, size: Size
) -> tuple[np.ndarray, np.ndarray | None]:
    """Motion of the part ``box = (x1, y1, x2, y2)`` px of a frame of ``size``, on cells of 8 px.

    Where the box does not start on a multiple of 8, cells are resampled at the new centres.
    """
    x1, y1, x2, y2 = box
    out_size = (round(abs(y2 - y1)), round(abs(x2 - x1)))
    return crop_resize_motion(motion, valid, box, size, out_size)


def resize_motion(
    motion: np.ndarray,
    valid: np.ndarray | None,
    size: Size,
    out_size: Size,
    out_grid: Size | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Motion of a frame of ``size`` that is scaled to ``out_size``, both ``(h, w)``.

    Vectors are scaled by ``out_size / size``. See :func:`crop_resize_motion`.
    """
    return crop_resize_motion(motion, valid, (0, 0, size[1], size[0]), size, out_size, out_grid)


def flip_motion(
    motion: np.ndarray,
    size: Size | None = None,
    direction: str = 'horizontal',
    cell: float | None = None,
) -> np.ndarray:
    """Motion of the mirrored frame: the grid is reversed and dx (or dy) negated.

    Args:
        motion: ``(..., gh, gw, 2)``.
        size: ``(h, w)`` of the frame in px. Needed where cells overhang it: they stay on the right
            and at the bottom, so the content shifts against the grid. Defaults to no overhang.
        direction: 'horizontal', 'vertical' or 'diagonal' (both).
        cell: px per cell, as in :func:`crop_resize_motion`.

    Returns:
        ``(..., gh, gw, 2)``.
    """
    _check(motion, None)
    h, w = size = size or _full_size(motion.shape[-3:-1], cell)
    box = {
        'horizontal': (w, 0, 0, h),
        'vertical': (0, h, w, 0),
        'diagonal': (w, h, 0, 0),
    }.get(direction)
    if box is None:
        raise ValueError(f"direction must be 'horizontal', 'vertical' or 'diagonal': {direction!r}")
    return crop_resize_motion(motion, None, box, size, size, motion.shape[-3:-1], cell, cell)[0]


def flip_valid(
    valid: np.ndarray,
    size: Size | None = None,
    direction: str = 'horizontal',
    cell: float | None = None,
) -> np.ndarray:
    """The mask ``(..., gh, gw)`` that goes with :func:`flip_motion`."""
    return flip_motion(_as_motion(valid), size, direction, cell)[..., 0] != 0


def rotate_motion(
    motion: np.ndarray,
    quarter_turns: int,
    size: Size | None = None,
    cell: float | None = None,
) -> np.ndarray:
    """Motion of the frame turned by ``np.rot90(frame, quarter_turns)``, anticlockwise.

    Args:
        motion: ``(..., gh, gw, 2)``.
        quarter_turns: number of quarter turns, any integer.
        size: ``(h, w)`` of the frame before turning, in px. Defaults to no overhang.
        cell: px per cell, as in :func:`crop_resize_motion`.

    Returns:
        ``(..., gh, gw, 2)``, or ``(..., gw, gh, 2)`` after an odd number of turns.
    """
    _check(motion, None)
    h, w = size or _full_size(motion.shape[-3:-1], cell)
    turns = quarter_turns % 4
    if turns == 0:
        return motion.copy()
    if turns == 2:
        return flip_motion(motion, (h, w), 'diagonal', cell)
    # A quarter turn is a transposition followed by a reflection.
    transposed = motion.swapaxes(-3, -2)[..., ::-1]
    return flip_motion(transposed, (w, h), 'vertical' if turns == 1 else 'horizontal', cell)


def rotate_valid(
    valid: np.ndarray,
    quarter_turns: int,
    size: Size | None = None,
    cell: float | None = None,
) -> np.ndarray:
    """The mask ``(..., gh, gw)`` that goes with :func:`rotate_motion`."""
    return rotate_motion(_as_motion(valid), quarter_turns, size, cell)[..., 0] != 0


def rotate_vectors(motion: np.ndarray, angle: float) -> np.ndarray:
    """Turns every vector by ``angle`` radians and leaves it in its place.

    Anticlockwise as seen on the screen, so ``pi / 2`` turns as :func:`rotate_motion` does with one
    quarter turn. This is the flow rotation augmentation of MSCL (Motion Sensitive Contrastive
    Learning, Sec. 3.3).

    Args:
        motion: ``(..., 2)``.
        angle: radians.

    Returns:
        ``(..., 2)``; lengths are unchanged.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    return motion @ np.array([[cos, -sin], [sin, cos]], motion.dtype)


def accumulate_motion(
    motion: np.ndarray,
    iframes: Sequence[bool] | np.ndarray,
    valid: np.ndarray | None = None,
    size: Size | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Motion since the last I-frame instead of since the previous frame.

    CoViAR (Compressed Video Action Recognition, Wu et al. 2018, Sec. 3) traces every pixel back
    frame by frame: ``accumulated_t(p) = motion_t(p) + accumulated_{t-1}(p - motion_t(p))``. Here
    this is done for the cells, reading linearly between them, which comes closer to the mean of
    CoViAR's pixels over a cell than tracing the cell's centre does.

    Args:
        motion: ``(T, gh, gw, 2)`` px/frame of T consecutive frames.
        iframes: bool ``(T,)``; the accumulation restarts at these, where it is zero. Before the
            first one, motion accumulates from the frame before the clip.
        valid: bool ``(T, gh, gw)`` or None.
        size: ``(h, w)`` of the frame in px. Defaults to cells of 8 px.

    Returns:
        The accumulated motion ``(T, gh, gw, 2)`` in px, and the mask: True where the nearest cells
        on the way back were all valid, all over an I-frame; None without ``valid``.

    Raises:
        ValueError: shapes do not fit.
    """
    _check(motion, valid)
    if motion.ndim != 4 or len(iframes) != len(motion):
        raise ValueError(
            f'expected motion (T, gh, gw, 2) and T flags, got {motion.shape} and {len(iframes)}'
        )
    out = np.empty(motion.shape, np.float32)
    coded = None if valid is None else np.empty(valid.shape, bool)
    accumulator = MotionAccumulator(size or _full_size(motion.shape[1:3]))
    everywhere = np.ones(motion.shape[1:3], bool)
    for t, iframe in enumerate(iframes):
        if iframe:
            accumulator.restart(motion.shape[1:])
        else:
            accumulator.add(motion[t], everywhere if valid is None else valid[t])
        out[t] = accumulator.motion
        if coded is not None:
            coded[t] = accumulator.valid
    return out.astype(motion.dtype, copy=False), coded


class MotionAccumulator:
    """Adds up motion frame by frame, as :func:`accumulate_motion` does for a whole clip.

    Args:
        size: ``(h, w)`` of the frames in px.

    Attributes:
        motion: float32 ``(gh, gw, 2)`` px since the start.
        valid: bool ``(gh, gw)``, whether all nearest cells on the way back were valid.
    """

    motion: np.ndarray
    valid: np.ndarray

    def __init__(self, size: Size) -> None:
        self._size = size
        self._starts = True

    def restart(self, shape: tuple[int, ...]) -> None:
        """Starts from here, with no motion: ``shape = (gh, gw, 2)``, valid all over."""
        self.motion = np.zeros(shape, np.float32)
        self.valid = np.ones(shape[:2], bool)

    def add(self, motion: np.ndarray, valid: np.ndarray) -> None:
        """Adds the next frame's motion ``(gh, gw, 2)`` px; the first one starts from its past."""
        total = motion.astype(np.float32)
        if self._starts:
            self.motion, self.valid, self._starts = total, valid.copy(), False
            return
        grid_h, grid_w = motion.shape[:2]
        cell = [cell_size(self._size[1], grid_w), cell_size(self._size[0], grid_h)]
        there = cell_places(grid_h, grid_w) - total / np.array(cell, np.float32)
        border = cv2.BORDER_REPLICATE
        self.motion = total + cv2.remap(
            self.motion, there, None, cv2.INTER_LINEAR, borderMode=border
        )
        before = self.valid.view(np.uint8)
        before = cv2.remap(before, there, None, cv2.INTER_NEAREST, borderMode=border)
        self.valid = valid & before.view(bool)


@lru_cache(maxsize=4)
def cell_places(grid_h: int, grid_w: int) -> np.ndarray:
    """Column and row of each cell: read-only float32 ``(gh, gw, 2)``."""
    places = np.stack(np.meshgrid(np.arange(grid_w), np.arange(grid_h)), -1).astype(np.float32)
    places.setflags(write=False)
    return places


def spread(grid: np.ndarray, size: Size) -> np.ndarray:
    """Every pixel's cell: ``(T, h, w, ...)`` of ``(T, gh, gw, ...)`` with cells of 8x8 px."""
    return grid.repeat(CELL, axis=1).repeat(CELL, axis=2)[:, : size[0], : size[1]]


def _source_cells(
    places: np.ndarray, cells: int, length: int, cell: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which cell each place falls on, along one axis, and whether it is in the frame."""
    index = np.floor(places / (cell or cell_size(length, cells))).astype(np.intp)
    return index.clip(0, cells - 1), (places >= 0) & (places < length)


def _between_pixels(
    motion: np.ndarray,
    axis: int,
    places: np.ndarray,
    ends: tuple[float, float],
    length: int,
    cell: float | None,
) -> np.ndarray:
    """The linear interpolation, along one axis, between the centres of pixels within the ends."""
    below = np.floor(places - 0.5) + 0.5
    first, last = min(ends) + 0.5, max(ends) - 0.5
    sides = [
        motion.take(
            _source_cells(centres.clip(first, last), motion.shape[axis], length, cell)[0], axis
        )
        for centres in (below, below + 1)
    ]
    share = (places - below).astype(motion.dtype).reshape(-1, *[1] * (-axis - 1))
    return sides[0] + share * (sides[1] - sides[0])


def _full_size(grid: tuple[int, ...], cell: float | None = None) -> Size:
    cell = cell or CELL
    return round(grid[0] * cell), round(grid[1] * cell)


def _as_motion(valid: np.ndarray) -> np.ndarray:
    """A mask as a field: a flag in both components survives their exchange and change of sign."""
    return np.repeat(np.asarray(valid, bool)[..., None].view(np.int8), 2, axis=-1)


def _check(motion: np.ndarray, valid: np.ndarray | None) -> None:
    if motion.ndim < 3 or motion.shape[-1] != 2 or 0 in motion.shape[-3:-1]:
        raise ValueError(f'expected motion of shape (..., gh, gw, 2), got {motion.shape}')
    if valid is not None and valid.shape != motion.shape[:-1]:
        raise ValueError(f'a mask {valid.shape} does not go with motion {motion.shape}')
