"""Views of clips: which boxes of the frame they show, and which clips share one."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

Size = tuple[int, int]


class View(NamedTuple):
    """What part of the frame is shown and how.

    Args:
        left, top, right, bottom: Box in px of the current frame.
        flip: Mirrored along 'horizontal' or 'vertical', or None.
    """

    left: int
    top: int
    right: int
    bottom: int
    flip: str | None = None


def stream_views(results: dict, key: str) -> list[int]:
    """The views that the clips of a stream show.

    A view is one draw of crop and flip: clips of several streams that have the same view number
    share it. Streams need not have as many clips as ``imgs``, of which ``num_clips`` tells.

    Args:
        results: With ``num_clips`` and, where streams differ, ``stream_views``: stream -> numbers.
        key: 'imgs', 'residuals', 'iframes', 'motion' or 'flow' (``motion_valid`` and
            ``flow_valid`` go with them).

    Returns:
        One number per clip: 0 to ``num_clips`` - 1 of a stream that ``stream_views`` does not name.
    """
    return list(results.get('stream_views', {}).get(key, range(results['num_clips'])))


def total_views(results: dict) -> int:
    """How many views there are: the highest number of any stream and one."""
    named = results.get('stream_views', {}).values()
    return max([results['num_clips'], *(view + 1 for views in named for view in views)])


def split_views(results: dict, key: str) -> list[tuple[int, Any]]:
    """The clips of a stream or of its mask, V equal parts, each with the number of its view.

    Raises:
        ValueError: The frames do not part into so many clips.
    """
    frames, views = results[key], stream_views(results, key.removesuffix('_valid'))
    length, rest = divmod(len(frames), len(views))
    if rest:
        raise ValueError(f'{key}: {len(frames)} frames are no {len(views)} clips of equal length')
    return [(view, frames[n * length : (n + 1) * length]) for n, view in enumerate(views)]


def change_clips(results: dict, key: str, change: Callable[[int, Any], Iterable]) -> None:
    """Puts other frames in the place of each clip of a stream, or of its mask.

    Args:
        results: With the stream.
        key: As of :func:`split_views`.
        change: Takes the number of the clip's view and its frames; returns frames.
    """
    frames = [image for view, clip in split_views(results, key) for image in change(view, clip)]
    results[key] = np.stack(frames) if isinstance(results[key], np.ndarray) else frames


def require_decoded(results: dict, name: str) -> None:
    """ValueError if the video is still to be decoded when the transform ``name`` has its turn."""
    if 'video_reader' in results:
        raise ValueError(f'{name} needs the frames: it has to stand after DecodeCompressedVideo')


def random_box(
    shape: Size, area_range: Sequence[float], aspect_ratio_range: Sequence[float], tries: int = 10
) -> View:
    """A random box as of Inception training: uniform area share, log-uniform aspect ratio.

    Args:
        shape: (h, w) of the frame.
        area_range: Least and greatest share of the frame's area.
        aspect_ratio_range: Least and greatest width / height.
        tries: Draws before the largest central box with an allowed aspect ratio is taken.

    Returns:
        The box, in whole px.
    """
    height, width = shape
    for _ in range(tries):
        area = random.uniform(*area_range) * height * width
        ratio = math.exp(random.uniform(*map(math.log, aspect_ratio_range)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random_place(shape, (h, w))
    ratio = min(max(width / height, aspect_ratio_range[0]), aspect_ratio_range[1])
    w, h = max(1, min(width, round(height * ratio))), max(1, min(height, round(width / ratio)))
    return centre_box(shape, (h, w))


def centre_box(shape: Size, size: Size) -> View:
    """The box of ``size`` in the middle of a frame of ``shape``, both (h, w)."""
    top, left = (shape[0] - size[0]) // 2, (shape[1] - size[1]) // 2
    return View(left, top, left + size[1], top + size[0])


def random_place(shape: Size, size: Size) -> View:
    """A box of ``size`` somewhere in a frame of ``shape``, both (h, w)."""
    left, top = random.randint(0, shape[1] - size[1]), random.randint(0, shape[0] - size[0])
    return View(left, top, left + size[1], top + size[0])
