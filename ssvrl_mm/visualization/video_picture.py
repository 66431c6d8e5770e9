"""Pictures and animations of a compressed video: its streams over the strip of its GOPs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np

from ssvrl_mm.video import CompressedVideoReader, FrameBatch, FrameCoding, FrameIndexError
from ssvrl_mm.video.motion.flow import SMALLEST_SIDE, VECTORS
from ssvrl_mm.visualization.gop import GOPStrip
from ssvrl_mm.visualization.streams import Scales, draw_legend, draw_streams
from ssvrl_mm.visualization.tiles import stacked, text_band

#: Frames in one strip of an animation, or around the frames of a picture.
STRIP = 300

_STREAMS = ('rgb', 'motion', 'residual', 'flow')
_MEASURED = 6  # frames that an animation's scales are measured on
_PIXELS = 2**24  # px of the frames of an animation that are in memory at once
_TITLE = 34  # height of the title in px
_GAP = 10  # px between rows


class VideoPicture:
    """What a compressed video is made of, to be looked at. A context manager.

    Args:
        path: The video.
        motion: Where motion comes from: 'auto' reads the codec's vectors and estimates where
            there are none to read; see :class:`~ssvrl_mm.video.CompressedVideoReader`.
        flow: Where flow comes from: the reader's ``flow_method``.
        side: px of the longer side of a frame in the picture; videos that are larger or smaller
            are scaled to it.
        step: An arrow for ``step`` x ``step`` cells; None: as there is room.
        gain: Arrows are this many times as long as the motion; None: as there is room.

    Raises:
        VideoError: It cannot be read, or has no such motion.
        ValueError: ``flow`` is no method.

    Example::

        with VideoPicture('video.mp4') as video:
            write_picture('motion.png', video.still(video.choose_frames()))
            write_animation('motion.mp4', video.animate(range(len(video))))
    """

    def __init__(
        self,
        path: str | os.PathLike,
        motion: Literal['auto', 'codec', 'estimate'] = 'auto',
        flow: str = 'dis',
        side: int = 256,
        step: int | None = None,
        gain: float | None = None,
    ) -> None:
        self.path = Path(path)
        self._side, self._step, self._gain = side, step, gain
        self._flow = flow
        with CompressedVideoReader(path) as reader:
            self.metadata = reader.metadata
        # No finer than it is shown: the flow of a large frame takes seconds.
        largest = max(self.metadata.width, self.metadata.height)
        cell = max(largest // side, 1)
        fine: dict[str, float] = {} if flow == VECTORS else {'flow_scale': 1 / cell}
        self._reader = CompressedVideoReader(
            path,
            motion=motion,
            flow_method=flow,
            flow_cell=None if flow == VECTORS else cell,
            **fine,  # type: ignore[arg-type]
        )
        shortest = min(self.metadata.width, self.metadata.height) // cell
        has_flow = shortest >= SMALLEST_SIDE or flow == VECTORS
        self._streams = _STREAMS if has_flow else _STREAMS[:-1]

    def __len__(self) -> int:
        return len(self._reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()

    def choose_frames(self, count: int = 3) -> list[int]:
        """Frames that show how the video is coded: an I-frame in the middle, and what follows it.

        Of its group, and of each type, the frame that takes the most bits, as most happens there;
        where those are not enough, frames that are far from them.

        Args:
            count: How many, at least one; fewer if the video has no more.

        Returns:
            Numbers that rise.
        """
        last = len(self) - 1
        keyframes = np.array(self.metadata.keyframes or (0,))
        first = int(keyframes[np.abs(keyframes - last // 2).argmin()])
        later = keyframes[keyframes > first]
        end = min(int(later[0]) if len(later) else last + 1, first + STRIP)
        types, sizes = self.coding(first, end - 1)
        group = sorted(range(first, end), key=lambda number: -sizes[number])
        chosen = [first]
        for kind in ('P', 'B'):
            chosen += [number for number in group if types[number] == kind][:1]
        # What is missing comes from the group, too, far from the others, as neighbours are alike.
        left = [number for number in group if number not in chosen]
        while left and len(chosen) < count:
            chosen.append(max(left, key=lambda n: min(abs(n - other) for other in chosen)))
            left.remove(chosen[-1])
        # Or from all over a video of short groups.
        spread = np.linspace(0, last, count + 1).round().astype(int).tolist()
        chosen += [number for number in spread if number not in chosen]
        return sorted(dict.fromkeys(chosen[: max(count, 1)]))

    def coding(self, first: int, last: int) -> FrameCoding:
        """How frames are coded. Types that only decoding tells are found out for some frames.

        Args:
            first: The first frame that is of interest.
            last: The last one.
        """
        coding = self._reader.coding
        unknown = np.flatnonzero(coding.types[first : last + 1] == '?') + first
        if 0 < len(unknown) <= STRIP:
            numbers = unknown.tolist()
            # One px of each is converted, and no frame kept.
            corner = dict.fromkeys(numbers, (0, 0, 1, 1))
            self._reader.get_frames_at(
                numbers, ('rgb',), receive=lambda *frame: None, regions=corner
            )
            coding = self._reader.coding
        return coding

    def still(self, frames: Sequence[int]) -> np.ndarray:
        """Draws some frames, a row each, over the strip in which they are marked.

        Raises:
            VideoError: There is no such frame, or it cannot be read.
            ValueError: There are no frames.
        """
        if not len(frames):
            raise ValueError('there are no frames to draw')
        numbers = sorted(set(frames))
        batch = self._read(numbers)
        scales = Scales.measure(batch, self._side, self._step, self._gain)
        first, last = self._span(numbers)
        coding = self.coding(first, last)
        rows = [
            draw_streams(batch, row, scales, int(coding.sizes[number]), self._flow)
            for row, number in enumerate(numbers)
        ]
        width = rows[0].shape[1]
        legend = draw_legend(_origins(batch), self.metadata.codec, scales, width)
        strip = _strip(coding, first, last, width)
        return self._titled([*rows, legend, strip.draw(numbers)])

    def animate(self, frames: range) -> Iterator[np.ndarray]:
        """Draws frames one after the other, each over the strip in which it is marked.

        Scales are those of a few of the frames. The strip holds :data:`STRIP` frames, and turns
        over like a page.

        Args:
            frames: Which, rising.

        Yields:
            uint8 RGB, all of one size.

        Raises:
            VideoError: There is no such frame, or it cannot be read.
            ValueError: There are no frames.
        """
        numbers = list(frames)
        if not numbers:
            raise ValueError('there are no frames to draw')
        if numbers[-1] >= len(self):
            raise FrameIndexError(
                str(self.path), f'there is no frame {numbers[-1]}, it has {len(self)} frames'
            )
        sample = np.linspace(0, len(numbers) - 1, _MEASURED).round().astype(int)
        measured = self._read(sorted({numbers[place] for place in sample.tolist()}))
        scales = Scales.measure(measured, self._side, self._step, self._gain)
        width = draw_streams(measured, 0, scales).shape[1]
        # Others than the few frames have.
        origins = _origins(measured) | {'held'}
        if self.metadata.has_b_frames and self.metadata.codec == 'mpeg4':
            origins.add('propagated')
        legend = draw_legend(origins, self.metadata.codec, scales, width)
        del measured
        for start in range(0, len(numbers), STRIP):
            page = numbers[start : start + STRIP]
            coding = self.coding(page[0], page[-1])
            strip = _strip(coding, page[0], page[-1], width)
            for number, batch, row in self._in_turn(page):
                size = int(coding.sizes[number])
                drawn = draw_streams(batch, row, scales, size, self._flow)
                yield self._titled([drawn, legend, strip.draw([number])])

    @property
    def title(self) -> str:
        """What the video is, in a line."""
        facts = self.metadata
        frames = f'{facts.num_frames} frame{"s" * (facts.num_frames != 1)}'
        missing = f', {facts.num_missing} missing' if facts.num_missing else ''
        return (
            f'{self.path.name}: {facts.codec}, {facts.width}x{facts.height}, '
            f'{facts.average_fps:.4g} fps, {frames}{missing}'
        )

    def _titled(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        picture = stacked(parts, _GAP)
        return np.vstack([text_band(self.title, picture.shape[1], _TITLE), picture])

    def _read(self, numbers: Sequence[int]) -> FrameBatch:
        return self._reader.get_frames_at(numbers, self._streams)

    def _in_turn(self, numbers: Sequence[int]) -> Iterator[tuple[int, FrameBatch, int]]:
        """Frames with the batch and the row in it that they are in; few are in memory at once."""
        together = max(_PIXELS // (self.metadata.width * self.metadata.height), 1)
        for start in range(0, len(numbers), together):
            part = numbers[start : start + together]
            batch = self._read(part)
            for row, number in enumerate(part):
                yield number, batch, row

    def _span(self, numbers: Sequence[int]) -> tuple[int, int]:
        """The first and the last frame of the strip that shows some frames: around them."""
        end = len(self) - 1
        first, last = numbers[0], numbers[-1]
        room = max(STRIP - (last - first + 1), 0)
        first = min(max(first - room // 2, 0), max(end + 1 - STRIP, 0))
        return min(first, numbers[0]), max(min(first + STRIP - 1, end), last)


def _strip(coding: FrameCoding, first: int, last: int, width: int) -> GOPStrip:
    types, sizes = (each[first : last + 1].tolist() for each in coding)
    return GOPStrip(types, sizes, width, first)


def _origins(batch: FrameBatch) -> set[str]:
    assert batch.motion_origin is not None
    return set(batch.motion_origin.tolist())
