"""Motion differentials: how much motion in the foreground differs between two maps of flow.

Eqs. (8) and (9) of Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video
Representation", ECCV 2022, on dense flow or on cells, such as those of the codec's vectors.
"""

from collections import deque

import cv2
import numpy as np

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.video.motion.geometry import Size, cell_centres

#: What a map, or a map and a later one, are worth: columns of :attr:`MotionDifferential.values`.
FUNCTIONS = ('w', 'd', 'dw')

#: How weights follow from the coarse map of motion boundaries.
WEIGHTS = ('softmax', 'max')

# Side of the windows of the coarse map, in px of a frame whose shorter side has so many.
_WINDOW, _SHORT_SIDE = 28, 240
# Numbers of maps of flow that are worked on together.
_VALUES_AT_ONCE = 2**16


def motion_boundary(flow: np.ndarray, cell: int = 1) -> np.ndarray:
    """The magnitude of the derivatives of flow in x and y, by the Sobel operator.

    It is divided by the side of a cell, so that its mean over an area is the same for a dense field
    and for its cells. The border of the frame goes on as it ends.

    Args:
        flow: float32 ``(n, gh, gw, 2)`` px.
        cell: px per value, along each side.

    Returns:
        float32 ``(n, gh, gw)``: the root of the sum of the squares of all four derivatives.
    """
    out = np.empty(flow.shape[:-1], np.float32)
    for field, magnitude in zip(flow, out, strict=True):
        squares = 0.0
        for dx, dy in ((1, 0), (0, 1)):
            change = cv2.Sobel(field, cv2.CV_32F, dx, dy, borderType=cv2.BORDER_REPLICATE)
            squares = squares + cv2.multiply(change, change)
        np.sqrt(cv2.transform(squares, _SUM), out=magnitude)
    out /= cell
    return out


_SUM = np.ones((1, 2), np.float32)


class CoarseMap:
    """Means over windows of 28 px of a frame whose shorter side has 240, linear between them.

    That is the coarsening of Eq. (8): average pooling with a stride as wide as its windows, and
    upsampling. A window's side is 28 / 240 of the frame's shorter side, in px of any size of frame:
    there are 8 along that side, also where they are smaller than a cell. What is left over at the
    right and at the bottom is in none of them. They may cut through cells, of which they take the
    share that they cover.

    Args:
        size: ``(h, w)`` of the frame in px.
        cell: px per value, along each side.
    """

    def __init__(self, size: Size, cell: int = 1) -> None:
        window = _WINDOW * min(size) / _SHORT_SIDE
        axes = [_means_and_weights(length, cell, window) for length in size]
        (self._rows, self._up), (self._columns, self._across) = axes

    def __call__(self, field: np.ndarray) -> np.ndarray:
        """The coarse version of fields: float32 ``(n, gh, gw)`` to the same shape."""
        # einsum, and not BLAS, whose results may depend on the number of its threads.
        means = np.einsum('nyx,jx->njy', field, self._columns)
        means = np.einsum('njy,iy->nij', means, self._rows)
        means = np.einsum('nij,xj->nix', means, self._across)
        return np.einsum('nix,yi->nyx', means, self._up)


def foreground_weights(coarse: np.ndarray, weight: str = 'softmax') -> np.ndarray:
    """Where the foreground is: Eq. (8).

    Args:
        coarse: float32 ``(n, gh, gw)``, a :class:`CoarseMap` of :func:`motion_boundary`.
        weight: 'softmax' over the places of a map, as in the paper, or 'max': divided by the
            greatest value, as in the released code; nothing where that is zero.

    Returns:
        float32 ``(n, gh, gw)``.
    """
    greatest = coarse.max(axis=(1, 2), keepdims=True)
    if weight == 'max':
        return coarse / np.where(greatest > 0, greatest, 1)
    powers = np.exp(coarse - greatest)
    return powers / _sum(powers)[:, None, None]


