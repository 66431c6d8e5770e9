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
_NAMED = 4  # clips, at most, that a title names
_EDGE = 200  # grey
_ALMOST = 1 - 1e-4  # of a limit: what was divided and multiplied again


class VectorStream(NamedTuple):
    """Motion or flow.

    Attributes:
        vectors: ``(V, T, h, w, 2)``, x and y.
        unit: What they are measured in, for the title.
        clip: What x and y were limited to, in that unit; None: to nothing.
    """

    vectors: np.ndarray
    unit: str
    clip: float | None = None


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
    for sample, streams in _coloured(samples):
        rows = []
        for clips, title, edged in streams:
            count = frames or max(_TILES // len(clips), 1)
            shown = evenly(clips.shape[1], count)
            strips = [
                side_by_side([_fitted(clip[place], side, edged) for place in shown], _GAP)
                for clip in clips
            ]
            rows.append(titled(_clips(strips), title, _SMALL, widen=True))
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
    length = max(stream.clips.shape[1] for _, streams in drawn for stream in streams)
    for time in range(length):
        blocks = []
        for sample, streams in drawn:
            tiles = []
            for clips, title, edged in streams:
                place = time * clips.shape[1] // length
                strip = _clips([_fitted(clip[place], side, edged) for clip in clips], _GAP)
                tiles.append(titled(strip, title, _SMALL, widen=True))
            blocks.append(_under_captions(side_by_side(tiles, _APART), sample))
        yield stacked(blocks, _APART)


class _Stream(NamedTuple):
    """A stream as it is drawn.

    Attributes:
        clips: uint8 RGB ``(V, T, h, w, 3)``.
        title: What it is.
        edged: Whether it is drawn with an edge: what does not move is as white as the paper.
    """

    clips: np.ndarray
    title: str
    edged: bool


def _coloured(
    samples: Sequence[BrowsedSample],
) -> Iterator[tuple[BrowsedSample, list[_Stream]]]:
    """Samples with pixels of all streams; vectors share a scale per stream."""
    if not samples:
        raise ValueError('there are no samples to draw')
    found: dict[str, list[VectorStream]] = {}
    for sample in samples:
        for name, stream in sample.streams.items():
            if isinstance(stream, VectorStream):
                found.setdefault(name, []).append(stream)
    longest = {name: _longest(streams) for name, streams in found.items()}
    scales = {name: _scale(streams, longest[name]) for name, streams in found.items()}
    for sample in samples:
        drawn = []
        for name, stream in sample.streams.items():
            if isinstance(stream, VectorStream):
                colours = colour_code_flow(stream.vectors, longest[name])
                drawn.append(_Stream(colours, _title(name, colours) + scales[name], True))
            else:
                drawn.append(_Stream(stream, _title(name, stream), False))
        yield sample, drawn


def _longest(streams: Sequence[VectorStream]) -> float:
    """The length that hardly any vector exceeds, which the strongest colour stands for."""
    vectors = [s.vectors[np.isfinite(s.vectors).all(axis=-1)] for s in streams]
    lengths = np.concatenate([np.hypot(each[..., 0], each[..., 1]).ravel() for each in vectors])
    return float(np.quantile(lengths, 0.99)) or 1.0


def _scale(streams: Sequence[VectorStream], longest: float) -> str:
    """What the strongest colour is, and whether longer vectors were cut."""
    scale = f', up to {longest:.2g} {streams[0].unit}'.rstrip()
    limit = streams[0].clip
    if limit is not None and any((np.abs(s.vectors) >= limit * _ALMOST).any() for s in streams):
        scale += f', x and y clipped at {limit:g}'
    return scale


def _title(name: str, clips: np.ndarray) -> str:
    views, length, height, width = clips.shape[:4]
    frames = f'{length} frame{"s" * (length > 1)} of {width}x{height}'
    if views == 1:
        return f'{name}: {frames}'
    # In the words and with the bars of the captions.
    names = ' | '.join(f'clip {view + 1}' for view in range(views))
    return f'{name}: {names if views <= _NAMED else f"{views} clips"}, each {frames}'


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


def _fitted(frame: np.ndarray, side: int, edged: bool) -> np.ndarray:
    """A frame of the width ``side``; single pixels stay squares where it is enlarged."""
    fitted = resized(frame, (math.inf, side), as_squares=True)
    if edged:
        fitted[[0, -1]] = fitted[:, [0, -1]] = _EDGE
    return fitted
