"""The streams of motion: read from the codec's vectors or estimated on pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.errors import MotionUnavailableError
from ssvrl_mm.video.motion.flow import SMALLEST_SIDE, VECTORS, FlowMethod, estimate_motion
from ssvrl_mm.video.motion.geometry import (
    MotionAccumulator,
    Size,
    crop_resize_motion,
    grid_size,
    resize_motion,
    spread,
)
from ssvrl_mm.video.motion.vectors import (
    EXPORTING_CODECS,
    VECTOR,
    IFrameMotion,
    MotionPlan,
    plan_motion,
    rasterize,
)


@dataclass(frozen=True)
class MotionOptions:
    """Which motion to read; the arguments of the reader."""

    mode: Literal['codec', 'auto', 'estimate'] = 'codec'
    normalize_time: bool = True
    iframe_motion: IFrameMotion = 'hold'
    accumulate: bool = False
    dense: bool = False
    flow_method: FlowMethod = 'dis'

    def __post_init__(self) -> None:
        check_choice('motion', self.mode, ('codec', 'auto', 'estimate'))
        check_choice('iframe_motion', self.iframe_motion, ('hold', 'zero'))
        if self.mode == 'estimate' and not self._can_estimate:
            raise ValueError(
                f"motion='estimate' computes motion on pixels: flow_method={self.flow_method!r} "
                'does not go with it'
            )

    @property
    def _can_estimate(self) -> bool:
        """Whether the method computes flow; 'raft' only names that of files."""
        return callable(self.flow_method) or self.flow_method not in (VECTORS, 'raft')

    def source(self, fetcher: FrameFetcher, path: str) -> 'MotionSource':
        """Where motion comes from in a video.

        Raises:
            MotionUnavailableError: the codec does not give its vectors away, or frames are too
                small to estimate motion.
        """
        decoder = fetcher.decoder
        exports = decoder.codec in EXPORTING_CODECS
        if self.mode == 'codec' and not exports:
            raise MotionUnavailableError(
                path,
                f'FFmpeg does not export the motion vectors of {decoder.codec}; '
                "estimate motion instead (motion='estimate' or 'auto'), or transcode the video "
                'to H.264 or MPEG-4 Part 2 (ssvrl_mm.video.tools.transcode)',
            )
        is_large_enough = min(fetcher.size) >= SMALLEST_SIDE
        all_intra = not np.any(decoder.index.types != 'I')
        estimates = self.mode == 'estimate' or not exports
        estimates |= self.mode == 'auto' and all_intra and is_large_enough
        if estimates and not is_large_enough:
            raise MotionUnavailableError(
                path, f'motion cannot be estimated on frames of less than {SMALLEST_SIDE} px'
            )
        if estimates and not self._can_estimate:
            raise MotionUnavailableError(
                path,
                f'there are no motion vectors to read ({decoder.codec}), and to estimate motion '
                f'flow_method must be another than {self.flow_method!r}',
            )
        source: MotionSource
        if estimates:
            source = EstimatedMotion(fetcher, self.flow_method)
        else:
            decoder.export_motion()
            source = CodecMotion(fetcher, self.iframe_motion)
        return AccumulatedMotion(source, fetcher, self.dense) if self.accumulate else source


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuses a value that is not among the choices."""
    if value not in choices:
        raise ValueError(f'{name} must be one of {choices}, got {value!r}')


class Fields(NamedTuple):
    """Motion float32 ``(T, gh, gw, 2)``, its mask ``(T, gh, gw)`` and origins ``(T,)``."""

    motion: np.ndarray
    valid: np.ndarray
    origins: np.ndarray

    def entries(self, stream: str, lost: np.ndarray) -> dict[str, np.ndarray]:
        """Entries of the batch. What is lost, bool ``(T,)``, has the motion of another frame."""
        self.origins[lost & (self.origins != 'none')] = 'held'
        self.valid[lost] = False
        return {
            stream: self.motion,
            f'{stream}_valid': self.valid,
            f'{stream}_origin': self.origins,
        }


