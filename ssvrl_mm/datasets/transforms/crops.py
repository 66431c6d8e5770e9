"""Crops of clips that carry motion along with the pixels: see ``geometry`` for what they share."""

import random
from collections.abc import Callable, Sequence

from ssvrl_mm.datasets.transforms.geometry import ClipGeometry, check_size
from ssvrl_mm.datasets.transforms.views import (
    Size,
    View,
    centre_box,
    random_box,
    random_place,
    total_views,
)
from ssvrl_mm.registry import TRANSFORMS


def _require_room(name: str, shape: Size, size: Size) -> None:
    if shape[0] < size[0] or shape[1] < size[1]:
        raise ValueError(f'{name}: frames of {shape} px (h, w) are too small for a crop of {size}')


def _draw_boxes(results: dict, draw: Callable[[], View], per_clip: bool) -> list[View]:
    """A box for each view, drawn for it or, without ``per_clip``, once for all of them."""
    total = total_views(results)
    return [draw() for _ in range(total)] if per_clip else [draw()] * total


@TRANSFORMS.register_module()
class ClipRandomResizedCrop(ClipGeometry):
    """Cuts a random box out of each clip, the same for all its frames, and resizes it.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** ``imgs``, ``residuals``,
    ``iframes``, ``motion``, ``motion_valid``, ``flow``, ``flow_valid``, ``flow_cell`` (those
    present), ``img_shape``.

    Args:
        size: (h, w) of the result, or the side of a square.
        area_range: Share of the frame's area.
        aspect_ratio_range: Width / height of the box.
        motion_stride: Width of the motion cells of the result in px; None keeps their number.
        per_clip: Each clip draws a box of its own; False: one box for all clips of the video.
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
        size: int | Sequence[int],
        area_range: Sequence[float] = (0.2, 1.0),
        aspect_ratio_range: Sequence[float] = (3 / 4, 4 / 3),
        motion_stride: int | None = 4,
        per_clip: bool = True,
        interpolation: str = 'bilinear',
        flow_stride: int | None = None,
        motion_interpolation: str = 'nearest',
        scale_motion: bool = True,
    ) -> None:
        super().__init__(
            motion_stride, interpolation, flow_stride, motion_interpolation, scale_motion
        )
        if not 0 < area_range[0] <= area_range[1] <= 1:
            raise ValueError(f'area_range must rise within 0..1, got {area_range}')
        if not 0 < aspect_ratio_range[0] <= aspect_ratio_range[1]:
            raise ValueError(f'aspect_ratio_range must be positive, got {aspect_ratio_range}')
        self.size = check_size(size)
        self.area_range = tuple(area_range)
        self.aspect_ratio_range = tuple(aspect_ratio_range)
        self.per_clip = per_clip

    def transform(self, results: dict) -> dict:
        """Crops and resizes."""
        boxes = _draw_boxes(
            results,
            lambda: random_box(results['img_shape'], self.area_range, self.aspect_ratio_range),
            self.per_clip,
        )
        return self._show(results, [boxes], self.size)


@TRANSFORMS.register_module()
class ClipMultiScaleCrop(ClipGeometry):
    """Cuts a box of one of a few sizes out of each clip, at a random place, and resizes it.

    The largest box of the result's aspect ratio that fits into the frame, shrunk by one of the
    ``scales``. With scales of (.975, .9, .85) and a result of 224 px this is the crop of Yu et al.,
    "Self-Supervised Learning of Compressed Video Representations", ICLR 2021: sides of 250, 230 and
    218 px of frames whose shorter side is 256 px. The frame need not be resized to that beforehand:
    the shares are the same.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** as
    :class:`ClipRandomResizedCrop`.

    Args:
        size: (h, w) of the result, or the side of a square.
        scales: Sides of the box, as shares of those of the largest that fits; all are as likely.
        motion_stride: Width of the motion cells of the result in px; None keeps their number.
        per_clip: Each clip draws a box of its own; False: one box for all clips of the video.
        interpolation: 'nearest', 'bilinear', 'area' or 'bicubic'.
        flow_stride: Width of the cells of flow in px; None: as it is.

    Raises:
        ValueError: ``scales`` are none, or not shares.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scales: Sequence[float] = (0.975, 0.9, 0.85),
        motion_stride: int | None = 4,
        per_clip: bool = True,
        interpolation: str = 'bilinear',
        flow_stride: int | None = None,
    ) -> None:
        super().__init__(motion_stride, interpolation, flow_stride)
        if not scales or not all(0 < scale <= 1 for scale in scales):
            raise ValueError(f'scales must be shares above 0, up to 1, got {scales}')
        self.size = check_size(size)
        self.scales = tuple(scales)
        self.per_clip = per_clip

    def _draw(self, shape: Size) -> View:
        largest = min(length / wanted for length, wanted in zip(shape, self.size, strict=True))
        scale = random.choice(self.scales) * largest
        height, width = (max(1, round(wanted * scale)) for wanted in self.size)
        return random_place(shape, (height, width))

    def transform(self, results: dict) -> dict:
        """Crops and resizes."""
        boxes = _draw_boxes(results, lambda: self._draw(results['img_shape']), self.per_clip)
        return self._show(results, [boxes], self.size)


