"""The streams of a request that move, as they are displayed: motion, residuals and flow."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.delivery import Receiver
from ssvrl_mm.video.flow_stream import FlowSource
from ssvrl_mm.video.motion.geometry import spread
from ssvrl_mm.video.motion.residual import residual
from ssvrl_mm.video.streams import Fields, MotionOptions, MotionSource


class MovingStreams:
    """What a request takes for its motion, residuals and flow, and what becomes of it.

    Args:
        fetcher: knows the frames.
        streams: what is asked for.
        options: which motion.
        source: where motion comes from, if motion or residuals are asked for.
        flow: where flow comes from, if it is asked for.
    """

    def __init__(
        self,
        fetcher: FrameFetcher,
        streams: Collection[str],
        options: MotionOptions,
        source: MotionSource | None,
        flow: FlowSource | None,
    ) -> None:
        self._fetcher = fetcher
        self._streams = streams
        self._options = options
        self._source = source
        self._flow = flow

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """The frames whose pixels, and those whose vectors, are needed for ``frames``."""
        pixels: set[int] = set()
        vectors: set[int] = set()
        for source in (self._source, self._flow):
            if source is not None:
                for needed, more in zip((pixels, vectors), source.needs(frames), strict=True):
                    needed |= more
        if self._source is not None and 'residual' in self._streams:
            references = [self._source.reference(number) for number in frames]
            pixels.update(frames, (found.frame for found in references if found))
        return pixels, vectors

    def read(
        self,
        numbers: Sequence[int],
        frames: Sequence[int],
        contents: Contents,
        orientation: Orientation,
        receive: Receiver | None,
    ) -> dict[str, np.ndarray]:
        """Entries of the batch.

        Args:
            numbers: the frames that were asked for.
            frames: what stands in for them, or they themselves.
            contents: what :meth:`needs` names.
            orientation: how frames are turned for display.
            receive: takes the residuals in the place of the batch.
        """
        lost = np.array([number in self._fetcher.lost for number in numbers], bool)
        batch: dict[str, np.ndarray] = {}
        if self._flow is not None:
            batch |= self._flow.fields(frames, contents, orientation).entries('flow', lost)
        if self._source is None:
            return batch
        coded_size = self._fetcher.size
        size = orientation.size(coded_size)
        for normalize in (True, False):
            # Residuals are those of motion in px/frame, whatever motion is asked for.
            has_residual = normalize and 'residual' in self._streams
            has_motion = normalize == self._options.normalize_time and 'motion' in self._streams
            if not (has_residual or has_motion):
                continue
            motion, valid, origins = self._source.fields(frames, contents, normalize)
            motion, valid = orientation.motion(motion, valid, coded_size)
            if self._options.dense and motion.shape[1:3] != size:
                motion, valid = spread(motion, size), spread(valid, size)
            if has_residual:
                found = _residuals(frames, contents, motion, self._source, orientation)
                if receive is None:
                    batch['residual'] = out = np.empty((len(frames), *size, 3), np.int16)
                    for place, image in zip(out, found, strict=True):
                        place[...] = image
                else:
                    for number, image in zip(numbers, found, strict=True):
                        receive('residual', number, image)
            if has_motion:
                batch |= Fields(motion, valid, origins).entries('motion', lost)
        return batch


def _residuals(
    frames: Sequence[int],
    contents: Contents,
    motion: np.ndarray,
    source: MotionSource,
    orientation: Orientation,
) -> Iterator[np.ndarray]:
    """Frames as displayed minus what motion makes of their references.

    Args:
        frames: frame numbers.
        contents: their pixels and those of their references.
        motion: float32 ``(T, gh, gw, 2)`` of the frames as displayed.
        source: knows the references.
        orientation: how frames are turned for display.

    Yields:
        int16 ``(h, w, 3)`` of each frame; of one that comes again, the same array.
    """
    known: dict[int, np.ndarray] = {}
    last = {number: row for row, number in enumerate(frames)}
    for row, number in enumerate(frames):
        if number not in known:
            reference = source.reference(number)
            frame = orientation.frames(contents.pixels[number])
            if reference is None:
                known[number] = np.zeros(frame.shape, np.int16)
            else:
                before = orientation.frames(contents.pixels[reference.frame])
                known[number] = residual(before, frame, motion[row] * reference.span)
        yield known.pop(number) if row == last[number] else known[number]
