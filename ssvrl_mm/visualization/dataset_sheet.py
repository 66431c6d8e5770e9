"""Contact sheets and animations of samples of a dataset: all streams, all clips."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization.tiles import (
    evenly,
    resized,
    room_for,
    side_by_side,
    stacked,
    text_band,
    text_width,
    titled,
    widened,
)

_BAND, _SMALL = 28, 20  # heights of a title and of other lines of text in px
_GAP, _APART = 2, 12  # px between frames, and between clips
_TILES = 16  # frames in a row of a sheet, about
_NARROWEST = 320  # px of a sample, so that its title can be read


class VectorStream(NamedTuple):
    """Motion or flow.

    Attributes:
        vectors: ``(V, T, h, w, 2)``, x and y.
        unit: What they are measured in, for the title.
    """

    vectors: np.ndarray
    unit: str


class BrowsedSample(NamedTuple):
    """A sample of a dataset.

    Attributes:
        name: What it is called.
        captions: What it asks of a network, a line each.
        streams: Name -> uint8 RGB ``(V, T, h, w, 3)`` of V clips of T frames, or vectors.
    """

    name: str
    captions: Sequence[str]
    streams: Mapping[str, np.ndarray | VectorStream]


def draw_sheet(
    samples: Sequence[BrowsedSample], side: int = 96, frames: int | None = None
) -> np.ndarray:
    """Draws samples one below the other: a row for each stream, clips side by side.

    Args:
        samples: One at least.
        side: px of a frame's width.
        frames: Frames of each clip, evenly spread; None: as there is room.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: There are no samples.
    """
    blocks = []
    for sample, streams, titles in _coloured(samples):
        rows = []
        for name, clips in streams.items():
            count = frames or max(_TILES // len(clips), 1)
            shown = evenly(clips.shape[1], count)
            strips = [
                side_by_side([_fitted(clip[place], side) for place in shown], _GAP)
                for clip in clips
            ]
            rows.append(titled(_clips(strips), titles[name], _SMALL, widen=True))
        blocks.append(_under_captions(stacked(rows, _GAP), sample))
    return stacked(blocks, _APART)


def animate_sheet(samples: Sequence[BrowsedSample], side: int = 96) -> Iterator[np.ndarray]:
    """Draws samples over time: streams and clips side by side, a sample below the other.

    Streams of fewer frames wait for the others, so that all begin and end together.

    Args:
        samples: One at least.
        side: px of a frame's width.

    Yields:
        uint8 RGB, all of one size, as many as the longest clip has frames.

    Raises:
        ValueError: There are no samples.
    """
    drawn = list(_coloured(samples))
    length = max(clips.shape[1] for _, streams, _ in drawn for clips in streams.values())
    for time in range(length):
        blocks = []
        for sample, streams, titles in drawn:
            tiles = []
            for name, clips in streams.items():
                place = time * clips.shape[1] // length
                strip = _clips([_fitted(clip[place], side) for clip in clips], _GAP)
                tiles.append(titled(strip, titles[name], _SMALL, widen=True))
            blocks.append(_under_captions(side_by_side(tiles, _APART), sample))
        yield stacked(blocks, _APART)


def _coloured(
    samples: Sequence[BrowsedSample],
) -> Iterator[tuple[BrowsedSample, dict[str, np.ndarray], dict[str, str]]]:
    """Samples with pixels of all streams, and titles; vectors share a scale per stream."""
    if not samples:
        raise ValueError('there are no samples to draw')
    lengths: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        for name, stream in sample.streams.items():
            if isinstance(stream, VectorStream):
                vectors = stream.vectors[np.isfinite(stream.vectors).all(axis=-1)]
                lengths.setdefault(name, []).append(np.hypot(vectors[..., 0], vectors[..., 1]))
    longest = {
        name: float(np.quantile(np.concatenate([each.ravel() for each in found]), 0.99)) or 1.0
        for name, found in lengths.items()
    }
    for sample in samples:
        streams, titles = {}, {}
        for name, stream in sample.streams.items():
            if isinstance(stream, VectorStream):
                streams[name] = colour_code_flow(stream.vectors, longest[name])
                titles[name] = f'{_title(name, stream.vectors)}, up to {longest[name]:.2g}'
                titles[name] += f' {stream.unit}' if stream.unit else ''
            else:
                streams[name], titles[name] = stream, _title(name, stream)
        yield sample, streams, titles


def _title(name: str, clips: np.ndarray) -> str:
    views, length, height, width = clips.shape[:4]
    of_clips = f'{views} x {length}' if views > 1 else f'{length}'
    return f'{name}: {of_clips} frame{"s" * (views * length > 1)} of {width}x{height}'


def _under_captions(picture: np.ndarray, sample: BrowsedSample) -> np.ndarray:
    """A picture under the name of its sample and what it asks."""
    picture = widened(picture, max(_NARROWEST, room_for(sample.name, _BAND)))
    width = picture.shape[1]
    lines = [
        text_band(line, width, _SMALL, (60, 60, 60)) for line in _wrapped(sample.captions, width)
    ]
    return np.vstack([text_band(sample.name, width, _BAND), *lines, picture])


def _wrapped(captions: Sequence[str], width: int) -> list[str]:
    """Captions in lines, several in one as they fit."""
    lines: list[str] = []
    for caption in captions:
        together = f'{lines[-1]};  {caption}' if lines else caption
        if lines and text_width(together, _SMALL) < width - 8:
            lines[-1] = together
        else:
            lines.append(caption)
    return lines


def _clips(strips: Sequence[np.ndarray], gap: int = _APART) -> np.ndarray:
    return side_by_side(strips, gap)


def _fitted(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame of the width ``side``; single pixels stay squares where it is enlarged."""
    return resized(frame, (math.inf, side), as_squares=True)
