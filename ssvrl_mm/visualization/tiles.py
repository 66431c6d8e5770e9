"""Parts that pictures are put together of: tiles under titles, side by side, with text to read."""

from collections.abc import Sequence

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS = 0.85  # scale of the font in a band of BAND px
_SMALLEST = 0.36  # scale of letters that can still be read, 8 px high
BAND = 40  # height of a line of text in px
GAP = 8  # px between tiles

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Colour = tuple[int, int, int]


def text_width(text: str, band: int = BAND) -> int:
    """How many px wide a text is in letters that suit a band."""
    return cv2.getTextSize(text, _FONT, _LETTERS * band / BAND, 1)[0][0]


def room_for(text: str, band: int = BAND) -> int:
    """The fewest px that :func:`text_band` takes for letters that can be read."""
    scale = min(_SMALLEST, _LETTERS * band / BAND)
    # 8 px of margin, and letters shrink in steps of a twentieth.
    return -(-cv2.getTextSize(text, _FONT, scale, 1)[0][0] * 20 // 19) + 9


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
    tile: np.ndarray,
    text: str,
    band: int = BAND,
    colour: Colour = BLACK,
    ground: Colour = WHITE,
    widen: bool = False,
) -> np.ndarray:
    """A tile under its title.

    Args:
        tile: uint8 RGB ``(h, w, 3)``.
        text: See :func:`text_band`, as the following.
        band: Height of the title in px.
        colour: RGB of the letters.
        ground: RGB behind them.
        widen: Whether there is white beside a tile that is too narrow for letters that can be read;
            otherwise they get as small as it takes.

    Returns:
        uint8 RGB ``(band + h, w or more, 3)``.
    """
    if widen:
        tile = widened(tile, room_for(text, band))
    return np.vstack([text_band(text, tile.shape[1], band, colour, ground), tile])


def widened(tile: np.ndarray, width: int) -> np.ndarray:
    """A tile with white to its right up to a width; itself where it has that."""
    missing = max(width - tile.shape[1], 0)
    return np.pad(tile, ((0, 0), (0, missing), (0, 0)), constant_values=255)


def of_one_width(tiles: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Tiles as wide as the widest, so that those of several rows stand below each other."""
    width = max((tile.shape[1] for tile in tiles), default=0)
    return [widened(tile, width) for tile in tiles]


def resized(frame: np.ndarray, size: tuple[float, float], as_squares: bool = False) -> np.ndarray:
    """A frame as large as it goes into a box, its shape kept.

    Args:
        frame: uint8 ``(h, w, 3)``.
        size: px of the box, height and width; ``math.inf``: as many as it takes.
        as_squares: Whether enlarged pixels stay squares; otherwise they run into each other.

    Returns:
        uint8 ``(height, width, 3)``, 1 px at least.

    Example:
        >>> resized(np.zeros((60, 80, 3), np.uint8), (30, math.inf)).shape
        (30, 40, 3)
    """
    scale = min(wanted / there for wanted, there in zip(size, frame.shape[:2], strict=True))
    height, width = (max(round(scale * length), 1) for length in frame.shape[:2])
    how = cv2.INTER_NEAREST if as_squares else cv2.INTER_LINEAR
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else how)


def evenly(length: int, count: int | None) -> list[int]:
    """The places of some of a row of frames, in the middles of equal parts.

    Args:
        length: How many there are.
        count: How many to take; None, or more than there are: all.

    Example:
        >>> evenly(16, 4), evenly(16, 1), evenly(2, 4)
        ([2, 6, 10, 14], [8], [0, 1])
    """
    count = length if count is None else min(count, length)
    return [(2 * part + 1) * length // (2 * count) for part in range(count)]


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
