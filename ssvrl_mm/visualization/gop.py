"""The strip of the GOP structure: a bar for each frame, as high as its bits, coloured by type."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from ssvrl_mm.visualization.tiles import BLACK, WHITE, Colour, side_by_side, text_band, text_width

#: RGB of the bars of I-, P- and B-frames, and of frames whose type nothing has told.
TYPE_COLOURS: dict[str, Colour] = {
    'I': (213, 94, 0),
    'P': (0, 114, 178),
    'B': (0, 158, 115),
    '?': (150, 150, 150),
}
#: px: heights of the line of words, of the highest bar, of the letters and of the marks.
BAND, PLOT, LETTERS, MARKS = 24, 72, 16, 28
_SHADE: Colour = (255, 236, 150)
_LETTER = 9  # px of a column, at least, that its frame's letter stands under


class GOPStrip:
    """The coded structure of some frames of a video in a row.

    Bars share one scale, from 0 to the most bits. Where frames are more than px, bars lie behind
    one another, the lowest in front.

    Args:
        types: str ``(N,)``: 'I', 'P', 'B' or '?'.
        sizes: ``(N,)`` bytes.
        width: px of the strip.
        first: The number of the first frame.

    Raises:
        ValueError: There are no frames, or not as many types as sizes.

    Example:
        >>> strip = GOPStrip(['I', 'P', 'P'], [900, 200, 100], width=96)
        >>> strip.draw(marked=[1]).shape
        (140, 96, 3)
    """

    def __init__(
        self, types: Sequence[str], sizes: Sequence[int], width: int, first: int = 0
    ) -> None:
        if not len(types) or len(types) != len(sizes):
            raise ValueError(f'expected as many types as sizes, got {len(types)} and {len(sizes)}')
        self._types = [str(kind) for kind in types]
        self._bits = 8 * np.asarray(sizes, np.int64)
        self._width = width
        self._first = first
        self._heading = self._legend()

    def column(self, number: int) -> tuple[int, int]:
        """The px, from the first to one after the last, of a frame's bar."""
        place, count = number - self._first, len(self._types)
        left, right = place * self._width // count, (place + 1) * self._width // count
        right -= right - left >= 4  # room between bars
        return min(left, self._width - 1), max(right, min(left, self._width - 1) + 1)

    def height(self, number: int) -> int:
        """The px of a frame's bar."""
        share = self._bits[number - self._first] / max(self._bits.max(), 1)
        return int(np.ceil(share * PLOT))

    def draw(self, marked: Sequence[int] = ()) -> np.ndarray:
        """Draws the strip.

        Args:
            marked: Numbers of frames to point at; others than those shown are left out.

        Returns:
            uint8 RGB ``(BAND + PLOT + LETTERS + MARKS, width, 3)``.
        """
        last = self._first + len(self._types) - 1
        marked = [number for number in marked if self._first <= number <= last]
        plot = np.full((PLOT, self._width, 3), 255, np.uint8)
        letters = np.full((LETTERS, self._width, 3), 255, np.uint8)
        for number in marked:
            plot[:, slice(*self.column(number))] = _SHADE
        plot[-1] = 200
        for place in np.argsort(-self._bits, kind='stable').tolist():
            number, kind = self._first + place, self._types[place]
            left, right = self.column(number)
            plot[PLOT - self.height(number) :, left:right] = TYPE_COLOURS[kind]
            if right - left >= _LETTER:
                letter = text_band(kind, right - left + 8, LETTERS, TYPE_COLOURS[kind])
                middle = max((right - left - text_width(kind, LETTERS)) // 2, 0)
                letters[:, left + middle : right] = letter[:, 4 : 4 + right - left - middle]
        return np.vstack([self._heading, plot, letters, self._marks(marked)])

    def _marks(self, marked: Sequence[int]) -> np.ndarray:
        """Triangles that point at bars, and numbers beneath where there is room."""
        picture = np.full((MARKS, self._width, 3), 255, np.uint8)
        free = 0
        for number in sorted(marked):
            left, right = self.column(number)
            # Whole at either edge.
            middle = min(max((left + right - 1) // 2, 6), self._width - 7)
            tip = np.array([[middle, 0], [middle - 5, 9], [middle + 5, 9]], np.int32)
            cv2.fillPoly(picture, [tip], BLACK, cv2.LINE_AA)
            wide = text_width(str(number), 18) + 8
            start = min(max(middle - wide // 2, 0), self._width - wide)
            if start >= free:
                picture[10:28, start : start + wide] = text_band(str(number), wide, 18)
                free = start + wide
        return picture

    def _legend(self) -> np.ndarray:
        """What the colours mean, how often I-frames come, and how high the highest bar is."""
        parts = []
        for kind, colour in TYPE_COLOURS.items():
            count = self._types.count(kind)
            if count:
                words = f'{kind} {count}' if kind != '?' else f'not read {count}'
                swatch = np.full((BAND, 14, 3), WHITE, np.uint8)
                swatch[6:-6, 2:] = colour
                parts += [swatch, text_band(words, text_width(words, BAND) + 14, BAND)]
        last = self._first + len(self._types) - 1
        words = f'frames {self._first} to {last}' if last > self._first else f'frame {last}'
        words += f', {self._spacing()}, bits per frame, up to {_bits(int(self._bits.max()))}'
        row = side_by_side(parts, 0)
        left = self._width - row.shape[1]
        if left < 80:
            return text_band(words, self._width, BAND)
        return np.hstack([row, text_band(words, left, BAND)])

    def _spacing(self) -> str:
        places = [place for place, kind in enumerate(self._types) if kind == 'I']
        gaps = sorted({after - before for before, after in pairwise(places)})
        if not gaps:
            return 'one I-frame' if places else 'no I-frame'
        if len(gaps) == 1:
            return f'an I-frame every {gaps[0]}' if gaps[0] > 1 else 'I-frames only'
        return f'an I-frame every {gaps[0]} to {gaps[-1]}'


def _bits(count: int) -> str:
    for unit, size in (('Mbit', 10**6), ('kbit', 10**3)):
        if count >= size:
            return f'{count / size:.3g} {unit}'
    return f'{count} bit'
