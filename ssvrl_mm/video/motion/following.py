"""Motion over several frames: vectors followed along their paths, back or ahead in time."""

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import MotionAccumulator, Size, cell_places, cell_size

# How often the place where content lands is corrected by the motion found there. An even number of
# looks leaves content that something else covers in its place.
_CORRECTIONS = 3


def follow_back(motion: np.ndarray, valid: np.ndarray, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Where what is seen in the last of k frames has moved since the frame before them all.

    ``D_s(p) = motion_s(p) + D_{s-1}(p - motion_s(p))``, as in
    :func:`~ssvrl_mm.video.motion.geometry.accumulate_motion`: linear between cells, the border
    repeated outside the frame.

    Args:
        motion: float32 ``(k, gh, gw, 2)`` px/frame of k consecutive frames, each since the frame
            before it.
        valid: bool ``(k, gh, gw)``.
        size: ``(h, w)`` of the frames in px.

    Returns:
        The displacement float32 ``(gh, gw, 2)`` px on the grid of the last frame, and bool
        ``(gh, gw)``, where the nearest cells on the way were all valid.
    """
    accumulator = MotionAccumulator(size)
    for field, known in zip(motion, valid, strict=True):
        accumulator.add(field, known)
    return accumulator.motion, accumulator.valid


def follow_ahead(
    motion: np.ndarray, valid: np.ndarray, size: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Where what is seen in the frame before k frames will have moved by the last of them.

    Motion belongs to the frame that it ends in. What is at ``p`` therefore lands at the ``q`` for
    which ``q = p + motion(q)``, found by going from ``p`` to ``p + motion(p)`` and correcting that
    thrice; and so on from frame to frame. Linear between cells, the border repeated outside the
    frame. There is one such ``q`` wherever motion changes by less than a px per px. What an object
    uncovers next to it may be mistaken for its edge, and what it covers has nowhere to land.

    Args:
        motion: float32 ``(k, gh, gw, 2)`` px/frame of k consecutive frames, each since the frame
            before it.
        valid: bool ``(k, gh, gw)``.
        size: ``(h, w)`` of the frames in px.

    Returns:
        The displacement float32 ``(gh, gw, 2)`` px on the grid of the frame before the first, and
        bool ``(gh, gw)``, where the nearest cells on the way were all valid.
    """
    grid_h, grid_w = motion.shape[1:3]
    cell = np.array([cell_size(size[1], grid_w), cell_size(size[0], grid_h)], np.float32)
    start = cell_places(grid_h, grid_w)
    place, mask = start, np.ones((grid_h, grid_w), bool)
    border = cv2.BORDER_REPLICATE
    for field, known in zip(motion, valid, strict=True):
        step = field / cell
        landing = place
        for _ in range(1 + _CORRECTIONS):
            moved = cv2.remap(step, landing, None, cv2.INTER_LINEAR, borderMode=border)
            landing = place + moved
        found = known.view(np.uint8)
        mask &= cv2.remap(found, landing, None, cv2.INTER_NEAREST, borderMode=border).view(bool)
        place = landing
    return (place - start) * cell, mask
