"""Codec motion vectors as motion fields: which frame's vectors to use, and drawing them on a grid.

The contract of *motion* holds: ``motion[y, x] = (dx, dy)`` says where the content seen at this
place has moved since the previous frame, in px/frame, x to the right and y down, on one cell per
8x8 px block.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ssvrl_mm.video.motion.geometry import Size, grid_size

#: Codecs whose motion vectors FFmpeg exports.
EXPORTING_CODECS = (
    'h264',
    'mpeg4',
    'mpeg2video',
    'mpeg1video',
    'msmpeg4v1',
    'msmpeg4v2',
    'msmpeg4v3',
    'wmv1',
    'wmv2',
    'h263',
    'h263p',
    'flv1',
    'rv10',
    'rv20',
)

# Those of them whose B-frames have their vectors exported.
_WITH_B_VECTORS = ('h264', 'mpeg1video', 'mpeg2video')

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

# The same as fewer numbers: the half of source that tells its sign with width and height, both
# halves of dst, and both of motion.
_PACKED = np.dtype(
    {
        'names': ['kind', 'dst', 'motion', 'scale'],
        'formats': ['<u4', '<u4', '<i8', '<u2'],
        'offsets': [2, 10, 24, 32],
        'itemsize': VECTOR.itemsize,
    }
)

# Of a kind: whether the vector is from the past, and where width and height are.
_FROM_PAST, _SIDES = 0x8000, 16

# The kind of a whole macroblock that is predicted from the past, as nearly all of MPEG-4 are.
_WHOLE_FROM_PAST = 0x1010FFFF

# A macroblock in pixels, and in cells of 8 px.
_BLOCK, _CELLS = 16, 2

# Positions are read as numbers without sign; up to here they cannot be mistaken for negative ones.
_MOST_BLOCKS = 2**15 // _BLOCK

# Stands for a macroblock without a vector; FFmpeg's vectors have 16 bits at most.
_NOTHING = np.iinfo(np.int64).min


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
    if codec not in _WITH_B_VECTORS:
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
            A cell takes the block under its centre. The vectors of a frame have the same scale, as
            FFmpeg gives them.
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
    lengths = [len(part) for part in vectors]
    if not any(lengths):
        shape = (len(vectors), *grid)
        return np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
    parts = [part.view(_PACKED) for part in vectors]
    scale = np.array([part['scale'][0] if len(part) else 1 for part in parts])
    # Column by column out of the structs: joining them first would move ten times as much.
    kind, dst, coded = (
        np.concatenate([part[name] for part in parts]) for name in ('kind', 'dst', 'motion')
    )
    drawn = _draw_blocks(kind, dst, coded, lengths, grid)
    if drawn is not None:
        words, there = drawn
        motion, valid = _divide(words, -past * scale), _spread(there, grid)
        return _spread(motion, grid).view(np.float32).reshape(*valid.shape, 2), valid
    frame = np.repeat(np.arange(len(vectors)), lengths)
    divisor = -past * scale
    is_future = (kind & _FROM_PAST) == 0
    ahead = np.empty(0, np.int64)
    if is_future.any():
        # Vectors into the future get grids of their own, after those of the past.
        where = frame[is_future]
        has_future = np.bincount(where, minlength=len(vectors)) > 0
        ahead = np.flatnonzero(has_future)
        frame[is_future] = (len(vectors) - 1 + np.cumsum(has_future))[where]
        divisor = np.append(divisor, (future * scale)[ahead])
    words, valid = _draw(kind, dst, coded, frame, len(divisor), grid)
    motion = _divide(words, divisor).view(np.float32).reshape(*valid.shape, 2)
    if not len(ahead):
        return motion, valid
    (motion, other), (valid, also) = (np.split(a, [len(vectors)]) for a in (motion, valid))
    other += motion[ahead]
    both = (valid[ahead] & also)[..., None]
    np.multiply(other, 0.5, out=other, where=both)
    motion[ahead] = other
    valid[ahead] |= also
    return motion, valid


def _divide(words: np.ndarray, divisor: np.ndarray) -> np.ndarray:
    """Motion as coded, both halves in one number, ``(F, rows, cols)``, divided frame by frame.

    Returns two halves in one number again: float32.
    """
    coded = words.view(np.int32).reshape(len(words), -1)
    moved = np.divide(coded, divisor[:, None].astype(np.float32), dtype=np.float32)
    moved += 0  # no negative zeros
    return moved.view(np.int64).reshape(words.shape)


def _draw_blocks(
    kind: np.ndarray, dst: np.ndarray, coded: np.ndarray, lengths: Sequence[int], grid: Size
) -> tuple[np.ndarray, np.ndarray] | None:
    """Draws frames of nothing but whole macroblocks from the past: of MPEG-4, nearly all.

    What counts is how often memory is gone through, and it is fewer times than in :func:`_draw`.

    Returns:
        The motion of macroblocks as coded, int64 ``(F, rows, cols)``, zero where there is none,
        and bool, where there is. None if there are other blocks.
    """
    rows, cols = (-(-cells // _CELLS) for cells in grid)
    if max(rows, cols) > _MOST_BLOCKS or np.count_nonzero(kind != _WHOLE_FROM_PAST):
        return None
    if np.count_nonzero((dst & 0xF000F) != 0x80008):  # a centre that is none of a macroblock
        return None
    place = dst >> 4
    row = place >> 16
    place &= 0xFFF
    if row.max() >= rows or place.max() >= cols:
        return None
    row *= cols
    row += place
    size = rows * cols
    at = np.repeat(np.arange(0, len(lengths) * size, size), lengths)
    at += row
    words = np.full(len(lengths) * size, _NOTHING)
    words[at] = coded
    there = words != _NOTHING
    words *= there
    shape = (len(lengths), rows, cols)
    return words.reshape(shape), there.reshape(shape)


def _draw(
    kind: np.ndarray,
    dst: np.ndarray,
    word: np.ndarray,
    frame: np.ndarray,
    num_frames: int,
    grid: Size,
) -> tuple[np.ndarray, np.ndarray]:
    """Writes the motion of any blocks into the cells that they cover.

    Returns the motion as coded, int64 ``(F, gh, gw)``, zero where no block is, and where one is.
    """
    rows, cols = (-(-cells // _CELLS) for cells in grid)
    side = kind >> _SIDES
    x, y = (dst.view('<i2')[half::2].copy() for half in (0, 1))
    # Whole macroblocks, most of all blocks, go to a coarser grid of their own.
    whole = (side == _BLOCK << 8 | _BLOCK) & (((x & 15) ^ 8) | ((y & 15) ^ 8) == 0)
    col, row = x >> 4, y >> 4
    drawn = whole & (col >= 0) & (row >= 0) & (col < cols) & (row < rows)
    at = frame * (rows * cols)
    at += row.astype(np.int64) * cols
    at += col
    at = at[drawn]
    blocks = np.zeros((num_frames, rows, cols), np.int64)
    there = np.zeros(blocks.shape, bool)
    blocks.reshape(-1)[at] = word[drawn]
    there.reshape(-1)[at] = True
    cells, valid = _spread(blocks, grid), _spread(there, grid)

    part = np.flatnonzero(~whole)
    if len(part):
        x, y, side = (values[part].astype(np.int64) for values in (x, y, side))
        at, block = _cells_of_parts(grid, frame[part], x, y, side & 0xFF, side >> 8 & 0xFF)
        cells.reshape(-1)[at] = word[part][block]
        valid.reshape(-1)[at] = True
    return cells, valid


def _spread(blocks: np.ndarray, grid: Size) -> np.ndarray:
    """From macroblocks ``(F, rows, cols)`` to cells ``(F, gh, gw)``."""
    height, width = grid
    wide = np.empty((*blocks.shape[:2], width), blocks.dtype)
    for column in range(_CELLS):
        wide[..., column::_CELLS] = blocks[..., : -(-(width - column) // _CELLS)]
    return wide.take(np.arange(height) // _CELLS, axis=1)


def _cells_of_parts(
    grid: Size, frame: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cells, as flat indices, of blocks at any place with sides of 8 or 16 px; their blocks."""
    rows, cols = grid
    wide = np.where(w > _BLOCK // _CELLS, _CELLS, 1)
    count = wide * np.where(h > _BLOCK // _CELLS, _CELLS, 1)
    block = np.repeat(np.arange(len(x)), count)
    # Which of its block's cells each one is.
    nth = np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)
    # A cell takes the block under its centre.
    col = ((x - w // 2 + 3) >> 3)[block] + nth % wide[block]
    row = ((y - h // 2 + 3) >> 3)[block] + nth // wide[block]
    place = (frame[block] * rows + row) * cols + col
    inside = (col >= 0) & (row >= 0) & (col < cols) & (row < rows)
    return place[inside], block[inside]
