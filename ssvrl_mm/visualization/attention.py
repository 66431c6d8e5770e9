"""Pictures of where networks look: maps over the frames of clips, a row for each network."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ssvrl_mm.visualization.tiles import (
    of_one_width,
    resized,
    room_for,
    side_by_side,
    stacked,
    text_band,
    titled,
)

_BAND = 24  # height of captions in px
_GAP = 2  # px between frames
_BLOCK = 16  # px between videos
_SHARE = 0.5  # of the map's colour in what is drawn
_NOTE = 'each row by itself, from its lowest value in the frames shown to its highest'
_PLAIN = 127  # grey below maps that no picture belongs to


class AttentionRow(NamedTuple):
    """What one network makes of some frames of a clip.

    Attributes:
        title: Which network.
        frames: uint8 RGB ``(F, h, w, 3)``, as it sees them.
        maps: ``(F, h, w)``, from 0 to 1.
        of_frames: Whether maps are of the time of the frames; others are drawn on plain grey.
    """

    title: str
    frames: np.ndarray
    maps: np.ndarray
    of_frames: bool = True


def overlay(frames: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Frames in grey under the colours of maps: from blue (0) over green to red (1).

    Args:
        frames: uint8 RGB ``(F, h, w, 3)``.
        maps: ``(F, h, w)``, from 0 to 1.

    Returns:
        uint8 RGB ``(F, h, w, 3)``.
    """
    grey = frames.mean(axis=-1, keepdims=True)
    return np.rint(_SHARE * _coloured(maps) + (1 - _SHARE) * grey).astype(np.uint8)


def draw_attention(
    videos: Sequence[tuple[str, Sequence[AttentionRow]]], side: int = 112
) -> np.ndarray:
    """Draws frames of videos, and below them where networks look, a row each.

    As Figure 4 of Huo et al., "Compressed Video Contrastive Learning", NeurIPS 2021, where there is
    one frame of each: then videos are side by side.

    Args:
        videos: What each is called, and its rows; the frames of the first are drawn plainly.
        side: Height of a frame in px.

    Returns:
        uint8 RGB.
    """
    blocks = []
    for name, rows in videos:
        strips = [_strip(rows[0].frames, name, side)]
        strips += [_strip(_drawn(row), _titled(row), side) for row in rows]
        blocks.append(stacked(strips, _GAP))
    of_one_frame = all(len(row.frames) == 1 for _, rows in videos for row in rows)
    return _with_legend((side_by_side if of_one_frame else stacked)(blocks, _BLOCK))


def play_attention(
    videos: Sequence[tuple[str, Sequence[AttentionRow]]], side: int = 112
) -> Iterator[np.ndarray]:
    """The same as an animation: a row for each video, in which the clip and its maps play.

    Clips of fewer frames go slower, so that all begin and end together.

    Args:
        videos: See :func:`draw_attention`.
        side: Height of a frame in px.

    Yields:
        uint8 RGB, as many as the longest clip has frames.
    """
    shown = []
    for name, rows in videos:
        shown.append((name, rows[0].frames))
        shown += [(_titled(row), _drawn(row)) for row in rows]
    columns = 1 + len(videos[0][1])
    length = max(len(frames) for _, frames in shown)
    for time in range(length):
        tiles = [_tile(frames[time * len(frames) // length], name, side) for name, frames in shown]
        tiles = of_one_width(tiles)
        lines = [
            side_by_side(tiles[start : start + columns], _GAP)
            for start in range(0, len(tiles), columns)
        ]
        yield _with_legend(stacked(lines, _GAP))


def _drawn(row: AttentionRow) -> np.ndarray:
    frames = row.frames if row.of_frames else np.full_like(row.frames, _PLAIN)
    return overlay(frames, row.maps)


def _titled(row: AttentionRow) -> str:
    """The title, which says it where there is nothing to see."""
    return row.title if row.maps.any() else f'{row.title} - the same everywhere'


def _tile(frame: np.ndarray, name: str, side: int) -> np.ndarray:
    return _strip(frame[None], name, side)


def _strip(frames: np.ndarray, title: str, side: int) -> np.ndarray:
    strip = side_by_side([resized(frame, (side, math.inf)) for frame in frames], _GAP)
    return titled(strip, title, _BAND, widen=True)


def _coloured(maps: np.ndarray) -> np.ndarray:
    """uint8 RGB (..., 3) of values from 0 to 1."""
    levels = np.rint(np.clip(maps, 0, 1) * 255).astype(np.uint8)
    levels_of_grey = np.arange(256, dtype=np.uint8)[None]
    table = cv2.applyColorMap(levels_of_grey, cv2.COLORMAP_TURBO)[0, :, ::-1]
    return table[levels]


def _with_legend(picture: np.ndarray) -> np.ndarray:
    """A picture above the scale of its colours."""
    bar = np.repeat(_coloured(np.linspace(0, 1, 64))[None], _BAND - 8, axis=0)
    bar = np.pad(bar, ((4, 4), (4, 4), (0, 0)), constant_values=255)
    note = text_band(_NOTE, max(picture.shape[1] - bar.shape[1], room_for(_NOTE, _BAND)), _BAND)
    return stacked([picture, side_by_side([bar, note], 0)], _GAP)