@TRANSFORMS.register_module()
class ClipCenterCrop(ClipGeometry):
    """Cuts out the centre.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** as
    :class:`ClipRandomResizedCrop`.

    Args:
        size: (h, w) of the crop, or the side of a square.
        motion_stride: Width of the motion cells of the result in px; None keeps their number.
        flow_stride: Width of the cells of flow in px; None: as it is.

    Raises:
        ValueError: From a frame that is smaller than the crop.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        motion_stride: int | None = 4,
        flow_stride: int | None = None,
    ) -> None:
        super().__init__(motion_stride, flow_stride=flow_stride)
        self.size = check_size(size)

    def transform(self, results: dict) -> dict:
        """Crops."""
        _require_room(type(self).__name__, results['img_shape'], self.size)
        box = centre_box(results['img_shape'], self.size)
        return self._show(results, [[box] * total_views(results)], self.size)


@TRANSFORMS.register_module()
class ClipThreeCrop(ClipCenterCrop):
    """Cuts crops out of both ends and the middle, along the longer side: V becomes 3 V.

    **Required keys:** ``num_clips``, ``img_shape``, ``frame_inds``. **Modified keys:** as
    :class:`ClipRandomResizedCrop`, and ``num_clips``, ``frame_inds``. The V clips of the first
    crop come first.

    Args:
        size: (h, w) of the crop, or the side of a square.
        motion_stride: Width of the motion cells of the result in px; None keeps their number.
        flow_stride: Width of the cells of flow in px; None: as it is.

    Raises:
        ValueError: From a frame that is smaller than the crop.
    """

    def _boxes(self, shape: Size) -> list[View]:
        height, width = self.size
        centre = centre_box(shape, self.size)
        if shape[1] - width >= shape[0] - height:
            corners = [(0, centre.top), (shape[1] - width, centre.top)]
        else:
            corners = [(centre.left, 0), (centre.left, shape[0] - height)]
        ends = [View(left, top, left + width, top + height) for left, top in corners]
        return [*ends, centre]

    def transform(self, results: dict) -> dict:
        """Crops."""
        _require_room(type(self).__name__, results['img_shape'], self.size)
        total = total_views(results)
        views = [[box] * total for box in self._boxes(results['img_shape'])]
        return self._show(results, views, self.size)


@TRANSFORMS.register_module()
class ClipTenCrop(ClipThreeCrop):
    """Cuts out the four corners and the centre, each also mirrored: V becomes 10 V.

    Keys, arguments and errors as :class:`ClipThreeCrop`. The order is that of mmaction2's
    ``TenCrop``: upper left, its mirror image, upper right, lower left, lower right, centre.
    """

    def _boxes(self, shape: Size) -> list[View]:
        height, width = self.size
        bottom, right = shape[0] - height, shape[1] - width
        corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        boxes = [View(left, top, left + width, top + height) for left, top in corners]
        boxes.append(centre_box(shape, self.size))
        return [box._replace(flip=flip) for box in boxes for flip in (None, 'horizontal')]


@TRANSFORMS.register_module()
class ClipRandomCrop(ClipCenterCrop):
    """Cuts a box of ``size`` out of each clip, at a random place.

    Keys and errors as :class:`ClipCenterCrop`.

    Args:
        size: (h, w) of the crop, or the side of a square.
        motion_stride: Width of the motion cells of the result in px; None keeps their number.
        flow_stride: Width of the cells of flow in px; None: as it is.
        per_clip: Each clip draws a place of its own; False: one for all clips of the video.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        motion_stride: int | None = 4,
        flow_stride: int | None = None,
        per_clip: bool = True,
    ) -> None:
        super().__init__(size, motion_stride, flow_stride)
        self.per_clip = per_clip

    def transform(self, results: dict) -> dict:
        """Crops."""
        shape = results['img_shape']
        _require_room(type(self).__name__, shape, self.size)
        boxes = _draw_boxes(results, lambda: random_place(shape, self.size), self.per_clip)
        return self._show(results, [boxes], self.size)