class MotionDifferential:
    """Motion differentials of a video, from its maps of flow one after another.

    ``a_t = v(o_t) w_t`` and ``z_t = sum(d(a_t, a_{t + distance}))``: v colours a map, divided by
    its longest vector, by the Middlebury wheel in 0..255, w are :func:`foreground_weights`, d is
    the Euclidean distance of two colours.

    Args:
        size: ``(h, w)`` of the frames in px.
        cell: px per value of flow, along each side.
        distance: maps from one to the map that it is compared with.
        weight: one of :data:`WEIGHTS`.

    Raises:
        ValueError: another weight, or a distance below 1.

    Example:
        >>> differential = MotionDifferential((240, 320), cell=8, distance=2)
        >>> differential.add(np.zeros((5, 30, 40, 2), np.float32))
        >>> differential.values[:, 2].tolist()
        [0.0, 0.0, 0.0, nan, nan]
    """

    def __init__(self, size: Size, cell: int, distance: int, weight: str = 'softmax') -> None:
        if weight not in WEIGHTS:
            raise ValueError(f'weight must be one of {WEIGHTS}, got {weight!r}')
        if distance < 1:
            raise ValueError(f'maps are compared 1 or more apart, got {distance}')
        self._cell = cell
        self._coarsen = CoarseMap(size, cell)
        self._distance = distance
        self._weight = weight
        # Of the last maps, with which later ones are compared: colours, and weights of places.
        self._last: deque[tuple[np.ndarray, np.ndarray]] = deque()
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in FUNCTIONS}

    def add(self, flow: np.ndarray) -> None:
        """Takes the next maps: float32 ``(n, gh, gw, 2)`` px, finite, any number of them."""
        # As many at once as caches hold.
        step = max(_VALUES_AT_ONCE // flow[0].size, 1) if len(flow) else 1
        for begin in range(0, len(flow), step):
            self._add(flow[begin : begin + step])

    def _add(self, flow: np.ndarray) -> None:
        coarse = self._coarsen(motion_boundary(flow, self._cell))
        weights = foreground_weights(coarse, self._weight)
        # Softmax would add up to 1 in every map.
        self._parts['w'].append(_sum(weights if self._weight == 'max' else coarse))
        self._last.extend(zip(flow_colours(flow), weights, strict=True))
        later = list(self._last)[self._distance :]
        if later:
            earlier = [self._last.popleft() for _ in later]
            self._compare(earlier, later)

    def _compare(
        self,
        earlier: list[tuple[np.ndarray, np.ndarray]],
        later: list[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        """Adds d and z of maps and as many later ones."""
        colours, weights = (np.stack(part) for part in zip(*earlier, strict=True))
        others, their_weights = (np.stack(part) for part in zip(*later, strict=True))
        self._parts['d'].append(_distances(colours.astype(np.float32), others))
        masked = others * their_weights[:, None]
        self._parts['dw'].append(_distances(colours * weights[:, None], masked))

    @property
    def values(self) -> np.ndarray:
        """float32 ``(n, 3)``, of each map so far: sum(w), sum(d of colours) and z, Eq. (9).

        sum(w) is that of the weights or, as softmax adds up to 1, of the coarse map before it. The
        other two compare a map with a later one: nan where that has not come.
        """
        columns = [np.concatenate([*self._parts[name], _NOTHING]) for name in FUNCTIONS]
        out = np.full((len(columns[0]), len(columns)), np.nan, np.float32)
        for place, column in enumerate(columns):
            out[: len(column), place] = column
        return out


_NOTHING = np.empty(0, np.float32)


def flow_colours(flow: np.ndarray) -> np.ndarray:
    """Colours of maps of flow, each divided by its longest vector: uint8 ``(n, 3, gh, gw)``.

    They are those of :func:`~ssvrl_mm.video.motion.flow.colour_code_flow`.
    """
    longest = np.sqrt(np.einsum('nyxc,nyxc->nyx', flow, flow).max(axis=(1, 2)))
    scaled = flow / np.where(longest > 0, longest, 1)[:, None, None, None]
    # Rounding may leave the longest vector a little too long, which would be darkened.
    colours = colour_code_flow(scaled, max_magnitude=1 + 1e-6)
    return np.ascontiguousarray(np.moveaxis(colours, -1, 1))


def _distances(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The sums, over all places, of the distances of colours ``(n, 3, gh, gw)``: ``(n,)``.

    The first are float32.
    """
    change = maps - others
    return _sum(np.sqrt(np.einsum('ncyx,ncyx->nyx', change, change)))


def _sum(maps: np.ndarray) -> np.ndarray:
    return maps.reshape(len(maps), maps.shape[1] * maps.shape[2]).sum(axis=1)


def _means_and_weights(length: int, cell: int, window: float) -> tuple[np.ndarray, np.ndarray]:
    """How windows follow from cells along one axis, ``(windows, cells)``, and cells from windows.

    Args:
        length: of the frame, px.
        cell: px per cell.
        window: px, at most the length.
    """
    cells = -(-length // cell)
    count = int(length / window + 1e-6)
    edges = np.minimum(np.arange(cells + 1) * cell, length)
    bounds = np.arange(count + 1) * window
    overlap = np.minimum(bounds[1:, None], edges[1:]) - np.maximum(bounds[:-1, None], edges[:-1])
    means = overlap.clip(0) / np.diff(bounds)[:, None]
    # Linear between the middles of equal parts of the frame, as images are resized.
    place = (cell_centres(length, cells, cell) * count / length - 0.5).clip(0, count - 1)
    weights = (1 - np.abs(place[:, None] - np.arange(count))).clip(0)
    return means.astype(np.float32), weights.astype(np.float32)