class Reference(NamedTuple):
    """A frame that motion starts from, and how many times the motion leads from it to its end."""

    frame: int
    span: int


class MotionSource(Protocol):
    """Where motion comes from."""

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The frames whose pixels, and those whose vectors, make the motion of ``frames``."""

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """The motion of ``frames``, in px/frame or, not normalised, in px."""

    def reference(self, frame: int) -> Reference | None:
        """Where the normalised motion of a frame starts from; None if there is nothing."""


class _SincePrevious:
    """Motion that starts from the previous frame."""

    def __init__(self, fetcher: FrameFetcher) -> None:
        self._fetcher = fetcher

    def reference(self, frame: int) -> Reference | None:
        """The nearest frame before it that can be decoded."""
        previous = self._fetcher.previous(frame)
        return None if previous is None else Reference(previous, frame - previous)


class CodecMotion(_SincePrevious):
    """Motion from the vectors of the bitstream."""

    def __init__(self, fetcher: FrameFetcher, iframe_motion: IFrameMotion) -> None:
        super().__init__(fetcher)
        self._iframe_motion = iframe_motion
        self._no_vectors = np.empty(0, VECTOR), fetcher.size
        self._planned: MotionPlan | None = None
        self._planned_for = (0, 0)

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """No pixels; the frames that the plan names."""
        sources = self._plan().sources[frames]
        return set(), set(sources[sources >= 0].tolist())

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """Draws the vectors of all frames at once."""
        sources, origins = (array[frames] for array in self._plan())
        # Each source is drawn where it comes first, and copied from there.
        first: dict[int, int] = {}
        rows = [first.setdefault(number, row) for row, number in enumerate(sources.tolist())]
        vectors = [self._no_vectors] * len(frames)
        for number, row in first.items():
            if number >= 0:
                vectors[row] = contents.vectors[number]
        index = self._fetcher.decoder.index
        if normalize:
            past, future = (distances[sources] for distances in index.reference_distances)
        else:
            past = future = np.ones(len(frames), np.int64)
        motion, valid = self._draw(vectors, past, future)
        # Blocks of fields move by lines of their field: every second one of the frame.
        if index.is_field.any():
            motion[index.is_field[sources], ..., 1] *= 2
        copies = [row for row, drawn in enumerate(rows) if row != drawn]
        drawn = [rows[row] for row in copies]
        if copies:
            motion[copies], valid[copies] = motion[drawn], valid[drawn]
        valid[(origins == 'held') | (origins == 'none')] = False
        return Fields(motion, valid, origins)

    def _plan(self) -> MotionPlan:
        fetcher = self._fetcher
        known = len(fetcher.lost), fetcher.num_told
        if self._planned is None or self._planned_for != known:
            types, codec = fetcher.types, fetcher.decoder.codec
            self._planned = plan_motion(types, codec, self._iframe_motion, fetcher.lost)
            self._planned_for = known
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
            return self._rasterize([v for v, _ in vectors], size, past, future)
        grid = grid_size(size)
        motion = np.zeros((len(vectors), *grid, 2), np.float32)
        valid = np.zeros((len(vectors), *grid), bool)
        for other in sizes:
            rows = [i for i, (_, frame_size) in enumerate(vectors) if frame_size == other]
            parts = [vectors[i][0] for i in rows]
            field, mask = self._rasterize(parts, other, past[rows], future[rows])
            motion[rows], valid[rows] = resize_motion(field, mask, other, size)
        return motion, valid

    def _rasterize(
        self, vectors: Sequence[np.ndarray], size: Size, past: np.ndarray, future: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws blocks, which lie where they are before decoders crop the frame to ``size``."""
        left, top = self._fetcher.decoder.index.crop
        bottom, right = size[0] + top, size[1] + left
        motion, valid = rasterize(vectors, (bottom, right), past, future)
        if not (left or top):
            return motion, valid
        # Blocks may lie across cells then: each takes the block under its centre.
        box = left, top, right, bottom
        cropped, mask = crop_resize_motion(motion, valid, box, (bottom, right), size)
        assert mask is not None
        return cropped, mask


