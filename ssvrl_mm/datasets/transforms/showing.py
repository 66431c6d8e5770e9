"""Making clips show their views: of frames that are there, or of frames as they are decoded."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ssvrl_mm.datasets.transforms.flow_peak import set_flow_peak
from ssvrl_mm.datasets.transforms.views import (
    Size,
    View,
    split_views,
    stream_views,
    total_views,
)
from ssvrl_mm.video.decoding.cropping import Region
from ssvrl_mm.video.motion.geometry import crop_resize_motion, grid_size

_IMAGE_STREAMS = ('imgs', 'residuals', 'iframes')
_STREAMS = (*_IMAGE_STREAMS, 'motion', 'flow')


class Step(NamedTuple):
    """One change of what a view shows.

    Args:
        view: What is shown of the frame so far.
        size: (h, w) of the new frame.
        motion_stride: Width of the motion cells in px; None keeps the number of cells.
        interpolation: OpenCV's constant.
        flow_stride: Width of the cells of flow in px; None keeps it.
        bilinear_motion: See :func:`~ssvrl_mm.video.motion.geometry.crop_resize_motion`.
        scale_motion: Whether motion vectors are scaled with the frame.
    """

    view: View
    size: Size
    motion_stride: int | None = None
    interpolation: int = cv2.INTER_LINEAR
    flow_stride: int | None = None
    bilinear_motion: bool = False
    scale_motion: bool = True

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``(x1, y1, x2, y2)`` of what is shown; the wrong way round where it is mirrored."""
        left, top, right, bottom, flip = self.view
        if flip == 'horizontal':
            left, right = right, left
        elif flip == 'vertical':
            top, bottom = bottom, top
        return left, top, right, bottom


#: What becomes of the frames of a view, one step after the other.
Steps = tuple[Step, ...]


def show_views(
    results: dict,
    views: Sequence[Sequence[View]],
    size: Size,
    motion_stride: int | None,
    interpolation: int = cv2.INTER_LINEAR,
    flow_stride: int | None = None,
    bilinear_motion: bool = False,
    scale_motion: bool = True,
) -> dict:
    """Replaces the clips by views of them.

    Before the video is decoded it notes the steps in ``results['view_steps']``, one tuple of
    them per view, for :class:`~ssvrl_mm.datasets.transforms.loading.DecodeCompressedVideo`.

    Args:
        results: With ``num_clips``, ``img_shape`` and any of the streams.
        views: How each of the V :func:`total_views` looks, in each of C rounds. Of every stream
            the new clips come round after round; view v of round c is view c * V + v.
        size: (h, w) of the new frames.
        motion_stride: Width of the motion cells in px; None keeps the number of cells.
        interpolation: OpenCV's constant.
        flow_stride: Width of the cells of flow in px; None keeps it.
        bilinear_motion: See :class:`Step`.
        scale_motion: Likewise.

    Returns:
        The results, with C times as many clips of every stream.
    """
    options = size, motion_stride, interpolation, flow_stride, bilinear_motion, scale_motion
    rounds = [[Step(view, *options) for view in shown] for shown in views]
    if 'video_reader' in results:
        before: list[Steps] = results.get('view_steps') or [()] * total_views(results)
        # A clip that is not mirrored while another one is stays as it is.
        same = Step(View(0, 0, *results['img_shape'][::-1]), *options)
        is_same = size == results['img_shape'] and motion_stride is None and flow_stride is None
        results['view_steps'] = [
            steps if is_same and step == same else (*steps, step)
            for shown in rounds
            for steps, step in zip(before, shown, strict=True)
        ]
    else:
        _show(results, rounds)
    if len(views) > 1:
        _repeat(results, len(views))
    results['img_shape'] = size
    return results


def show_image(
    image: np.ndarray, step: Step, out: np.ndarray | None = None, origin: Size = (0, 0)
) -> np.ndarray:
    """A frame after a step.

    Args:
        image: (H, W, C), or (H, W).
        step: What to show of it.
        out: (h, w, C), to write the new frame to.
        origin: (y, x) in the frame of what is there of it.

    Returns:
        ``out``, or else an array that may share memory with ``image``.
    """
    (left, top, right, bottom, flip), size = step.view, step.size
    y, x = origin
    image = image[top - y : bottom - y, left - x : right - x]
    if image.shape[:2] != size:
        image = cv2.resize(image, size[::-1], dst=out, interpolation=step.interpolation)
    if flip:
        return cv2.flip(image, 1 if flip == 'horizontal' else 0, dst=out)
    if out is not None and image is not out:
        out[...] = image
    return image if out is None else out


def show_motion(
    motion: np.ndarray, valid: np.ndarray | None, shape: Size, step: Step
) -> tuple[np.ndarray, np.ndarray | None]:
    """Motion after a step.

    Args:
        motion: (T, gh, gw, 2) px of frames of ``shape`` (h, w).
        valid: (T, gh, gw) or None.
        shape: See above.
        step: What to show of the frames.
    """
    grid, stride = motion.shape[1:3], step.motion_stride
    if stride is not None:
        grid = math.ceil(step.size[0] / stride), math.ceil(step.size[1] / stride)
    how = dict(bilinear=step.bilinear_motion, scale_vectors=step.scale_motion)
    return crop_resize_motion(motion, valid, step.box, shape, step.size, grid, **how)


