"""Motion compensation and residuals."""

import math

import cv2
import numpy as np
from numpy.typing import DTypeLike

from ssvrl_mm.video.decoding.cropping import Region
from ssvrl_mm.video.motion.geometry import cell_size


class MotionCompensator:
    """Predicts frames from others, and keeps its memory for the next: fresh memory costs time.

    What it returns holds until it is asked again.
    """

    def __init__(self) -> None:
        self._memory: dict[str, np.ndarray] = {}

    def warp(
        self, previous: np.ndarray, motion: np.ndarray, region: Region | None = None
    ) -> np.ndarray:
        """What :func:`warp` does."""
        if motion.ndim != 3 or motion.shape[-1] != 2:
            raise ValueError(f'expected motion of shape (gh, gw, 2), got {motion.shape}')
        height, width = previous.shape[:2]
        left, top, right, bottom = region or (0, 0, width, height)
        size = bottom - top, right - left
        rows = _cells(top, bottom, height, motion.shape[0])
        cols = _cells(left, right, width, motion.shape[1])
        # Cells are spread along their rows before these are repeated.
        field = motion.astype(np.float32, copy=False).take(cols, axis=1)
        x, y = np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
        across, down = (self._array(name, size, np.float32) for name in ('across', 'down'))
        # With another mode, numpy takes memory of its own.
        np.take(x - field[..., 0], rows, axis=0, out=across, mode='clip')
        np.take(field[..., 1], rows, axis=0, out=down, mode='clip')
        np.subtract(y[:, None], down, out=down)
        # OpenCV takes half the time for four channels that it takes for three.
        is_rgb = previous.shape[2:] == (3,)
        source, channels = previous, previous.shape[2:]
        if is_rgb:
            source, channels = self._array('source', (height, width, 4)), (4,)
            cv2.cvtColor(previous, cv2.COLOR_RGB2RGBA, dst=source)
        made = self._array('made', (*size, *channels), previous.dtype)
        border = cv2.BORDER_REPLICATE
        cv2.remap(source, across, down, cv2.INTER_LINEAR, dst=made, borderMode=border)
        if not is_rgb:
            return made
        return cv2.cvtColor(made, cv2.COLOR_RGBA2RGB, dst=self._array('rgb', (*size, 3)))

    def residual(
        self,
        previous: np.ndarray,
        frame: np.ndarray,
        motion: np.ndarray,
        region: Region | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """What :func:`residual` does; ``out`` takes the result if it is given."""
        if previous.shape != frame.shape:
            raise ValueError(f'frames differ in shape: {previous.shape} and {frame.shape}')
        made = self.warp(previous, motion, region)
        if region:
            left, top, right, bottom = region
            frame = frame[top:bottom, left:right]
        if out is None:
            out = self._array('residual', frame.shape, np.int16)
        return np.subtract(frame, made, out=out, dtype=np.int16)

    def _array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> np.ndarray:
        """An array in the memory of this name, which grows as need be."""
        length = math.prod(shape)
        memory = self._memory.get(name)
        if memory is None or len(memory) < length or memory.dtype != dtype:
            memory = self._memory[name] = np.empty(length, dtype)
        return memory[:length].reshape(shape)


def warp(previous: np.ndarray, motion: np.ndarray, region: Region | None = None) -> np.ndarray:
    """Motion compensation: predicts a frame from the previous one.

    ``prediction(p) = previous(p - motion(p))``, linear between pixels, the border repeated outside.

    Args:
        previous: uint8 ``(h, w, c)`` or ``(h, w)``.
        motion: ``(gh, gw, 2)`` px/frame, from the previous frame to the one to predict; a grid of
            8x8 px cells or a dense field ``(h, w, 2)``.
        region: ``(left, top, right, bottom)`` in whole px of what to predict; None: all of it.

    Returns:
        The prediction of the region, dtype of ``previous``.

    Raises:
        ValueError: ``motion`` is not one field.
    """
    return MotionCompensator().warp(previous, motion, region)


def residual(
    previous: np.ndarray, frame: np.ndarray, motion: np.ndarray, region: Region | None = None
) -> np.ndarray:
    """What motion compensation leaves unexplained: ``frame - warp(previous, motion)``.

    ``warp(previous, motion) + residual(previous, frame, motion)`` is the frame, exactly.

    Args:
        previous: uint8 ``(h, w, c)`` or ``(h, w)``, the frame before.
        frame: uint8, the same shape.
        motion: ``(gh, gw, 2)`` px/frame from ``previous`` to ``frame``.
        region: ``(left, top, right, bottom)`` in whole px of what to compute; None: all of it.

    Returns:
        int16 of the frames' shape, or of the region's, in [-255, 255].

    Raises:
        ValueError: shapes do not fit.
    """
    return MotionCompensator().residual(previous, frame, motion, region)


def _cells(first: int, last: int, length: int, cells: int) -> np.ndarray:
    """The cells that pixels ``first`` to ``last - 1`` of an axis of ``length`` px lie in."""
    places = np.arange(first, last) / cell_size(length, cells)
    return places.astype(np.intp).clip(max=cells - 1)
