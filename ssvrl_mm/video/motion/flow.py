"""Optical flow that obeys the contract of motion, and its colour coding."""

import math
import operator
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import CELL, Size, grid_size

METHODS = ('dis', 'farneback', 'tvl1')

#: The method that computes nothing: motion vectors followed along their paths.
VECTORS = 'vectors'

#: Names of methods whose flow may be read from files.
STORED = (*METHODS, 'raft')

#: A name in :data:`METHODS`, or a function that takes two RGB frames, uint8 ``(h, w, 3)``, and
#: returns the flow from the first to the second, float32 ``(h, w, 2)`` px.
FlowMethod = str | Callable[[np.ndarray, np.ndarray], np.ndarray]

#: Shortest side in px of frames that motion can be estimated on: the least for DIS's pyramid.
SMALLEST_SIDE = 16

_persistent = threading.local()


@dataclass(frozen=True)
class FlowOptions:
    """Which flow to read; the reader's arguments that begin with ``flow_``.

    Args:
        method: 'dis', 'farneback', 'tvl1', a function such as
            :class:`~ssvrl_mm.video.motion.raft.RAFT`, or 'vectors': motion vectors followed along
            their paths.
        scale: flow is computed on frames resized by this factor; not with 'vectors'.
        cell: px of the frame per value, along each side: 1 is dense, and ``scale=.5, cell=2``
            leaves every computed value as it is. None: 1, of 'vectors' 8.
        span: frames from the start of the displacement to its end. k > 0: at frame t since t - k;
            k < 0: at frame t until t + |k|.
        file: where flow is stored, so that nothing is computed; 'raft' is a method then too.

    Raises:
        ValueError: an unknown method, or a value out of range.
        ImportError: 'tvl1' without OpenCV's contrib modules.
    """

    method: FlowMethod = 'dis'
    scale: float = 1.0
    cell: int | None = None
    span: int = 1
    file: str | os.PathLike | bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not callable(self.method):
            self._check_name(self.method)
        if not 0 < self.scale < math.inf:
            raise ValueError(f'flow_scale must be positive, got {self.scale}')
        if self.method == VECTORS and self.scale != 1:
            raise ValueError(
                f"flow_scale={self.scale} is for flow that is computed, not for 'vectors'; "
                'flow_cell sets the px per value'
            )
        for name, value in (('flow_cell', self.cell), ('flow_span', self.span)):
            if not hasattr(value, '__index__') and not (name == 'flow_cell' and value is None):
                raise ValueError(f'{name} must be a whole number, got {value!r}')
        if self.cell is not None and self.cell < 1:
            raise ValueError(f'flow_cell must be 1 px or more, got {self.cell}')
        if self.span == 0:
            raise ValueError('flow_span must be a number of frames other than 0')

    def _check_name(self, method: str) -> None:
        if self.file is None:
            _require(method, (*METHODS, VECTORS))
        elif method not in STORED:
            raise ValueError(f'flow of {method!r} is not stored, expected one of {STORED}')

    @property
    def px_per_value(self) -> int:
        """``cell``, or what it is by default."""
        if self.cell is not None:
            return operator.index(self.cell)
        return CELL if self.method == VECTORS else 1


def describe_method(method: FlowMethod) -> tuple[str, dict[str, str | int]]:
    """The name of a method and what else its flow depends on, for files of flow.

    Raises:
        ValueError: 'vectors', which is in the video itself, or a function without a method
            ``describe``, which returns a dict with the name under 'method'.
    """
    if method in METHODS or method == 'raft':
        return str(method), {}
    if not hasattr(method, 'describe'):
        raise ValueError(
            f'flow of {method!r} cannot be stored, only that of {STORED} or of a function that '
            'describes itself, as RAFT does'
        )
    facts = method.describe()
    return facts.pop('method'), facts