def show_flow(
    flow: np.ndarray, valid: np.ndarray | None, shape: Size, step: Step, cell: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Flow after a step, on cells of ``step.flow_stride`` px, of which the last may overhang.

    Args:
        flow: (T, gh, gw, 2) px of frames of ``shape`` (h, w).
        valid: (T, gh, gw) or None.
        shape: See above.
        step: What to show of the frames.
        cell: px per cell of ``flow``.
    """
    new_cell = step.flow_stride or cell
    grid = grid_size(step.size, new_cell)
    return crop_resize_motion(flow, valid, step.box, shape, step.size, grid, cell, new_cell)


class ShownFrames:
    """The frames of V clips as their views show them, made while the video is decoded.

    Args:
        clips: Frame numbers (T,) of each of the V clips, and the steps of what it shows.
        size: (h, w) after the steps.
        dtype: Of the pixels.

    Attributes:
        frames: V*T arrays (h, w, 3), clip after clip. No two share memory: some transforms of
            mmaction2 mirror frames in place.
    """

    def __init__(
        self, clips: Sequence[tuple[np.ndarray, Steps]], size: Size, dtype: type = np.uint8
    ) -> None:
        self._places: dict[int, dict[Steps, list[int]]] = {}
        count = 0
        for numbers, steps in clips:
            merged = _merge(steps)
            for number in numbers.tolist():
                self._places.setdefault(number, {}).setdefault(merged, []).append(count)
                count += 1
        self._images = self._make(count, size, dtype)
        self.frames = list(self._images)

    def _make(self, count: int, size: Size, dtype: type) -> np.ndarray:
        return np.empty((count, *size, 3), dtype)

    def boxes(self, number: int) -> list[Region | None]:
        """What is needed of a frame, for each way in which it is shown; None if all of it."""
        wanted = self._places.get(number, {})
        return [steps[0].view[:4] if steps else None for steps in wanted]

    def take(self, number: int, image: np.ndarray, origin: Size = (0, 0)) -> None:
        """Shows a frame (H, W, 3) wherever it belongs; nowhere, if it is in none of the clips.

        Args:
            number: The frame.
            image: Its pixels, or those around its :meth:`boxes` alone.
            origin: (y, x) in the frame of what is there of it.
        """
        _show_everywhere(image, self._places.get(number, {}), self._images, origin=origin)


def _show_everywhere(
    image: np.ndarray,
    places: Mapping[Steps, Sequence[int]],
    out: np.ndarray,
    origin: Size = (0, 0),
) -> None:
    """Shows a picture after some steps each, in the rows of ``out`` that are named beside them."""
    # Crops of the same resized frame resize it once.
    known: dict[Steps, np.ndarray] = {}
    for steps, (first, *others) in places.items():
        so_far, at = image, origin
        for length, step in enumerate(steps[:-1], 1):
            before = steps[:length]
            if before not in known:
                known[before] = show_image(so_far, step, origin=at)
            so_far, at = known[before], (0, 0)
        if steps:
            show_image(so_far, steps[-1], out[first], at)
        else:
            out[first] = image
        for place in others:
            out[place] = out[first]


def _merge(steps: Steps) -> Steps:
    """The same steps of images, with whole frames mirrored in the step before."""
    merged: list[Step] = []
    for step in steps:
        last = merged[-1] if merged else None
        flips = [view.flip for view in (last and last.view, step.view) if view and view.flip]
        is_whole = step.view[:4] == (0, 0, *step.size[::-1])
        if last and is_whole and last.size == step.size and len(flips) < 2:
            merged[-1] = last._replace(view=last.view._replace(flip=next(iter(flips), None)))
        else:
            merged.append(step)
    return tuple(merged)


def _show(results: dict, rounds: Sequence[Sequence[Step]]) -> None:
    """Shows every stream that is there."""
    for key in _IMAGE_STREAMS:
        if key in results:
            clips = split_views(results, key)
            results[key] = [
                show_image(image, shown[view])
                for shown in rounds
                for view, clip in clips
                for image in clip
            ]
    if 'motion' in results:
        _show_fields(results, 'motion', rounds, show_motion)
    if 'flow' in results:
        cell = results['flow_cell']
        _show_fields(results, 'flow', rounds, functools.partial(show_flow, cell=cell))
        results['flow_cell'] = rounds[0][0].flow_stride or cell
    if 'whole_flow' in results:
        clips = list(zip(stream_views(results, 'flow'), results['whole_flow'], strict=True))
        shown_flow = [
            whole.shown(shown[view].view, shown[view].size)
            for shown in rounds
            for view, whole in clips
        ]
        set_flow_peak(results, shown_flow)


def _show_fields(
    results: dict,
    key: str,
    rounds: Sequence[Sequence[Step]],
    show: Callable[..., tuple[np.ndarray, np.ndarray | None]],
) -> None:
    """Shows motion or flow, with its mask if there is one."""
    fields, valid = results[key], results.get(f'{key}_valid')
    clips = split_views(results, key)
    length = len(fields) // len(clips)
    masks = [None if valid is None else valid[n * length :][:length] for n in range(len(clips))]
    found = [
        show(vectors, mask, results['img_shape'], shown[view])
        for shown in rounds
        for (view, vectors), mask in zip(clips, masks, strict=True)
    ]
    results[key] = np.concatenate([field for field, _ in found])
    if valid is not None:
        results[f'{key}_valid'] = np.concatenate([mask for _, mask in found])


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
