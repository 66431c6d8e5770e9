"""Codec motion vectors as motion fields: which frame's vectors to use, and drawing them on a grid.

The contract of *motion* holds: ``motion[y, x] = (dx, dy)`` says where the content seen at this
place has moved since the previous frame, in px/frame, x to the right and y down, on one cell per
8x8 px block.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ssvrl_mm.video.geometry import Size, grid_size

#: Codecs whose motion vectors FFmpeg exports.
EXPORTING_CODECS = (
    'h264',
    'mpeg4',
    'mpeg2video',
    'mpeg1video',
    'msmpeg4v1',
    'msmpeg4v2',
    'msmpeg4v3',
    'h263',
    'h263p',
    'flv1',
)

#: FFmpeg's AVMotionVector. ``motion / motion_scale = src - dst``; ``dst`` is the block's centre.
#: ``source`` is negative for a reference in the past, positive for one in the future.
VECTOR = np.dtype(
    [
        ('source', np.int32),
        ('w', np.uint8),
        ('h', np.uint8),
        ('src_x', np.int16),
        ('src_y', np.int16),
        ('dst_x', np.int16),
        ('dst_y', np.int16),
        ('flags', np.uint64),
        ('motion_x', np.int32),
        ('motion_y', np.int32),
        ('motion_scale', np.uint16),
    ],
    align=True,
)

IFrameMotion = Literal['hold', 'zero']

# No vector is as long as this: the cell is empty.
_EMPTY = np.iinfo(np.int64).min

# Where (motion_x, motion_y) is in a VECTOR, in words of 64 bits.
_MOTION_WORD = 24 // 8

# A macroblock in pixels, and in cells of 8 px.
_BLOCK, _CELLS = 16, 2


class MotionPlan(NamedTuple):
    """Which frame's vectors make each frame's motion: int64 ``(N,)``, -1 for none; and its origin.

    The origins are as in :class:`~ssvrl_mm.video.FrameBatch`.
    """

    sources: np.ndarray
    origins: np.ndarray


def plan_motion(
    types: np.ndarray, codec: str, iframe_motion: IFrameMotion, lost: Collection[int] = ()
) -> MotionPlan:
    """Decides whose vectors give the motion of each frame of a video.

    P-frames have their own, and so have B-frames, except in MPEG-4 Part 2: FFmpeg exports zeros
    there, so these take the field of the P-frame that closes their interval. Frames without any,
    I-frames above all, take the field of the nearest frame before them that has one, of the nearest
    one after them at the start of the video.

    Args:
        types: str ``(N,)`` frame types in the order of display.
        codec: FFmpeg's name of the codec.
        iframe_motion: 'hold' as above; 'zero' leaves I-frames without motion.
        lost: frames that could not be decoded; they count as having no vectors.

    Returns:
        The plan.
    """
    numbers = np.arange(len(types))
    is_intra = types == 'I'
    own = np.where(is_intra, -1, numbers)
    own[list(lost)] = -1
    origins = np.full(len(types), 'coded', '<U10')
    if codec == 'mpeg4':
        is_b = types == 'B'
        # The next frame that is not a B-frame, for every frame; none after the last.
        closing = np.where(is_b, len(types), numbers)
        closing = np.minimum.accumulate(closing[::-1])[::-1]
        closes = np.append(own, -1)[closing]
        own = np.where(is_b, closes, own)
        origins[is_b] = 'propagated'

    has_motion = np.flatnonzero(own >= 0)
    sources = own.copy()
    without = own < 0
    if iframe_motion == 'zero':
        without &= ~is_intra
    if len(has_motion):
        before = np.searchsorted(has_motion, numbers) - 1
        nearest = has_motion[before.clip(0)]
        sources[without] = own[nearest][without]
    origins[own < 0] = np.where(sources >= 0, 'held', 'none')[own < 0]
    return MotionPlan(sources, origins)


def rasterize(
    vectors: Sequence[np.ndarray],
    size: Size,
    past: np.ndarray,
    future: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the vectors of many frames on grids of 8x8 px cells, all at once.

    A vector into the past is the negative of the content's motion over ``past`` frames, one into
    the future its motion over ``future`` frames; a cell with both takes their mean.

    Args:
        vectors: F arrays of :data:`VECTOR`, one per frame; of blocks that overlap the last counts.
        size: ``(h, w)`` of the frames in px. Blocks are clipped there.
        past: ``(F,)`` frames that a vector into the past spans; 1 leaves it undivided.
        future: ``(F,)`` the same for vectors into the future.

    Returns:
        The motion float32 ``(F, gh, gw, 2)``, zero where there is none, and bool ``(F, gh, gw)``,
        True where there is.

    Example:
        >>> vector = np.zeros(1, VECTOR)
        >>> vector[['source', 'w', 'h', 'dst_x', 'dst_y']] = (-1, 16, 16, 8, 8)
        >>> vector[['motion_x', 'motion_scale']] = (-24, 4)
        >>> motion, valid = rasterize([vector], (16, 24), np.array([2]), np.array([1]))
        >>> motion[0, 0].tolist(), valid[0, 0].tolist()
        ([[3.0, 0.0], [3.0, 0.0], [0.0, 0.0]], [True, True, False])
    """
    grid = grid_size(size)
    if not sum(map(len, vectors)):
        shape = (len(vectors), *grid)
        return np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
    frame = np.repeat(np.arange(len(vectors)), [len(part) for part in vectors])
    # Moving words instead of fields is many times faster.
    words = np.concatenate([part.view(np.int64) for part in vectors]).reshape(len(frame), -1)
    table = words.view(VECTOR)[:, 0]
    scale = int(table['motion_scale'].max())
    if (table['motion_scale'] != scale).any():
        factor = scale // table['motion_scale'].astype(np.int32)
        table['motion_x'] *= factor
        table['motion_y'] *= factor

    is_future = table['source'] > 0
    if not is_future.any():
        cells, valid = _scatter(words, frame, len(vectors), grid)
        return _displacement(cells, -scale * past), valid
    cells, valid = _scatter(words[~is_future], frame[~is_future], len(vectors), grid)
    motion = _displacement(cells, -scale * past)
    # Frames that look ahead are few: only they get a second grid.
    ahead, row = np.unique(frame[is_future], return_inverse=True)
    cells, valid_ahead = _scatter(words[is_future], row, len(ahead), grid)
    both = (valid[ahead] & valid_ahead)[..., None]
    total = motion[ahead] + _displacement(cells, scale * future[ahead])
    motion[ahead] = np.where(both, total / 2, total)
    valid[ahead] |= valid_ahead
    return motion, valid


