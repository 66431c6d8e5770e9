"""The picture of motion differential sampling: what a video's clips score, beneath its frames."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from ssvrl_mm.video.motion.differential import flow_colours
from ssvrl_mm.video.motion.geometry import rotate_vectors
from ssvrl_mm.visualization.motion import colour_wheel
from ssvrl_mm.visualization.tiles import (
    BLACK,
    Colour,
    side_by_side,
    stacked,
    text_band,
    text_width,
    titled,
)

_GREEN: Colour = (20, 150, 60)
_GREY: Colour = (150, 150, 150)
_PALE: Colour = (225, 225, 225)
_SHADE: Colour = (222, 244, 226)
_RED: Colour = (200, 40, 40)
_BLUE: Colour = (40, 80, 200)
_BAND, _SMALL = 26, 20  # height of a line of text, and of one within the curve
_GAP = 2  # px between tiles
_PLOT = 240  # height of the curve


def draw_motion_scores(
    frames: np.ndarray,
    flow: np.ndarray,
    weights: np.ndarray,
    times: Sequence[int],
    scores: np.ndarray,
    chosen: Sequence[int],
    num_frames: int,
    cell: int = 1,
    clip_frames: int = 1,
    title: str = '',
    angle: float = 120.0,
    width: int = 168,
) -> np.ndarray:
    """Draws frames of a video, their flow and its foreground over the scores of the clips.

    After Figure 3 of Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video
    Representation", ECCV 2022. A column is a time, and stands above it in the curve: the frame, the
    flow that begins in it, the weights of its foreground, and the flow turned round, as flow
    rotation augmentation has it. The curve shows the score of the clip that starts at each time,
    and the median; it is green from one start above it to the next. Bars show where the best and
    the worst clip lie.

    Args:
        frames: uint8 RGB ``(N, h, w, 3)``.
        flow: ``(N, gh, gw, 2)`` px; each map is coloured up to its own longest vector.
        weights: ``(N, gh, gw)``, 0 or more.
        times: The numbers of the frames, ``(N,)``.
        scores: ``(S,)`` of the clips that start at 0..S-1; nan where there is none.
        chosen: The starts of the clips that are kept.
        num_frames: Of the video.
        cell: px of the frame per value of flow, along each side.
        clip_frames: Frames from the first to the last of a clip, both counted.
        title: What stands above.
        angle: Degrees, anticlockwise, by which flow is turned.
        width: px of a frame in the picture.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: Shapes do not fit.
    """
    count = len(frames)
    if not count or not len(flow) == len(weights) == len(times) == count:
        raise ValueError(
            f'frames, flow, weights and times are {count}, {len(flow)}, {len(weights)} and '
            f'{len(times)}, not as many and one at least'
        )
    turned = rotate_vectors(flow, np.deg2rad(angle)).astype(np.float32)
    size = frames.shape[1:3]
    tile = (width, max(round(width * size[0] / size[1]), 1))
    small = [cv2.resize(frame, tile, interpolation=cv2.INTER_AREA) for frame in frames]
    heat = [
        _heat(frame, _fitted(field / (field.max() or 1), size, cell, tile, cv2.INTER_LINEAR))
        for frame, field in zip(small, weights.astype(np.float32), strict=True)
    ]
    names = side_by_side([text_band(f'frame {time}', width, _BAND) for time in times], _GAP)
    rows = [
        stacked([names, side_by_side(small, _GAP)], 0),
        _with_wheel(_coloured(flow, size, cell, tile), 'flow, each map up to its longest vector'),
        titled(side_by_side(heat, _GAP), 'weights of the foreground', _BAND),
        _with_wheel(_coloured(turned, size, cell, tile), f'flow turned by {angle:g} degrees'),
    ]
    curve = _curve(scores, chosen, times, num_frames, clip_frames, names.shape[1])
    heading = f'score of the clip of {clip_frames} frames that starts here'
    picture = stacked([*rows, titled(curve, heading, _BAND)], 0)
    return titled(picture, title) if title else picture


def _fitted(
    field: np.ndarray, size: tuple[int, int], cell: int, tile: tuple[int, int], how: int
) -> np.ndarray:
    """A field on cells that may overhang the frame, as large as a tile (width, height)."""
    rows, columns = field.shape[0] * cell, field.shape[1] * cell
    whole = (round(tile[0] * columns / size[1]), round(tile[1] * rows / size[0]))
    return cv2.resize(field, whole, interpolation=how)[: tile[1], : tile[0]]


def _coloured(
    flow: np.ndarray, size: tuple[int, int], cell: int, tile: tuple[int, int]
) -> np.ndarray:
    colours = np.ascontiguousarray(np.moveaxis(flow_colours(flow.astype(np.float32)), 1, -1))
    how = cv2.INTER_NEAREST if cell > 1 else cv2.INTER_AREA
    return side_by_side([_fitted(field, size, cell, tile, how) for field in colours], _GAP)


def _with_wheel(tile: np.ndarray, text: str) -> np.ndarray:
    """A tile under its title, and the colours of the directions behind that."""
    picture = titled(tile, text, _BAND)
    wheel = colour_wheel(_BAND - 2)
    left = min(text_width(text, _BAND) + 16, tile.shape[1] - _BAND)
    picture[1 : _BAND - 1, left : left + _BAND - 2] = wheel
    return picture


def _heat(frame: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A frame in grey under warm colours, the warmer the greater the share in 0..1."""
    level = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    warm = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(warm, 0.7, grey, 0.3, 0)


