"""The streams of motion: read from the codec's vectors or estimated on pixels."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from ssvrl_mm.video.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.flow import estimate_motion
from ssvrl_mm.video.geometry import grid_size, resize_motion
from ssvrl_mm.video.motion import IFrameMotion, MotionPlan, plan_motion, rasterize
from ssvrl_mm.video.residual import residual


class Fields(NamedTuple):
    """Motion float32 ``(T, gh, gw, 2)``, its mask ``(T, gh, gw)`` and origins ``(T,)``."""

    motion: np.ndarray
    valid: np.ndarray
    origins: np.ndarray


class MotionSource(Protocol):
    """Where motion comes from."""

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The frames whose pixels, and those whose vectors, make the motion of ``frames``."""

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """The motion of ``frames``, in px/frame or, not normalised, in px."""


class CodecMotion:
    """Motion from the vectors of the bitstream."""

    def __init__(self, fetcher: FrameFetcher, iframe_motion: IFrameMotion) -> None:
        self._fetcher = fetcher
        self._iframe_motion = iframe_motion
        self._planned: MotionPlan | None = None
        self._planned_lost = 0

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """No pixels; the frames that the plan names."""
        sources = self._plan().sources[frames]
        return set(), set(sources[sources >= 0].tolist())

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """Draws the vectors of all frames at once."""
        sources, origins = (array[frames] for array in self._plan())
        drawn, row = np.unique(sources[sources >= 0], return_inverse=True)
        spans = np.ones((2, len(drawn)), np.int64)
        if normalize:
            spans = np.stack([d[drawn] for d in self._fetcher.decoder.index.reference_distances])
        vectors = [contents.vectors[number] for number in drawn.tolist()]
        motion, valid = self._draw(vectors, *spans)
        has_source = sources >= 0
        if not has_source.all():
            shape = (len(frames), *valid.shape[1:])
            drawn_motion, drawn_valid = motion, valid
            motion, valid = np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
            motion[has_source] = drawn_motion[row]
            valid[has_source] = drawn_valid[row]
        elif not np.array_equal(row, np.arange(len(drawn))):
            motion, valid = motion[row], valid[row]
        valid[(origins == 'held') | (origins == 'none')] = False
        return Fields(motion, valid, origins)

    def _plan(self) -> MotionPlan:
        lost = self._fetcher.lost
        if self._planned is None or self._planned_lost != len(lost):
            codec, types = self._fetcher.decoder.codec, self._fetcher.decoder.index.types
            self._planned = plan_motion(types, codec, self._iframe_motion, lost)
            self._planned_lost = len(lost)
        return self._planned

    def _draw(
        self,
        vectors: Sequence[tuple[np.ndarray, tuple[int, int]]],
        past: np.ndarray,
        future: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        size = self._fetcher.size
        sizes = {frame_size for _, frame_size in vectors}
        if sizes <= {size}:
            return rasterize([v for v, _ in vectors], size, past, future)
        grid = grid_size(size)
        motion = np.zeros((len(vectors), *grid, 2), np.float32)
        valid = np.zeros((len(vectors), *grid), bool)
        for other in sizes:
            rows = [i for i, (_, frame_size) in enumerate(vectors) if frame_size == other]
            parts = [vectors[i][0] for i in rows]
            field, mask = rasterize(parts, other, past[rows], future[rows])
            motion[rows], valid[rows] = resize_motion(field, mask, other, size)
        return motion, valid


class EstimatedMotion:
    """Motion from optical flow between a frame and the one before."""

    def __init__(self, fetcher: FrameFetcher) -> None:
        self._fetcher = fetcher

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The pixels of the frames and of those before them; no vectors."""
        pairs = [self._pair(frame) for frame in frames]
        return {number for pair in pairs if pair for number in pair}, set()

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """Estimates each frame's motion once."""
        grid = grid_size(self._fetcher.size)
        motion = np.zeros((len(frames), *grid, 2), np.float32)
        valid = np.zeros((len(frames), *grid), bool)
        origins = np.full(len(frames), 'none', '<U10')
        known: dict[tuple[int, int], np.ndarray] = {}
        for row, frame in enumerate(frames):
            pair = self._pair(frame)
            if pair is None:
                continue
            if pair not in known:
                previous, number = pair
                field = estimate_motion(contents.pixels[previous], contents.pixels[number])
                known[pair] = field / (number - previous) if normalize else field
            motion[row] = known[pair]
            origins[row] = 'estimated' if pair[1] == frame else 'held'
            valid[row] = pair[1] == frame
        return Fields(motion, valid, origins)

    def _pair(self, frame: int) -> tuple[int, int] | None:
        """The frame and the one before it; at the start of the video the first two frames."""
        previous = self._fetcher.previous(frame)
        if previous is not None:
            return previous, frame
        following = range(frame + 1, len(self._fetcher.types))
        second = next((n for n in following if n not in self._fetcher.lost), None)
        return None if second is None else (frame, second)


def residuals(
    frames: Sequence[int], contents: Contents, motion: np.ndarray, fetcher: FrameFetcher
) -> np.ndarray:
    """Frames minus their motion-compensated previous ones: int16 ``(T, h, w, 3)``.

    Args:
        frames: frame numbers.
        contents: their pixels and those of the frames before them.
        motion: float32 ``(T, gh, gw, 2)`` of the frames, px/frame.
        fetcher: knows the frames before them.
    """
    out = np.zeros((len(frames), *fetcher.size, 3), np.int16)
    known: dict[int, int] = {}
    for row, number in enumerate(frames):
        previous = fetcher.previous(number)
        if previous is None:
            continue
        if number in known:
            out[row] = out[known[number]]
            continue
        known[number] = row
        span = number - previous
        out[row] = residual(contents.pixels[previous], contents.pixels[number], motion[row] * span)
    return out
