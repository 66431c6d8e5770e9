"""The stream of flow: computed on pixels, or the codec's vectors followed over several frames."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.errors import MotionUnavailableError
from ssvrl_mm.video.motion.flow import (
    SMALLEST_SIDE,
    VECTORS,
    FlowEstimator,
    FlowOptions,
    mean_over_cells,
)
from ssvrl_mm.video.motion.following import follow_ahead, follow_back
from ssvrl_mm.video.motion.geometry import CELL, Size, grid_size, spread
from ssvrl_mm.video.motion.vectors import EXPORTING_CODECS
from ssvrl_mm.video.streams import CodecMotion, Fields


class FlowSource(Protocol):
    """Where flow comes from."""

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The frames whose pixels, and those whose vectors, make the flow of ``frames``."""

    def fields(self, frames: Sequence[int], contents: Contents, orientation: Orientation) -> Fields:
        """The flow of ``frames`` as they are displayed, in px over the whole span."""


def flow_source(options: FlowOptions, fetcher: FrameFetcher, path: str) -> FlowSource:
    """Where flow comes from in a video.

    Raises:
        MotionUnavailableError: the codec does not give its vectors away, or frames are too small
            to compute flow.
    """
    if options.method == VECTORS:
        codec = fetcher.decoder.codec
        if codec not in EXPORTING_CODECS:
            raise MotionUnavailableError(
                path,
                f'FFmpeg does not export the motion vectors of {codec}; '
                "compute flow instead (flow_method='dis'), or transcode the video "
                'to H.264 or MPEG-4 Part 2 (ssvrl_mm.video.tools.transcode)',
            )
        fetcher.decoder.export_motion()
        return FollowedVectors(fetcher, options)
    if min(fetcher.size) < SMALLEST_SIDE:
        raise MotionUnavailableError(
            path, f'flow cannot be computed on frames of less than {SMALLEST_SIDE} px'
        )
    return ComputedFlow(fetcher, options)


