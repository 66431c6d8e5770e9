"""Parts that pictures are put together of: tiles under titles, side by side, with text to read."""

from collections.abc import Sequence

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS = 0.85  # scale of the font in a band of BAND px
BAND = 40  # height of a line of text in px
GAP = 8  # px between tiles

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Colour = tuple[int, int, int]


def text_width(text: str, band: int = BAND) -> int:
    """How many px wide a text is in letters that suit a band."""
    return cv2.getTextSize(text, _FONT, _LETTERS * band / BAND, 1)[0][0]


def text_band(
    text: str, width: int, band: int = BAND, colour: Colour = BLACK, ground: Colour = WHITE
) -> np.ndarray:
    """A line of text, in letters that are easily read or as large as there is room.

    Args:
        text: What to write.
        width: Of the picture in px.
        band: Its height in px, which the letters suit.
        colour: RGB of the letters.
        ground: RGB behind them.

    Returns:
        uint8 RGB ``(band, width, 3)``.
    """
    picture = np.full((band, width, 3), ground, np.uint8)
    scale = _LETTERS * band / BAND
    while scale > 0.1 and cv2.getTextSize(text, _FONT, scale, 1)[0][0] > width - 8:
        # Letters do not shrink evenly: their px are whole.
        scale *= 0.95
    place = (4, round(band * 0.675))
    cv2.putText(picture, text, place, _FONT, scale, colour, 1, cv2.LINE_AA)
    return picture


def titled(
    tile: np.ndarray, text: str, band: int = BAND, colour: Colour = BLACK, ground: Colour = WHITE
) -> np.ndarray:
    """A tile under its title, see :func:`text_band`."""
    return np.vstack([text_band(text, tile.shape[1], band, colour, ground), tile])


def side_by_side(tiles: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Tiles in a row, their upper edges level; white between and below them."""
    return _joined(tiles, gap, axis=1)


def stacked(tiles: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Tiles in a column, their left edges level; white between and beside them."""
    return _joined(tiles, gap, axis=0)


def framed(tile: np.ndarray, colour: Colour, line: int) -> np.ndarray:
    """A tile with a frame of ``line`` px around it."""
    around = [(line, line), (line, line)]
    return np.stack(
        [np.pad(tile[..., i], around, constant_values=colour[i]) for i in range(3)], axis=-1
    )


def _joined(tiles: Sequence[np.ndarray], gap: int, axis: int) -> np.ndarray:
    across = 1 - axis
    size = max(tile.shape[across] for tile in tiles)
    parts: list[np.ndarray] = []
    for tile in tiles:
        missing = [(0, 0), (0, 0), (0, 0)]
        missing[across] = (0, size - tile.shape[across])
        if parts and gap:
            shape = [3, 3, 3]
            shape[axis], shape[across] = gap, size
            parts.append(np.full(shape, 255, np.uint8))
        parts.append(np.pad(tile, missing, constant_values=255))
    return np.concatenate(parts, axis=axis)
