"""Where a clip moves most: the labels of pyramidal motion statistics prediction."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS, gop_windows
from ssvrl_mm.video.motion.geometry import Size, cell_size

#: The label of a window in which nothing moves; losses and accuracies pass over it.
NO_MOTION = -1

# Smaller differences, as a share of the greatest motion, are the rounding of interpolated motion.
_ROUNDING = 1e-5


def motion_energies(
    motion: np.ndarray,
    valid: np.ndarray | None = None,
    num_gops: int = 5,
    size: Size | None = None,
    grids: Sequence[int] = GRIDS,
    windows: Sequence[int] = WINDOWS,
) -> tuple[np.ndarray, ...]:
    """The motion energy in each cell of a spatio-temporal pyramid.

    Algorithm 1 of Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR
    2021: the field's derivatives in x and y, summed over the maps of a window, have a magnitude in
    every place, and its mean over a cell is the cell's energy. The paper does not define the
    derivatives of a field of two components: here they are those of both, and the magnitude is the
    root of the sum of all four squares, which turns with the picture. A field that is the same
    everywhere, as that of a camera that pans, has none; neither has the border of the picture.

    Args:
        motion: ``(T * P, gh, gw, 2)`` px, P maps of each of T groups of pictures.
        valid: bool ``(T * P, gh, gw)``; where it is False counts as no motion. None: all of it is
            used.
        num_gops: Groups of pictures T.
        size: ``(h, w)`` of the frame in px, needed where cells overhang it. None: they do not.
        grids: Cells s along each side of the frame; they have the same area, whatever gh and gw.
        windows: The temporal scales of :func:`~ssvrl_mm.motion_pyramid.gop_windows`.

    Returns:
        One float64 array ``(W, s * s)`` per grid: px, of the W windows, cells row by row.

    Raises:
        ValueError: Shapes do not fit, maps do not part into groups, or a grid or window cannot be.
    """
    if motion.ndim != 4 or motion.shape[-1] != 2 or 0 in motion.shape:
        raise ValueError(f'expected motion of shape (T, gh, gw, 2), got {motion.shape}')
    if valid is not None and valid.shape != motion.shape[:-1]:
        raise ValueError(f'a mask {valid.shape} does not go with motion {motion.shape}')
    if num_gops < 1 or len(motion) % num_gops:
        raise ValueError(f'{len(motion)} maps of motion are no {num_gops} groups of equal length')
    if not grids or min(grids) < 1:
        raise ValueError(f'grids have 1 or more cells along each side, got {tuple(grids)}')
    slices = gop_windows(num_gops, windows)
    if valid is not None:
        motion = motion * valid[..., None]
    per_gop = motion.reshape(num_gops, -1, *motion.shape[1:]).sum(1, np.float32)
    # Derivatives of a sum are the sum of the derivatives.
    fields = np.concatenate([per_gop[window].sum(0) for window in slices], -1)
    squares = _prewitt(fields, 0) ** 2 + _prewitt(fields, 1) ** 2
    magnitude = np.sqrt(squares.reshape(*fields.shape[:2], -1, 2).sum(-1))
    magnitude[magnitude < _ROUNDING * np.abs(fields).max()] = 0
    h, w = size or magnitude.shape[:2]
    cells = []
    for grid in grids:
        rows, cols = _shares(magnitude.shape[0], h, grid), _shares(magnitude.shape[1], w, grid)
        cells.append(np.einsum('ay,bx,yxn->nab', rows, cols, magnitude, optimize=True))
    return tuple(energy.reshape(len(slices), -1) for energy in cells)


def pmsp_labels(
    motion: np.ndarray,
    valid: np.ndarray | None = None,
    num_gops: int = 5,
    size: Size | None = None,
    grids: Sequence[int] = GRIDS,
    windows: Sequence[int] = WINDOWS,
) -> np.ndarray:
    """In which cell each window of a clip moves most.

    The arguments and errors are those of :func:`motion_energies`.

    Returns:
        int64 ``(W, G)``: of each window and grid the cell with the greatest energy, counted row by
        row; the first of several; :data:`NO_MOTION` where none has any.

    Example:
        >>> motion = np.zeros((25, 28, 28, 2), np.float32)
        >>> motion[:, 2:5, 23:26] = 3, 0  # something small in the upper right corner
        >>> pmsp_labels(motion)[0].tolist()
        [1, 2, 3]
    """
    energies = motion_energies(motion, valid, num_gops, size, grids, windows)
    labels = [np.where(energy.any(1), energy.argmax(1), NO_MOTION) for energy in energies]
    return np.stack(labels, 1).astype(np.int64)


def most_frequent_label_accuracy(
    train_labels: np.ndarray,
    test_labels: np.ndarray,
    grids: Sequence[int] = GRIDS,
    windows: Sequence[int] = WINDOWS,
) -> dict[tuple[int, int], float]:
    """What one gets right who always answers the most frequent training label of the level.

    A network that has learned to predict motion statistics does better.

    Args:
        train_labels: int ``(N, W, G)``, :func:`pmsp_labels` of N clips.
        test_labels: int ``(M, W, G)``.
        grids: Of the labels.
        windows: Of the labels, the temporal scales.

    Returns:
        The share in 0..1 of the labels of the test clips, by level: grid s and temporal scale t.
        nan where there is no label, of test clips or of training.

    Raises:
        ValueError: Shapes do not fit.

    Example:
        >>> train, test = (np.reshape(x, (-1, 1, 1)) for x in ([3, 3, 1, -1], [3, 0, -1, 3]))
        >>> most_frequent_label_accuracy(train, test, grids=(2,), windows=(1,))
        {(2, 1): 0.6666666666666666}
    """
    shape = sum(windows), len(grids)
    if train_labels.shape[1:] != shape or test_labels.shape[1:] != shape:
        raise ValueError(
            f'expected labels (N, {shape[0]}, {shape[1]}), got {train_labels.shape} '
            f'and {test_labels.shape}'
        )
    accuracy, end = {}, 0
    for scale in windows:
        begin, end = end, end + scale
        for place, grid in enumerate(grids):
            train, test = (labels[:, begin:end, place] for labels in (train_labels, test_labels))
            train, test = train[train != NO_MOTION], test[test != NO_MOTION]
            hits = test == np.bincount(train).argmax() if len(train) else test[:0]
            accuracy[grid, scale] = float(hits.mean()) if len(hits) else math.nan
    return accuracy


def _prewitt(fields: np.ndarray, axis: int) -> np.ndarray:
    """The Prewitt derivative of every channel along an axis; the border goes on as it ends."""
    derive, smooth = np.array([-1, 0, 1], np.float32), np.ones(3, np.float32)
    across, down = (smooth, derive) if axis == 0 else (derive, smooth)
    return cv2.sepFilter2D(fields, cv2.CV_32F, across, down, borderType=cv2.BORDER_REPLICATE)


def _shares(cells: int, length: int, grid: int) -> np.ndarray:
    """How much of each of ``grid`` equal parts of the frame each of the cells takes: rows sum to 1.

    Args:
        cells: Cells of motion along one axis.
        length: Of the frame, along this axis.
        grid: Parts.
    """
    edges = np.minimum(np.arange(cells + 1) * cell_size(length, cells), length)
    bounds = np.arange(grid + 1) * (length / grid)
    overlap = np.minimum(bounds[1:, None], edges[1:]) - np.maximum(bounds[:-1, None], edges[:-1])
    return overlap.clip(0) * (grid / length)