class ComputedFlow:
    """Optical flow between frames that lie a span apart.

    Args:
        fetcher: knows the frames.
        options: how flow is computed.
    """

    def __init__(self, fetcher: FrameFetcher, options: FlowOptions) -> None:
        self._fetcher = fetcher
        self._options = options
        self._kept: Sequence[int] = []

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The pixels of the frames and of their partners; no vectors."""
        pairs = [self._pair(frame) for frame in frames]
        return {number for pair in pairs if pair for number in pair}, set()

    def fields(self, frames: Sequence[int], contents: Contents, orientation: Orientation) -> Fields:
        """Computes the flow of each pair of frames once, on the frames as displayed."""
        options = self._options
        size = orientation.size(self._fetcher.size)
        out = _no_flow(len(frames), grid_size(size, options.px_per_value))
        estimator = FlowEstimator(size, options.method, options.scale, options.px_per_value)
        prepared: dict[int, np.ndarray] = {}
        first: dict[tuple[int, int], int] = {}
        for row, frame in enumerate(frames):
            pair = self._pair(frame)
            if pair is None:
                continue
            out.origins[row] = 'estimated' if pair[0] == frame else 'held'
            out.valid[row] = pair[0] == frame
            if pair in first:
                out.motion[row] = out.motion[first[pair]]
                continue
            first[pair] = row
            for number in pair:
                if number not in prepared:
                    pixels = orientation.frames(contents.pixels[number])
                    prepared[number] = estimator.prepare(pixels)
            number, partner = pair
            flow = estimator(prepared[number], prepared[partner])
            # Forward in time, and as long as the span where the partner is nearer or farther.
            np.multiply(flow, -abs(options.span) / (number - partner), out=out.motion[row])
        return out

    def _pair(self, frame: int) -> tuple[int, int] | None:
        """The frame, or the nearest that has a partner, and the partner, or the nearest to it."""
        count, span, lost = len(self._fetcher.types), self._options.span, self._fetcher.lost
        if len(self._kept) != count - len(lost):
            self._kept = [number for number in range(count) if number not in lost]
        kept = self._kept
        if span > 0:
            low, high = max(bisect_left(kept, span), 1), len(kept)
        else:
            low, high = 0, min(bisect_right(kept, count - 1 + span), len(kept) - 1)
        if low >= high:
            return None
        place = _nearest(kept, frame, low, high)
        ends = (0, place) if span > 0 else (place + 1, len(kept))
        return kept[place], kept[_nearest(kept, kept[place] - span, *ends)]


class FollowedVectors:
    """The codec's vectors, followed frame by frame; through I-frames by the motion before them.

    Args:
        fetcher: knows the frames.
        options: the span, and px per value.
    """

    def __init__(self, fetcher: FrameFetcher, options: FlowOptions) -> None:
        self._fetcher = fetcher
        self._span = options.span
        self._cell = options.px_per_value
        self._source = CodecMotion(fetcher, 'hold')

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The vectors on the way, and those of the frames, which tells whether they decode."""
        return self._source.needs([*self._chain(frames), *frames])

    def fields(self, frames: Sequence[int], contents: Contents, orientation: Orientation) -> Fields:
        """Follows the vectors of each frame on cells of 8 px."""
        size = orientation.size(self._fetcher.size)
        out = _no_flow(len(frames), grid_size(size, self._cell))
        chain = self._chain(frames)
        if not chain:
            return out
        motion, valid, origins = self._source.fields(chain, contents, True)
        motion, valid = orientation.motion(motion, valid, self._fetcher.size)
        step_of = {number: step for step, number in enumerate(chain)}
        follow = follow_back if self._span > 0 else follow_ahead
        is_known = origins[0] != 'none'  # of one frame: then, as held, of all
        rows: dict[int, list[int]] = {}
        for row, frame in enumerate(frames):
            rows.setdefault(self._with_partner(frame), []).append(row)
        for start, asked in rows.items():
            steps = [step_of[number] for number in self._way(start)]
            field, mask = follow(motion[steps], valid[steps], size)
            out.motion[asked], out.valid[asked] = self._to_cells(field, mask, size)
            for row in asked:
                if frames[row] != start:
                    out.valid[row] = False
                if is_known:
                    out.origins[row] = 'coded' if frames[row] == start else 'held'
        return out

    def _with_partner(self, frame: int) -> int:
        """The frame, or the nearest whose partner is in the video."""
        last = len(self._fetcher.types) - 1
        return min(max(frame, self._span), last + min(self._span, 0))

    def _way(self, start: int) -> range:
        """The frames whose motion leads from a frame to its partner, in the order of time."""
        first, last = sorted((start, start - self._span))
        return range(first + 1, last + 1)

    def _chain(self, frames: Sequence[int]) -> list[int]:
        """The frames whose motion is needed; none where the video is too short."""
        if abs(self._span) >= len(self._fetcher.types):
            return []
        starts = {self._with_partner(frame) for frame in frames}
        return sorted({number for start in starts for number in self._way(start)})

    def _to_cells(
        self, field: np.ndarray, mask: np.ndarray, size: Size
    ) -> tuple[np.ndarray, np.ndarray]:
        """From cells of 8 px to the cells asked for, which are valid if all of their parts are."""
        if self._cell == CELL:
            return field, mask
        field, mask = spread(field[None], size)[0], spread(mask[None], size)[0]
        share = mean_over_cells(mask.astype(np.float32), size, self._cell)
        return mean_over_cells(field, size, self._cell), share > 1 - 1e-5


def _no_flow(count: int, grid: Size) -> Fields:
    return Fields(
        np.zeros((count, *grid, 2), np.float32),
        np.zeros((count, *grid), bool),
        np.full(count, 'none', '<U10'),
    )


def _nearest(numbers: Sequence[int], number: int, low: int, high: int) -> int:
    """The place of the number nearest to ``number`` among those from place ``low`` to ``high``.

    Of two as near, the earlier.
    """
    place = bisect_left(numbers, number, low, high)
    if place == high:
        return place - 1
    if place > low and number - numbers[place - 1] <= numbers[place] - number:
        return place - 1
    return place
