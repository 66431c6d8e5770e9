"""Motion compensation and residuals."""

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import cell_size


def warp(previous: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Motion compensation: predicts a frame from the previous one.

    ``prediction(p) = previous(p - motion(p))``, linear between pixels, the border repeated outside.

    Args:
        previous: uint8 ``(h, w, c)`` or ``(h, w)``.
        motion: ``(gh, gw, 2)`` px/frame, from the previous frame to the one to predict; a grid of
            8x8 px cells or a dense field ``(h, w, 2)``.

    Returns:
        The prediction, shape and dtype of ``previous``.

    Raises:
        ValueError: ``motion`` is not one field.
    """
    if motion.ndim != 3 or motion.shape[-1] != 2:
        raise ValueError(f'expected motion of shape (gh, gw, 2), got {motion.shape}')
    height, width = previous.shape[:2]
    grid_h, grid_w = motion.shape[:2]
    # The last cells may overhang the frame: spread to the covered size, then cut.
    covered = (
        round(grid_w * cell_size(width, grid_w)),
        round(grid_h * cell_size(height, grid_h)),
    )
    field = cv2.resize(motion.astype(np.float32), covered, interpolation=cv2.INTER_NEAREST)
    place = np.indices((height, width), np.float32)
    place[0] -= field[:height, :width, 1]
    place[1] -= field[:height, :width, 0]
    return cv2.remap(
        previous, place[1], place[0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def residual(previous: np.ndarray, frame: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """What motion compensation leaves unexplained: ``frame - warp(previous, motion)``.

    ``warp(previous, motion) + residual(previous, frame, motion)`` is the frame, exactly.

    Args:
        previous: uint8 ``(h, w, c)`` or ``(h, w)``, the frame before.
        frame: uint8, the same shape.
        motion: ``(gh, gw, 2)`` px/frame from ``previous`` to ``frame``.

    Returns:
        int16 of the frames' shape, in [-255, 255].

    Raises:
        ValueError: shapes do not fit.
    """
    if previous.shape != frame.shape:
        raise ValueError(f'frames differ in shape: {previous.shape} and {frame.shape}')
    return np.subtract(frame, warp(previous, motion), dtype=np.int16)
