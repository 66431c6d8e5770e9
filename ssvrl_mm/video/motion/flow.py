"""Optical flow that obeys the contract of motion, and its colour coding."""

import threading
from collections.abc import Callable

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import CELL, grid_size

METHODS = ('dis', 'farneback', 'tvl1')

#: A name in :data:`METHODS`, or a function that takes two RGB frames, uint8 ``(h, w, 3)``, and
#: returns the flow from the first to the second, float32 ``(h, w, 2)`` px.
FlowMethod = str | Callable[[np.ndarray, np.ndarray], np.ndarray]

#: Shortest side in px of frames that motion can be estimated on: the least for DIS's pyramid.
SMALLEST_SIDE = 16

_persistent = threading.local()


def estimate_motion(
    previous_rgb: np.ndarray,
    frame_rgb: np.ndarray,
    method: FlowMethod = 'dis',
    scale: float = 0.5,
    grid: bool = True,
) -> np.ndarray:
    """Motion from one frame to the next, estimated on pixels by optical flow.

    The value at a place of ``frame_rgb`` says where the content seen there has moved since
    ``previous_rgb``: the negative of the flow back from the frame to the previous one.

    Args:
        previous_rgb: uint8 ``(h, w, 3)``, or grey ``(h, w)``.
        frame_rgb: uint8, the same shape.
        method: 'dis' (Kroeger et al. 2016, the fastest), 'farneback' (Farnebäck 2003) or 'tvl1'
            (Zach et al. 2007; slow, needs OpenCV's contrib modules); or a function such as
            :class:`~ssvrl_mm.video.motion.raft.RAFT`.
        scale: the flow is computed on frames resized by this factor.
        grid: mean over cells of 8x8 px, as codec motion has; otherwise a dense field.

    Returns:
        float32 ``(ceil(h / 8), ceil(w / 8), 2)`` or ``(h, w, 2)``, px/frame.

    Raises:
        ValueError: unknown method, or shapes that do not fit.
        ImportError: 'tvl1' without ``cv2.optflow``.

    Example:
        >>> frame = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        >>> estimate_motion(frame, frame).shape
        (8, 8, 2)
    """
    if previous_rgb.shape != frame_rgb.shape or frame_rgb.ndim not in (2, 3):
        raise ValueError(
            f'expected two frames of one shape, got {previous_rgb.shape} and {frame_rgb.shape}'
        )
    if not scale > 0:
        raise ValueError(f'scale must be positive: {scale}')
    size = height, width = frame_rgb.shape[:2]
    work = tuple(max(round(side * scale), min(side, SMALLEST_SIDE)) for side in size)
    if min(work) < SMALLEST_SIDE:
        raise ValueError(f'optical flow needs frames of {SMALLEST_SIDE} px at least, got {size}')

    if callable(method):
        back = method(_resize(_rgb(frame_rgb), work), _resize(_rgb(previous_rgb), work))
        if back.shape != (*work, 2):
            raise ValueError(f'{method!r} gives flow {back.shape} for frames of {work} px')
        back = back.astype(np.float32)
    else:
        back = _flow(method)(_grey(frame_rgb, work), _grey(previous_rgb, work))
    back *= np.array([-width / work[1], -height / work[0]], np.float32)
    if not grid:
        return cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR)
    rows, cols = grid_size(size)
    # The last cells may overhang the frame: repeat the field there so that every cell is whole.
    below = round(rows * CELL * work[0] / height) - work[0]
    beyond = round(cols * CELL * work[1] / width) - work[1]
    if below or beyond:
        back = cv2.copyMakeBorder(back, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
    return cv2.resize(back, (cols, rows), interpolation=cv2.INTER_AREA)


def colour_code_flow(motion: np.ndarray, max_magnitude: float | None = None) -> np.ndarray:
    """Colours a motion field: hue for the direction, saturation for the length.

    The colour wheel of the Middlebury benchmark (Baker et al., A Database and Evaluation
    Methodology for Optical Flow, IJCV 2011). Rest is white, motion to the right red, down yellow,
    left cyan and up violet; longer than ``max_magnitude`` is darkened, unknown (not finite) black.

    Args:
        motion: ``(..., 2)`` px/frame.
        max_magnitude: length that is fully saturated, px/frame. Defaults to the longest vector.

    Returns:
        uint8 RGB ``(..., 3)``.

    Raises:
        ValueError: the last dimension is not 2, or ``max_magnitude`` is not positive.

    Example:
        >>> colour_code_flow(np.array([[3.0, 0.0], [0.0, 0.0]])).tolist()
        [[255, 0, 0], [255, 255, 255]]
    """
    if motion.shape[-1:] != (2,):
        raise ValueError(f'expected motion of shape (..., 2), got {motion.shape}')
    if max_magnitude is not None and not max_magnitude > 0:
        raise ValueError(f'max_magnitude must be positive: {max_magnitude}')
    known = np.isfinite(motion).all(axis=-1)
    field = np.where(known[..., None], motion, 0).astype(np.float32)
    length = np.hypot(field[..., 0], field[..., 1])
    if max_magnitude is None:
        max_magnitude = float(length.max(initial=0)) or 1.0
    length /= max_magnitude

    # Adding 0 makes -0 positive, so that motion straight to the right is red and never magenta.
    angle = np.arctan2(-(field[..., 1] + 0.0), -field[..., 0]) / np.pi
    place = (angle + 1) / 2 * (len(_WHEEL) - 1)
    lower = place.astype(np.intp)
    part = (place - lower)[..., None]
    hue = (1 - part) * _WHEEL[lower] + part * _WHEEL[(lower + 1) % len(_WHEEL)]
    length = length[..., None]
    colour = np.where(length <= 1, 255 - length * (255 - hue), hue * 0.75)
    return np.where(known[..., None], colour, 0).astype(np.uint8)


def _colour_wheel() -> np.ndarray:
    """The 55 hues of the benchmark: six ramps from one pure colour to the next, in [0, 255]."""
    red, yellow, green = (1, 0, 0), (1, 1, 0), (0, 1, 0)
    cyan, blue, magenta = (0, 1, 1), (0, 0, 1), (1, 0, 1)
    corners = np.array([red, yellow, green, cyan, blue, magenta, red], np.float32)
    ramps = []
    for start, end, steps in zip(corners, corners[1:], (15, 6, 4, 11, 13, 6), strict=False):
        ramp = np.floor(255 * np.arange(steps) / steps)[:, None]
        ramps.append(255 * start + (end - start) * ramp)
    return np.concatenate(ramps).astype(np.float32)


_WHEEL = _colour_wheel()


def _grey(frame: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if frame.ndim == 3:
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return _resize(frame, size)


def _rgb(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB) if frame.ndim == 2 else frame


def _resize(frame: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if frame.shape[:2] == size:
        return frame
    return cv2.resize(frame, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _flow(method: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Flow from the first grey image to the second. Its buffers live as long as the thread."""
    if method not in METHODS:
        raise ValueError(f'unknown optical flow {method!r}, expected one of {METHODS}')
    if not hasattr(_persistent, method):
        setattr(_persistent, method, _CREATE[method]())
    return getattr(_persistent, method)


def _create_dis() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    # One level finer than the preset, which has no variational refinement: predicts real clips as
    # well as the medium preset (mean residual 1.9 grey levels) in a third of the time; the presets
    # as they are leave 2.6 (ultrafast) and 2.4 (fast).
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    size, stride = dis.getPatchSize(), dis.getPatchStride()

    def calculate(image: np.ndarray, other: np.ndarray) -> np.ndarray:
        # Small frames change these, for all frames after them.
        dis.setFinestScale(1)
        dis.setPatchSize(size)
        dis.setPatchStride(stride)
        return dis.calc(image, other, None)

    return calculate


def _create_farneback() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def calculate(image: np.ndarray, other: np.ndarray) -> np.ndarray:
        return cv2.calcOpticalFlowFarneback(
            image,
            other,
            None,
            pyr_scale=0.5,
            levels=4,
            winsize=13,
            iterations=5,
            poly_n=5,
            poly_sigma=1.1,
            flags=0,
        )

    return calculate


def _create_tvl1() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    if not hasattr(cv2, 'optflow'):
        raise ImportError(
            "TV-L1 optical flow is in OpenCV's contrib modules: install opencv-contrib-python, "
            "or use method='dis' or 'farneback'"
        )
    tvl1 = cv2.optflow.DualTVL1OpticalFlow.create()
    return lambda image, other: tvl1.calc(image, other, None)


_CREATE = {'dis': _create_dis, 'farneback': _create_farneback, 'tvl1': _create_tvl1}
