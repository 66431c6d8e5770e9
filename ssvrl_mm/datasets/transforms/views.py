"""Views of clips: a box of the frame, resized and mirrored, with the motion it shows."""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ssvrl_mm.video.geometry import crop_resize_motion

_IMAGE_STREAMS = ('imgs', 'residuals', 'iframes')
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
        results: With ``num_clips`` V, ``img_shape`` and any of the streams.
        views: One view per clip, in each of C rounds: C times V views. The new clips come round
            after round.
        size: (h, w) of the new frames.
        motion_stride: Width of the motion cells in px; None keeps the number of cells.
        interpolation: OpenCV's constant.

    Returns:
        The results, with C times as many clips.
    """
    num_clips, shape = results['num_clips'], results['img_shape']
    for key in _IMAGE_STREAMS:
        if key not in results:
            continue
        images = results[key]
        length = len(images) // num_clips
        results[key] = [
            _show_image(image, view, size, interpolation)
            for clip_views in views
            for clip, view in enumerate(clip_views)
            for image in images[clip * length : (clip + 1) * length]
        ]
    if 'motion_vectors' in results:
        _show_motion(results, views, shape, size, motion_stride)
    if len(views) > 1:
        results['num_clips'] = num_clips * len(views)
        results['frame_inds'] = np.tile(results['frame_inds'], (len(views), 1))
    results['img_shape'] = size
    return results


def _show_motion(
    results: dict,
    views: Sequence[Sequence[View]],
    shape: Size,
    size: Size,
    motion_stride: int | None,
) -> None:
    motion, valid = results['motion_vectors'], results.get('motion_valid')
    if motion_stride is None:
        grid = motion.shape[1:3]
    else:
        grid = math.ceil(size[0] / motion_stride), math.ceil(size[1] / motion_stride)
    length = len(motion) // results['num_clips']
    shown = []
    for clip_views in views:
        for clip, (left, top, right, bottom, flip) in enumerate(clip_views):
            part = slice(clip * length, (clip + 1) * length)
            if flip == 'horizontal':
                left, right = right, left
            elif flip == 'vertical':
                top, bottom = bottom, top
            shown.append(
                crop_resize_motion(
                    motion[part],
                    None if valid is None else valid[part],
                    (left, top, right, bottom),
                    shape,
                    size,
                    grid,
                )
            )
    results['motion_vectors'] = np.concatenate([field for field, _ in shown])
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