def _curve(
    scores: np.ndarray,
    chosen: Sequence[int],
    times: Sequence[int],
    num_frames: int,
    clip_frames: int,
    width: int,
) -> np.ndarray:
    """Scores over time, from the first frame of the video at the left to the last at the right."""
    known = np.flatnonzero(np.isfinite(scores)).tolist()
    picture = np.full((_PLOT + 2 * _BAND, width, 3), 255, np.uint8)
    if not len(known):
        words = 'no scores: the video is too short for two maps of flow'
        picture[:_BAND] = text_band(words, width, _BAND)
        return picture
    low, high = float(scores[known].min()), float(scores[known].max())
    room = (high - low) * 0.1 or max(abs(high), 1) * 0.1

    def x_of(frame: float) -> int:
        return round((frame + 0.5) / num_frames * width)

    def y_of(score: float) -> int:
        return round((_PLOT - 1) * (high + room - score) / (high - low + 2 * room))

    for start in chosen:
        picture[:_PLOT, x_of(start - 0.5) : x_of(start + 0.5)] = _SHADE
    for time in times:
        picture[:_PLOT, x_of(time)] = _PALE
    median = float(np.median(scores[known]))
    picture[y_of(median), ::2] = _BLUE
    places = [(x_of(start), y_of(float(scores[start]))) for start in known]
    kept = set(chosen)
    for ends, line in zip(pairwise(known), pairwise(places), strict=True):
        cv2.line(picture, *line, _GREEN if kept.issuperset(ends) else _GREY, 2, cv2.LINE_AA)
    if len(known) < width / 20:
        for start, place in zip(known, places, strict=True):
            cv2.circle(picture, place, 3, _GREEN if start in kept else _GREY, -1, cv2.LINE_AA)
    for score, name, colour in ((high, '', BLACK), (median, 'median ', _BLUE), (low, '', BLACK)):
        words = f'{name}{score:,.0f}' if score >= 100 else f'{name}{score:.3g}'
        # At the right, where no clip starts any more.
        left = max(width - text_width(words, _SMALL) - 8, 0)
        top = min(max(y_of(score) - _SMALL, 0), _PLOT - _SMALL)
        label = text_band(words, width - left, _SMALL, colour)
        picture[top : top + _SMALL, left:] = np.minimum(picture[top : top + _SMALL, left:], label)
    for row, (start, name, colour) in enumerate(
        (
            (int(np.nanargmax(scores)), 'highest', _GREEN),
            (int(np.nanargmin(scores)), 'lowest', _RED),
        )
    ):
        words = f'{name}: frames {start} to {start + clip_frames - 1}'
        ends = x_of(start - 0.5), min(x_of(start + clip_frames - 0.5), width)
        picture[_PLOT + row * _BAND :][:_BAND] = _bar(ends, words, colour, width)
    return picture


def _bar(ends: tuple[int, int], words: str, colour: Colour, width: int) -> np.ndarray:
    """A line with a bar, and words beside it, where there is more room."""
    left, right = ends
    picture = np.full((_BAND, width, 3), 255, np.uint8)
    needed = text_width(words, _BAND) + 12
    begin, end = (max(left - needed, 0), left) if left > width - right else (right, width)
    if end - begin > _BAND:
        picture[:, begin:end] = text_band(words, end - begin, _BAND, colour)
    picture[8:18, left:right] = colour
    return picture
