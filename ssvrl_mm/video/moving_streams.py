"""The streams of a request that move, as they are displayed: motion, residuals and flow."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from ssvrl_mm.video.decoding.cropping import Region
from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.delivery import Receiver
from ssvrl_mm.video.flow_stream import FlowSource
from ssvrl_mm.video.motion.geometry import spread
from ssvrl_mm.video.motion.residual import MotionCompensator
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
        regions: Mapping[int, Region],
    ) -> dict[str, np.ndarray]:
        """Entries of the batch.

        Args:
            numbers: the frames that were asked for.
            frames: what stands in for them, or they themselves.
            contents: what :meth:`needs` names.
            orientation: how frames are turned for display.
            receive: takes the residuals in the place of the batch.
            regions: what it takes of those that are not wanted whole, as displayed.
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
                boxes = [regions.get(number) for number in numbers]
                found = self._residuals(frames, boxes, contents, motion, orientation)
                if receive is None:
                    batch['residual'] = out = np.empty((len(frames), *size, 3), np.int16)
                for rows, image in found:
                    if receive is None:
                        out[rows] = image
                        continue
                    for number in dict.fromkeys(numbers[row] for row in rows):
                        receive('residual', number, image)
            if has_motion:
                batch |= Fields(motion, valid, origins).entries('motion', lost)
        return batch

    def _residuals(
        self,
        frames: Sequence[int],
        regions: Sequence[Region | None],
        contents: Contents,
        motion: np.ndarray,
        orientation: Orientation,
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Frames as displayed minus what motion makes of their references.

        Args:
            frames: frame numbers.
            regions: what is wanted of each, as displayed; None: all of it.
            contents: their pixels and those of their references.
            motion: float32 ``(T, gh, gw, 2)`` of the frames as displayed.
            orientation: how frames are turned for display.

        Yields:
            Which of the frames it is, in a list as the same may come again, and int16 ``(h, w, 3)``
            that hold until the next.
        """
        assert self._source is not None
        compensate = MotionCompensator()
        rows: dict[tuple[int, Region | None], list[int]] = {}
        for row, key in enumerate(zip(frames, regions, strict=True)):
            rows.setdefault(key, []).append(row)
        for (number, region), places in rows.items():
            reference = self._source.reference(number)
            frame = orientation.frames(contents.pixels[number])
            if reference is None:
                left, top, right, bottom = region or (0, 0, *frame.shape[1::-1])
                yield places, np.zeros((bottom - top, right - left, 3), np.int16)
                continue
            before = orientation.frames(contents.pixels[reference.frame])
            vectors = motion[places[0]] * reference.span
            yield places, compensate.residual(before, frame, vectors, region)