class FlowEstimator:
    """Computes optical flow between frames of one size, each of which is converted once.

    Args:
        size: ``(h, w)`` of the frames in px.
        method: a name in :data:`METHODS` or a function.
        scale: flow is computed on frames resized by this factor.
        cell: px of the frame per value.

    Raises:
        ValueError: unknown method, a scale that is not positive, or frames that are too small.
        ImportError: 'tvl1' without ``cv2.optflow``.
    """

    def __init__(
        self, size: Size, method: FlowMethod = 'dis', scale: float = 1.0, cell: int = 1
    ) -> None:
        if not scale > 0:
            raise ValueError(f'scale must be positive: {scale}')
        if not callable(method):
            _require(method, METHODS)
        height, width = (max(round(side * scale), min(side, SMALLEST_SIDE)) for side in size)
        if min(height, width) < SMALLEST_SIDE:
            raise ValueError(
                f'optical flow needs frames of {SMALLEST_SIDE} px at least, got {size}'
            )
        self._size = size
        self._work = height, width
        self._method = method
        self._cell = cell

    def prepare(self, frame: np.ndarray) -> np.ndarray:
        """What the method takes of a frame, uint8 ``(h, w, 3)`` or grey ``(h, w)``."""
        if callable(self._method):
            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB) if frame.ndim == 2 else frame
        elif frame.ndim == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if frame.shape[:2] == self._work:
            return frame
        return cv2.resize(frame, self._work[::-1], interpolation=cv2.INTER_AREA)

    def __call__(self, image: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The flow from one prepared frame to another, on the grid of the first.

        Returns:
            float32 ``(ceil(h / cell), ceil(w / cell), 2)``, px of the frames, the mean over each
            cell.
        """
        if callable(self._method):
            flow = self._method(image, other)
            if flow.shape != (*self._work, 2):
                raise ValueError(
                    f'{self._method!r} gives flow {flow.shape} for frames of {self._work} px'
                )
            flow = flow.astype(np.float32)
        else:
            flow = _flow(self._method)(image, other)
        height, width = self._size
        flow *= np.array([width / self._work[1], height / self._work[0]], np.float32)
        return mean_over_cells(flow, self._size, self._cell)


def mean_over_cells(field: np.ndarray, size: Size, cell: int) -> np.ndarray:
    """The means of a field over the cells of a frame, linear between values that are too few.

    The last cells may overhang the frame: the field is repeated there so that every cell is whole.

    Args:
        field: float32 ``(h', w')`` or ``(h', w', channels)``, which covers the frame.
        size: ``(h, w)`` of the frame in px.
        cell: px per cell.

    Returns:
        float32 ``(ceil(h / cell), ceil(w / cell), ...)``.
    """
    cell = min(cell, max(size))
    grid = grid_size(size, cell)
    have = field.shape[:2]
    covered = [cells * cell * own for cells, own in zip(grid, have, strict=True)]
    if covered[0] % size[0] or covered[1] % size[1]:
        # The last cells end between two values.
        field = cv2.resize(field, size[::-1], interpolation=cv2.INTER_LINEAR)
        return mean_over_cells(field, size, cell)
    below, beyond = covered[0] // size[0] - have[0], covered[1] // size[1] - have[1]
    if below or beyond:
        field = cv2.copyMakeBorder(field, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
    if field.shape[:2] == grid:
        return field
    shrinks = grid[0] <= field.shape[0] and grid[1] <= field.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(field, grid[::-1], interpolation=interpolation)


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
    height, width = frame_rgb.shape[:2]
    estimator = FlowEstimator((height, width), method, scale, CELL if grid else 1)
    back = estimator(estimator.prepare(frame_rgb), estimator.prepare(previous_rgb))
    return np.negative(back, out=back)


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
    # Plane by plane: pairs and triples of numbers keep numpy from working on many at once.
    x, y = np.array(np.moveaxis(motion, -1, 0), np.float32, order='C')
    known = np.isfinite(x) & np.isfinite(y)
    if not known.all():
        x, y = np.where(known, x, 0), np.where(known, y, 0)
    length = np.hypot(x, y)
    if max_magnitude is None:
        max_magnitude = float(length.max(initial=0)) or 1.0
    length /= max_magnitude

    # Adding 0 makes -0 positive, so that motion straight to the right is red and never magenta.
    place = (np.arctan2(-(y + 0.0), -x) / np.float32(np.pi) + 1) * ((len(COLOUR_WHEEL) - 1) / 2)
    lower = place.astype(np.intp)
    part = place - lower.astype(np.float32)
    is_long = length > 1
    darkens = bool(is_long.any())
    colours = np.empty((*known.shape, 3), np.uint8)
    for channel, (hues, steps) in enumerate(zip(COLOUR_WHEEL.T, _STEPS.T, strict=True)):
        hue = hues.take(lower) + part * steps.take(lower)
        colour = 255 - length * (255 - hue)
        colours[..., channel] = np.where(is_long, hue * 0.75, colour) if darkens else colour
    if not known.all():
        colours[~known] = 0
    return colours


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


#: The hues of the wheel, float32 (55, 3), RGB in [0, 255], from that of motion to the right on.
COLOUR_WHEEL = _colour_wheel()
# From each hue to the next.
_STEPS = np.roll(COLOUR_WHEEL, -1, axis=0) - COLOUR_WHEEL


def _require(method: object, methods: tuple[str, ...]) -> None:
    """Refuses a method that is unknown, or that OpenCV lacks here."""
    if method not in methods:
        raise ValueError(f'unknown optical flow {method!r}, expected one of {methods}')
    if method == 'tvl1' and not hasattr(cv2, 'optflow'):
        raise ImportError(
            "TV-L1 optical flow is in OpenCV's contrib modules: install opencv-contrib-python, "
            "or use 'dis' or 'farneback'"
        )


def _flow(method: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Flow from the first grey image to the second. Its buffers live as long as the thread."""
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
    tvl1 = cv2.optflow.DualTVL1OpticalFlow.create()
    return lambda image, other: tvl1.calc(image, other, None)


_CREATE = {'dis': _create_dis, 'farneback': _create_farneback, 'tvl1': _create_tvl1}