class EstimatedMotion(_SincePrevious):
    """Motion from optical flow between a frame and the one before.

    Args:
        fetcher: knows the frames.
        method: see :func:`~ssvrl_mm.video.motion.flow.estimate_motion`.
    """

    def __init__(self, fetcher: FrameFetcher, method: FlowMethod) -> None:
        super().__init__(fetcher)
        self._method = method

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
                pixels = contents.pixels
                field = estimate_motion(pixels[previous], pixels[number], self._method)
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


class AccumulatedMotion:
    """Motion since the last I-frame instead of since the previous frame.

    CoViAR (Compressed Video Action Recognition, Wu et al. 2018, Sec. 3) traces every pixel back to
    the I-frame, which frees it from the frames in between.

    Args:
        source: the motion since the previous frame.
        fetcher: knows the frames.
        dense: trace every pixel instead of every cell.
    """

    def __init__(self, source: MotionSource, fetcher: FrameFetcher, dense: bool) -> None:
        self._source = source
        self._fetcher = fetcher
        self._dense = dense
        index = fetcher.decoder.index
        # A keyframe of a gradual refresh is no I-frame.
        starts = index.keyframes[np.isin(index.types[index.keyframes], ('I', '?'))]
        self._iframes = np.union1d(np.flatnonzero(index.types == 'I'), starts)

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """What the motion of all frames since the I-frames takes."""
        return self._source.needs(self._chain(frames))

    def fields(self, frames: Sequence[int], contents: Contents, normalize: bool) -> Fields:
        """Traces the frames back, in px."""
        chain = self._chain(frames)
        motion, valid, origins = self._source.fields(chain, contents, True)
        size = self._fetcher.size
        grid = size if self._dense else grid_size(size)
        out = Fields(
            np.empty((len(frames), *grid, 2), np.float32),
            np.empty((len(frames), *grid), bool),
            np.empty(len(frames), '<U10'),
        )
        rows: dict[int, list[int]] = {}
        for row, frame in enumerate(frames):
            rows.setdefault(frame, []).append(row)
        accumulator = MotionAccumulator(size)
        for step, frame in enumerate(chain):
            reference = self._source.reference(frame)
            if reference is None or self._iframe_of(frame) == frame:
                accumulator.restart((*grid, 2))
                origins[step] = 'coded'
            else:
                field, mask = motion[step] * reference.span, valid[step]
                if self._dense:
                    field, mask = spread(field[None], grid)[0], spread(mask[None], grid)[0]
                accumulator.add(field, mask)
            for row in rows.get(frame, ()):
                out.motion[row], out.valid[row] = accumulator.motion, accumulator.valid
                out.origins[row] = origins[step]
        return out

    def reference(self, frame: int) -> Reference | None:
        """The I-frame."""
        iframe = self._iframe_of(frame)
        return None if iframe == frame else Reference(iframe, 1)

    def _chain(self, frames: Sequence[int]) -> list[int]:
        """All frames from the I-frames to those asked for."""
        chain: set[int] = set()
        for frame in frames:
            if frame not in chain:
                chain.update(range(self._iframe_of(frame), frame + 1))
        return sorted(chain - self._fetcher.lost)

    def _iframe_of(self, frame: int) -> int:
        """The last I-frame up to a frame; the first frame if there is none."""
        for iframe in self._iframes[self._iframes <= frame][::-1].tolist():
            if iframe not in self._fetcher.lost:
                return iframe
        return next(n for n in range(frame + 1) if n not in self._fetcher.lost)