def _displacement(cells: np.ndarray, divisor: np.ndarray) -> np.ndarray:
    vectors = cells.view(np.int32).reshape(*cells.shape, 2)
    return np.divide(vectors, divisor.astype(np.float32)[:, None, None, None], dtype=np.float32)


def _scatter(
    words: np.ndarray, frame: np.ndarray, num_frames: int, grid: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Writes (motion_x, motion_y), taken as one word, into the cells that each block covers.

    Returns the words, int64 ``(F, gh, gw)``, zero where there is none, and where there is one.
    """
    rows, cols = (-(-cells // _CELLS) for cells in grid)
    table = words.view(VECTOR)[:, 0]
    motion = words[:, _MOTION_WORD]
    x, y = table['dst_x'].astype(np.int64), table['dst_y'].astype(np.int64)

    # Whole macroblocks, most of all blocks, go to a coarser grid of their own.
    whole = (table['w'] == _BLOCK) & (table['h'] == _BLOCK) & ((x | y) & 15 == _BLOCK // 2)
    blocks = np.full((num_frames, rows, cols), _EMPTY)
    inside = whole & (x >= 0) & (y >= 0) & (x < cols * _BLOCK) & (y < rows * _BLOCK)
    place = (frame * rows + (y >> 4)) * cols + (x >> 4)
    blocks.reshape(-1)[place[inside]] = motion[inside]
    cells = blocks.repeat(_CELLS, axis=1).repeat(_CELLS, axis=2)

    part = np.flatnonzero(~whole)
    if len(part):
        _scatter_parts(cells, table[part], frame[part], motion[part])
    cells = np.ascontiguousarray(cells[:, : grid[0], : grid[1]])
    valid = cells != _EMPTY
    cells *= valid
    return cells, valid


def _scatter_parts(
    cells: np.ndarray, table: np.ndarray, frame: np.ndarray, motion: np.ndarray
) -> None:
    """Writes blocks of any place, and of 8 or 16 px a side, into the cells."""
    rows, cols = cells.shape[1:]
    left = (table['dst_x'].astype(np.int64) - table['w'] // 2) >> 3
    top = (table['dst_y'].astype(np.int64) - table['h'] // 2) >> 3
    # A block of one cell is written to that cell more than once.
    col = left[:, None] + (table['w'] > 8)[:, None] * np.array([0, 1, 0, 1])
    row = top[:, None] + (table['h'] > 8)[:, None] * np.array([0, 0, 1, 1])
    place = (frame[:, None] * rows + row) * cols + col
    inside = (col >= 0) & (row >= 0) & (col < cols) & (row < rows)
    cells.reshape(-1)[place[inside]] = np.broadcast_to(motion[:, None], place.shape)[inside]
