"""A frame of a compressed video beside what is read with it: vectors, motion, flow, residual."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ssvrl_mm.video import FrameBatch
from ssvrl_mm.video.motion.geometry import CELL
from ssvrl_mm.visualization.motion import (
    CODED,
    FILLED,
    colour_wheel,
    draw_colours,
    draw_motion,
    fit_frame,
)
from ssvrl_mm.visualization.tiles import (
    BLACK,
    Colour,
    side_by_side,
    stacked,
    text_band,
    text_width,
    titled,
)

#: RGB of the arrows, by where motion comes from.
ORIGIN_COLOURS: dict[str, Colour] = {
    'coded': CODED,
    'propagated': (255, 140, 0),
    'estimated': (0, 220, 255),
    'held': FILLED,
    'none': FILLED,
}
_WORDS = {
    'coded': 'coded vectors',
    'propagated': 'propagated: those of the next P-frame',
    'estimated': 'estimated from the pixels',
    'held': 'held: those of another frame',
    'none': 'no motion known',
}
_BAND = 26  # height of a line of text in px
_NARROWEST = 176  # px of a tile, so that its title can be read
_BELOW = 1 - 1e-5  # what rounding makes longer than the strongest colour would be darkened
_MOST_GAIN = 16.0
_ROOM = 18  # px from one arrow to the next, about


@dataclass(frozen=True)
class Scales:
    """What lengths and colours mean, alike for all frames of a picture.

    Attributes:
        zoom: Tiles are this many times as large as frames.
        longest: px/frame of the strongest colour; what is longer has it too.
        gain: Arrows are this many times as long as the motion.
        step: Cells, along each side, that share an arrow.
        residual_gain: Residuals are multiplied by it, and shown around grey.
    """

    zoom: float
    longest: float
    gain: float
    step: int
    residual_gain: float

    @classmethod
    def measure(
        cls, batch: FrameBatch, side: int, step: int | None = None, gain: float | None = None
    ) -> 'Scales':
        """Scales that suit some frames.

        Colours reach to the longest motion that the codec coded. What is computed on pixels is
        noise where scenes are cut, and so it counts only where no vectors were coded, by a frame
        in the middle.

        Args:
            batch: Frames with all streams but flow, which may be missing.
            side: px of the longer side of a tile.
            step: The step; None: so that arrows have room.
            gain: The gain; None: 1 to 16, so that long arrows span the way to the next.
        """
        assert batch.rgb is not None and batch.motion is not None and batch.residual is not None
        zoom = side / max(batch.rgb.shape[1:3])
        if step is None:
            step = max(round(_ROOM / (CELL * zoom)), 1)
        longest = _longest(batch)
        if gain is None:
            lengths = np.hypot(batch.motion[..., 0], batch.motion[..., 1])
            moving = np.minimum(lengths[lengths >= 0.5], longest)
            long = _quantile(moving, 0.95) if len(moving) else 1.0
            gain = float(np.clip(np.floor(1.2 * step * CELL / long), 1, _MOST_GAIN))
        # Frame 0 has no residual, and that of a cut is another scene.
        strong = _middle([abs(each) for each in batch.residual[batch.indices > 0]])
        return cls(
            zoom,
            longest,
            gain,
            step,
            float(np.clip(np.floor(100 / max(strong, 1)), 1, 8)),
        )


def draw_streams(
    batch: FrameBatch, row: int, scales: Scales, size: int = 0, flow_name: str = 'dis'
) -> np.ndarray:
    """Draws one frame: pixels, vectors as arrows, motion in colours, flow in colours, residual.

    Cells whose vector the codec did not code are hatched, and arrows there white.

    Args:
        batch: Frames with the streams 'rgb', 'motion', 'residual' and, if there is any, 'flow'.
        row: Which of them.
        scales: What lengths and colours mean.
        size: Bytes of the frame as coded.
        flow_name: Where flow comes from.

    Returns:
        uint8 RGB.
    """
    assert batch.rgb is not None and batch.residual is not None
    assert batch.motion is not None and batch.motion_valid is not None
    assert batch.motion_origin is not None
    frame, motion, valid = batch.rgb[row], batch.motion[row], batch.motion_valid[row]
    origin = str(batch.motion_origin[row])
    shape = (frame.shape[0], frame.shape[1])
    facts = f'{batch.frame_types[row]}, {decimal(size / 1000, 3)} kB'
    facts += ', lost' if batch.lost[row] else ''
    tiles = [
        (
            f'frame {batch.indices[row]}, {facts}',
            fit_frame(frame, scales.zoom),
        ),
        (
            f'vectors x {scales.gain:g}, {origin}',
            draw_motion(
                frame,
                motion,
                valid,
                scales.step,
                scales.gain,
                scales.zoom,
                colour=ORIGIN_COLOURS[origin],
            ),
        ),
        (
            # Of what is held nothing is coded, whatever it was where it comes from.
            f'motion, {100 * valid.mean():.0f} % {origin if valid.any() else "coded"}',
            draw_colours(
                _capped(motion, scales.longest), shape, scales.longest, valid, scales.zoom
            ),
        ),
    ]
    if batch.flow is None:
        tiles.append(('no flow: too small', np.full_like(tiles[0][1], 230)))
    else:
        assert batch.flow_origin is not None
        known = (
            ''
            if batch.flow_origin[row] in ('estimated', 'coded')
            else (f', {batch.flow_origin[row]}')
        )
        flow = _capped(batch.flow[row], scales.longest)
        field = draw_colours(flow, shape, scales.longest, None, scales.zoom)
        tiles.append((f'flow ({flow_name}){known}', field))
    shown = np.clip(128 + scales.residual_gain * batch.residual[row], 0, 255).astype(np.uint8)
    residual = f'residual x {scales.residual_gain:g}'
    if batch.indices[row] == 0:
        residual = 'no residual: first frame'
    tiles.append((residual, fit_frame(shown, scales.zoom)))
    return side_by_side([titled(_widened(tile), title, _BAND) for title, tile in tiles])


def draw_legend(origins: set[str], codec: str, scales: Scales, width: int) -> np.ndarray:
    """Says what the arrows' colours, hatching and the colours of the fields mean.

    Args:
        origins: Of the frames in the picture.
        codec: FFmpeg's name of the codec.
        scales: Those of the picture.
        width: px; it takes as many lines as it must.

    Returns:
        uint8 RGB.
    """
    parts: list[tuple[np.ndarray, str]] = []
    for origin, words in _WORDS.items():
        if origin in origins:
            if origin == 'estimated':
                words += f', as vectors of {codec} are not to be had'
            parts.append((_swatch(ORIGIN_COLOURS[origin]), words))
    # A propagated frame has vectors of its own, which FFmpeg keeps: what counts is the next one's.
    absent = 'no vector to take' if 'propagated' in origins else 'no vector coded'
    parts.append((_hatched(), absent))
    wheel = _swatch((255, 255, 255))
    wheel[3:-3, 1:-1] = colour_wheel(_BAND - 6)
    parts.append((wheel, f'up to {decimal(scales.longest, 2)} px/frame, longer alike'))
    lines: list[np.ndarray] = []
    for swatch, words in parts:
        entry = np.hstack([swatch, text_band(words, text_width(words, _BAND) + 20, _BAND)])
        if lines and lines[-1].shape[1] + entry.shape[1] <= width:
            lines[-1] = np.hstack([lines[-1], entry])
        else:
            lines.append(entry[:, :width])
    return stacked([*lines, np.full((1, width, 3), 255, np.uint8)], 0)


def _swatch(colour: Colour) -> np.ndarray:
    swatch = np.full((_BAND, 22, 3), 255, np.uint8)
    swatch[6:-6, 4:-4] = BLACK
    swatch[8:-8, 6:-6] = colour
    return swatch


def _hatched() -> np.ndarray:
    swatch = _swatch((255, 255, 255))
    rows, cols = np.indices((_BAND, 22))
    inside = np.zeros((_BAND, 22), bool)
    inside[8:-8, 6:-6] = True
    swatch[inside & ((rows + cols) // 2 % 3 == 0)] = 150
    return swatch


def _widened(tile: np.ndarray) -> np.ndarray:
    """A narrow tile in the middle of white, as wide as its title needs."""
    missing = max(_NARROWEST - tile.shape[1], 0)
    return np.pad(
        tile, ((0, 0), (missing // 2, missing - missing // 2), (0, 0)), constant_values=255
    )


def _longest(batch: FrameBatch) -> float:
    """The px/frame, without outliers, of the motion that frames have of their own."""
    assert batch.motion is not None and batch.motion_valid is not None
    assert batch.motion_origin is not None
    lengths = np.hypot(batch.motion[..., 0], batch.motion[..., 1])
    read = np.isin(batch.motion_origin, ('coded', 'propagated'))
    known = lengths[read][batch.motion_valid[read]]
    if known.size:
        longest = _quantile(known, 0.99)
    else:
        own = lengths[batch.motion_origin == 'estimated']
        if not len(own):
            own = lengths[batch.motion_origin == 'held']
        if not len(own) and batch.flow is not None:
            own = np.hypot(batch.flow[..., 0], batch.flow[..., 1])
        longest = _middle(own)
    # Less than half a px is as good as still, and would be coloured noise.
    return max(longest, 0.5)


def _capped(field: np.ndarray, longest: float) -> np.ndarray:
    """The field with vectors that are longer shortened to it."""
    lengths = np.hypot(field[..., 0], field[..., 1])[..., None]
    return field * np.minimum(_BELOW * longest / np.maximum(lengths, 1e-6), 1)


def decimal(value: float, digits: int) -> str:
    """A number with so many digits, at least, and never an exponent.

    Example:
        >>> decimal(1234.5, 2), decimal(2.54, 2)
        ('1234', '2.5')
    """
    return f'{value:.{digits}g}' if value < 10**digits - 0.5 else f'{value:.0f}'


def _middle(frames: Iterable[np.ndarray]) -> float:
    """The high values of a frame in the middle: 0 where there is no frame."""
    each = [_quantile(frame, 0.99) for frame in frames]
    return float(np.quantile(each, 0.5, method='lower')) if each else 0.0


def _quantile(values: np.ndarray, share: float) -> float:
    """Of some of the values, where they are millions."""
    some = values.ravel()[:: max(values.size // 2**20, 1)]
    return float(np.quantile(some, share)) if some.size else 0.0
