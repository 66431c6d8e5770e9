"""Resizes and flips of clips that carry motion along with the pixels, as crops do.

Every transform acts alike on the streams that are there: ``imgs``, ``residuals`` and ``iframes``
(lists, V equal parts), ``motion`` with ``motion_valid`` and ``flow`` with ``flow_valid`` (arrays).
V is ``num_clips``, or
as many as ``stream_views`` names; clips that show the same view share their crop and flip. Vectors
are scaled, mirrored and moved as the pixels are. The new motion grid has
``ceil(size / motion_stride)`` cells, each of which takes the old cell under its centre; a cell is
``size / cells`` px wide, or 8 px (the last one overhanging) where there are ``ceil(size / 8)``.
Flow is carried like motion, on cells of exactly ``flow_stride`` px, the last one overhanging; by
default they stay as wide as they are, ``flow_cell`` px, so that dense flow stays dense.
"""

import random
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.showing import show_views
from ssvrl_mm.datasets.transforms.views import Size, View, total_views
from ssvrl_mm.registry import TRANSFORMS

_INTERPOLATIONS = {
    'nearest': cv2.INTER_NEAREST,
    'bilinear': cv2.INTER_LINEAR,
    'area': cv2.INTER_AREA,
    'bicubic': cv2.INTER_CUBIC,
}


def check_size(size: int | Sequence[int], name: str = 'size') -> Size:
    """The size (h, w) that is meant by it, or by the side of a square; ValueError below 1."""
    height, width = (size, size) if isinstance(size, int | np.integer) else size
    if min(height, width) < 1:
        raise ValueError(f'{name} must be positive, got {size}')
    return int(height), int(width)


def _interpolation(name: str) -> int:
    if name not in _INTERPOLATIONS:
        raise ValueError(f'interpolation must be one of {list(_INTERPOLATIONS)}, got {name!r}')
    return _INTERPOLATIONS[name]


class ClipGeometry(BaseTransform):
    """Common ground of resizes, flips and crops: the repr and the checks of the arguments."""

    def __init__(
        self,
        motion_stride: int | None = 4,
        interpolation: str = 'bilinear',
        flow_stride: int | None = None,
        motion_interpolation: str = 'nearest',
        scale_motion: bool = True,
    ) -> None:
        for name, stride in (('motion_stride', motion_stride), ('flow_stride', flow_stride)):
            if stride is not None and stride < 1:
                raise ValueError(f'{name} must be 1 or more, got {stride}')
        self.motion_stride = motion_stride
        self.flow_stride = flow_stride
        self.interpolation = interpolation
        _interpolation(interpolation)
        if motion_interpolation not in ('nearest', 'bilinear'):
            raise ValueError(
                f"motion_interpolation must be 'nearest' or 'bilinear': {motion_interpolation!r}"
            )
        self.motion_interpolation = motion_interpolation
        self.scale_motion = scale_motion

    def _show(self, results: dict, views: Sequence[Sequence[View]], size: Size) -> dict:
        return show_views(
            results,
            views,
            size,
            self.motion_stride,
            _interpolation(self.interpolation),
            self.flow_stride,
            self.motion_interpolation == 'bilinear',
            self.scale_motion,
        )

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'


@TRANSFORMS.register_module()
class ClipResize(ClipGeometry):
    """Resizes all frames.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** as
    :class:`~ssvrl_mm.datasets.transforms.crops.ClipRandomResizedCrop`.

    Args:
        size: (h, w) of the result, or the side of a square. Give this or ``short_side``.
        short_side: Length of the shorter side; the other one follows.
        motion_stride: Width of the motion cells of the result in px. None keeps their number,
            which loses nothing where a crop follows.
        interpolation: 'nearest', 'bilinear', 'area' or 'bicubic'.
        flow_stride: Width of the cells of flow in px; None: as it is.
        motion_interpolation: 'nearest': each cell of the result takes the cell under its centre;
            'bilinear': it takes a mean between pixels, as a picture with a vector in every pixel
            would, which shows with a ``motion_stride`` of 1 or 2.
        scale_motion: Whether motion vectors are scaled with the pixels. False leaves them in px of
            the frame as it was.
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        short_side: int | None = None,
        motion_stride: int | None = None,
        interpolation: str = 'bilinear',
        flow_stride: int | None = None,
        motion_interpolation: str = 'nearest',
        scale_motion: bool = True,
    ) -> None:
        super().__init__(
            motion_stride, interpolation, flow_stride, motion_interpolation, scale_motion
        )
        if (size is None) == (short_side is None):
            raise ValueError(f'give size or short_side, got {size} and {short_side}')
        self.size = None if size is None else check_size(size)
        self.short_side = None if short_side is None else check_size(short_side, 'short_side')[0]

    def transform(self, results: dict) -> dict:
        """Resizes."""
        height, width = results['img_shape']
        size = self.size
        if size is None:
            assert self.short_side is not None
            scale = self.short_side / min(height, width)
            size = max(1, round(height * scale)), max(1, round(width * scale))
        whole = View(0, 0, width, height)
        return self._show(results, [[whole] * total_views(results)], size)


@TRANSFORMS.register_module()
class ClipFlip(ClipGeometry):
    """Mirrors each clip with some probability; motion changes sign along that direction.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** ``imgs``, ``residuals``,
    ``iframes``, ``motion``, ``motion_valid``, ``flow``, ``flow_valid`` (those present). **Added
    keys:** ``flip``, one bool per view.

    Args:
        flip_ratio: Probability.
        direction: 'horizontal' (negates dx) or 'vertical' (negates dy).
        per_clip: Each clip decides for itself; False: all clips of the video alike.
    """

    def __init__(
        self, flip_ratio: float = 0.5, direction: str = 'horizontal', per_clip: bool = True
    ) -> None:
        super().__init__(motion_stride=None)
        if not 0 <= flip_ratio <= 1:
            raise ValueError(f'flip_ratio must be in 0..1, got {flip_ratio}')
        if direction not in ('horizontal', 'vertical'):
            raise ValueError(f"direction must be 'horizontal' or 'vertical', got {direction!r}")
        self.flip_ratio = flip_ratio
        self.direction = direction
        self.per_clip = per_clip

    def transform(self, results: dict) -> dict:
        """Mirrors."""
        total, (height, width) = total_views(results), results['img_shape']
        draws = [random.random() < self.flip_ratio for _ in range(total)]
        flips = draws if self.per_clip else draws[:1] * total
        results['flip'] = flips
        if not any(flips):
            return results
        views = [View(0, 0, width, height, self.direction if flip else None) for flip in flips]
        return self._show(results, [views], (height, width))
