"""Views of clips: a box of the frame, resized and mirrored, with the motion it shows."""

import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import crop_resize_motion

_IMAGE_STREAMS = ('imgs', 'residuals', 'iframes')
_STREAMS = (*_IMAGE_STREAMS, 'motion')
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
        key: 'imgs', 'residuals', 'iframes' or 'motion' (``motion_valid`` goes with it).

    Returns:
        One number per clip: 0 to ``num_clips`` - 1 of a stream that ``stream_views`` does not name.
    """
    return list(results.get('stream_views', {}).get(key, range(results['num_clips'])))


def total_views(results: dict) -> int:
    """How many views there are: the highest number of any stream and one."""
    named = results.get('stream_views', {}).values()
    return max([results['num_clips'], *(view + 1 for views in named for view in views)])


def split_views(results: dict, key: str) -> list[tuple[int, Any]]:
    """The clips of a stream, V equal parts, each with the number of its view.

    Raises:
        ValueError: The frames do not part into so many clips.
    """
    frames, views = results[key], stream_views(results, key)
    length, rest = divmod(len(frames), len(views))
    if rest:
        raise ValueError(f'{key}: {len(frames)} frames are no {len(views)} clips of equal length')
    return [(view, frames[n * length : (n + 1) * length]) for n, view in enumerate(views)]


def _show_image(image: np.ndarray, view: View, size: Size, interpolation: int) -> np.ndarray:
    image = image[view.top : view.bottom, view.left : view.right]
    if image.shape[:2] != size:
        image = cv2.resize(image, size[::-1], interpolation=interpolation)
    if view.flip is not None:
        image = cv2.flip(image, 1 if view.flip == 'horizontal' else 0)
    return image


def show_views(
    results: dict,
    views: Sequence[Sequence[View]],
    size: Size,
    motion_stride: int | None,
    interpolation: int = cv2.INTER_LINEAR,
) -> dict:
    """Replaces the clips by views of them.

    Args:
        results: With ``num_clips``, ``img_shape`` and any of the streams.
        views: How each of the V :func:`total_views` looks, in each of C rounds. Of every stream
            the new clips come round after round; view v of round c is view c * V + v.
        size: (h, w) of the new frames.
        motion_stride: Width of the motion cells in px; None keeps the number of cells.
        interpolation: OpenCV's constant.

    Returns:
        The results, with C times as many clips of every stream.
    """
    for key in _IMAGE_STREAMS:
        if key in results:
            clips = split_views(results, key)
            results[key] = [
                _show_image(image, shown[view], size, interpolation)
                for shown in views
                for view, clip in clips
                for image in clip
            ]
    if 'motion' in results:
        _show_motion(results, views, size, motion_stride)
    if len(views) > 1:
        _repeat(results, len(views))
    results['img_shape'] = size
    return results


def _repeat(results: dict, rounds: int) -> None:
    """Counts the clips of so many rounds, once their streams are there."""
    if 'stream_views' in results:
        total = total_views(results)
        results['stream_views'] = {
            key: [c * total + view for c in range(rounds) for view in stream_views(results, key)]
            for key in _STREAMS
        }
    for key in ('frame_inds', 'motion_inds', 'iframe_inds', 'iframe_distance', 'clip_times'):
        if key in results:
            values = np.asarray(results[key])
            results[key] = np.tile(values, (rounds, 1) if values.ndim > 1 else rounds)
    results['num_clips'] *= rounds


def _show_motion(
    results: dict, views: Sequence[Sequence[View]], size: Size, motion_stride: int | None
) -> None:
    motion, valid = results['motion'], results.get('motion_valid')
    if motion_stride is None:
        grid = motion.shape[1:3]
    else:
        grid = math.ceil(size[0] / motion_stride), math.ceil(size[1] / motion_stride)
    clips = split_views(results, 'motion')
    length = len(motion) // len(clips)
    shown = []
    for looks in views:
        for clip, (view, vectors) in enumerate(clips):
            left, top, right, bottom, flip = looks[view]
            if flip == 'horizontal':
                left, right = right, left
            elif flip == 'vertical':
                top, bottom = bottom, top
            shown.append(
                crop_resize_motion(
                    vectors,
                    None if valid is None else valid[clip * length : (clip + 1) * length],
                    (left, top, right, bottom),
                    results['img_shape'],
                    size,
                    grid,
                )
            )
    results['motion'] = np.concatenate([field for field, _ in shown])
    if valid is not None:
        results['motion_valid'] = np.concatenate([mask for _, mask in shown])


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
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return View(left, top, left + w, top + h)
    ratio = min(max(width / height, aspect_ratio_range[0]), aspect_ratio_range[1])
    w, h = max(1, min(width, round(height * ratio))), max(1, min(height, round(width / ratio)))
    return centre_box(shape, (h, w))


def centre_box(shape: Size, size: Size) -> View:
    """The box of ``size`` in the middle of a frame of ``shape``, both (h, w)."""
    top, left = (shape[0] - size[0]) // 2, (shape[1] - size[1]) // 2
    return View(left, top, left + size[1], top + size[0])
