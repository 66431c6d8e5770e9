"""Pictures of pyramidal motion statistics: where a clip moves most, as boxes over its I-frames."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS, gop_windows
from ssvrl_mm.visualization.tiles import (
    Colour,
    side_by_side,
    stacked,
    text_band,
    text_width,
    titled,
)

#: RGB of the boxes of each grid: red 2 x 2, green 3 x 3, blue 4 x 4.
COLOURS: tuple[Colour, ...] = ((255, 30, 30), (30, 230, 30), (50, 90, 255))
_LINE = 2  # px of a box's line, for each window that says the same
_GAP = 4  # px between I-frames
_SMALL = 28  # height of the lines of text within the picture


def draw_pmsp(
    iframes: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray | None = None,
    title: str = '',
    width: int = 224,
    grids: Sequence[int] = GRIDS,
    windows: Sequence[int] = WINDOWS,
) -> np.ndarray:
    """Draws the cells with the most motion as boxes over a clip's I-frames.

    As Figures 5 to 14 of Yu et al., "Self-Supervised Learning of Compressed Video
    Representations", ICLR 2021: the I-frames side by side, a row for each temporal scale; on each
    I-frame the boxes of all windows that hold its group of pictures. A line is the thicker the more
    of these name the same cell. A finer grid's boxes stand a little further inside their cells, so
    that none hides another.

    Args:
        iframes: uint8 RGB ``(T, h, w, 3)``.
        labels: int ``(W, G)``: of each of :func:`~ssvrl_mm.motion_pyramid.gop_windows` and each
            grid the cell, row by row; -1: no motion, no box.
        predictions: The same of a network, which go to the right; None: none.
        title: What stands above.
        width: px of an I-frame in the picture.
        grids: Cells along each side of the grids, three at most.
        windows: The temporal scales.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: Shapes do not fit, or a grid has no such cell.
    """
    if iframes.ndim != 4 or iframes.shape[-1] != 3 or iframes.dtype != np.uint8:
        raise ValueError(
            f'expected uint8 I-frames (T, h, w, 3), got {iframes.dtype} {iframes.shape}'
        )
    if len(grids) > len(COLOURS):
        raise ValueError(f'there are colours for {len(COLOURS)} grids, not for {tuple(grids)}')
    spans = gop_windows(len(iframes), windows)
    for name, cells in (('labels', labels), ('predictions', predictions)):
        if cells is not None:
            _check(name, cells, len(spans), grids)
    height = round(width * iframes.shape[1] / iframes.shape[2])
    shown = [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in iframes]
    panels = [titled(_panel(shown, labels, spans, grids, windows), 'labels', _SMALL)]
    if predictions is not None:
        counted = labels >= 0
        right = int((predictions == labels)[counted].sum())
        heading = f'predictions, {right} of {int(counted.sum())} right'
        panels.append(titled(_panel(shown, predictions, spans, grids, windows), heading, _SMALL))
    picture = stacked([_legend(grids), side_by_side(panels, 4 * _GAP)], 0)
    return titled(picture, title) if title else picture


def _panel(
    frames: Sequence[np.ndarray],
    cells: np.ndarray,
    spans: Sequence[slice],
    grids: Sequence[int],
    windows: Sequence[int],
) -> np.ndarray:
    """A row of I-frames with boxes for each temporal scale."""
    rows, first = [], 0
    for scale in windows:
        of_scale = range(first, first + scale)
        first += scale
        tiles = []
        for number, frame in enumerate(frames):
            seen = [w for w in of_scale if spans[w].start <= number < spans[w].stop]
            tiles.append(_boxes(frame, cells[seen], grids))
        rows.append(titled(side_by_side(tiles, _GAP), f't = {scale}', _SMALL))
    return stacked(rows, 0)


def _boxes(frame: np.ndarray, cells: np.ndarray, grids: Sequence[int]) -> np.ndarray:
    """A frame with the boxes that some windows (rows of ``cells``) put on it."""
    picture = frame.copy()
    for place, grid in enumerate(grids):
        named = Counter(cells[:, place].tolist())
        for cell, count in named.items():
            if cell >= 0:
                line, inset = count * _LINE, place * _LINE
                _box(picture, divmod(cell, grid), grid, inset, line, COLOURS[place])
    if (cells < 0).all():
        picture[: _SMALL // 2 + 8] = text_band('no motion', picture.shape[1], _SMALL // 2 + 8)
    return picture


def _box(
    picture: np.ndarray, cell: tuple[int, int], grid: int, inset: int, line: int, colour: Colour
) -> None:
    """Draws the inner edge of a cell, (row, column), ``inset`` px inside it."""
    (top, bottom), (left, right) = (
        (round(place * size / grid) + inset, round((place + 1) * size / grid) - inset)
        for place, size in zip(cell, picture.shape, strict=False)
    )
    inner = picture[top + line : bottom - line, left + line : right - line].copy()
    picture[top:bottom, left:right] = colour
    picture[top + line : bottom - line, left + line : right - line] = inner


def _legend(grids: Sequence[int]) -> np.ndarray:
    """What the colours stand for."""
    bands = []
    for grid, colour in zip(grids, COLOURS, strict=False):
        text = f'{grid} x {grid}'
        band = text_band(text, text_width(text, _SMALL) + 24, _SMALL)
        sample = np.full((_SMALL, _SMALL, 3), 255, np.uint8)
        sample[6:-6, 6:-6] = colour
        bands.append(np.hstack([sample, band]))
    return side_by_side(bands, 0)


def _check(name: str, cells: np.ndarray, count: int, grids: Sequence[int]) -> None:
    if cells.shape != (count, len(grids)):
        raise ValueError(f'expected {name} of shape {(count, len(grids))}, got {cells.shape}')
    most = np.square(grids)
    if (cells < -1).any() or (cells >= most).any():
        raise ValueError(f'{name} name cells that grids of {tuple(grids)} do not have')
