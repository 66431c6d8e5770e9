"""Decoding of frames by their number."""

import sys
from collections.abc import Collection, Iterator

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame

from ssvrl_mm.video.decoding.container import CACHE_BYTES, MediaSource, PacketReader
from ssvrl_mm.video.decoding.index import FrameIndex, build_index
from ssvrl_mm.video.decoding.index_cache import KnownVideo, known_videos
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.decoding.session import DamagedError, DecodingSession
from ssvrl_mm.video.motion.geometry import Size

#: No frame has more pixels (twice those of 8K); a damaged header may ask for any number.
MAX_PIXELS = 2**26

# H.264 holds back so many frames at most.
_MAX_REORDER = 16

# A frame that has not come out when this many later ones have is lost.
_MAX_DELAY = _MAX_REORDER + 1

# Decoders that keep a frame back until the next one comes, and give it away without its motion
# vectors where none comes.
_DRAINED_WITHOUT_MOTION = ('mpeg4', 'mpeg1video', 'mpeg2video')

# Containers with an index of their own, which lead straight to any packet.
_SOUGHT_EXACTLY = ('avi', 'mov')

# Reading goes on from the last request if the next one starts at most this many frames after it.
_MAX_GAP = 8

# So many frames stay decoded for a request that reads on: an I-frame takes the vectors of the frame
# before it, and a B-frame, except in H.264, those of a frame after it, which has come out by then.
_KEPT, _KEPT_WITH_B = 1, 4


class FrameDecoder(DecodingSession):
    """An open video whose frames come out by number.

    Args:
        source: the video.
        num_threads: threads for decoding where no motion is exported. Motion needs one: with more
            the vectors of H.264 are read while others are being written.
        cache_bytes: how much encoded video to keep in memory.
        max_pixels: the most that the video's frames may have; single ones that are more than twice
            as large are not decoded.

    Attributes:
        index: the frames.
        orientation: how frames are turned for display, None while it is not known.
        size: ``(h, w)`` of the video in px, as coded; zeros if no frame can be decoded.
        num_packets: packets in the stream.

    Raises:
        VideoOpenError: the source is not a video, or its frames are larger than allowed.
        NoVideoStreamError: there is no video in it.
    """

    def __init__(
        self,
        source: MediaSource,
        num_threads: int = 1,
        cache_bytes: int = CACHE_BYTES,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._key = source.file_key()
        self._frames: list[int] = []
        self._starts: list[int] = []
        self._pending: set[int] = set()
        self._opening: Packet | None = None
        self._last_needed = -1
        self._kept: dict[int, VideoFrame] = {}
        known = known_videos.get(self._key)
        name = known.container_format if known else None
        super().__init__(source, num_threads, max_pixels, name)
        try:
            self.size: Size = (self.context.height, self.context.width)
            self._read_index(known, cache_bytes)
            # Single elements of arrays are slow.
            self._frames = self.index.frames.tolist()
            self._starts = self.index.starts.tolist()
            self._packets_of: list[int] = self.index.packets.tolist()
            self._ends: list[int] = self.index.ends.tolist()
            self._droppable: list[bool] = self.index.droppable.tolist()
            has_b = self.codec != 'h264' and bool(np.any(self.index.types == 'B'))
            self._num_kept = _KEPT_WITH_B if has_b else _KEPT
            if not all(self.size):
                self.size = self._size_of_frames()
        except BaseException:
            self.close()
            raise

    @property
    def num_missing(self) -> int:
        """Frames that the header promises but the file lacks."""
        present = self.num_packets
        if self.container_format == 'avi' and present:
            # The header also counts empty chunks, which repeat a frame: time passes there.
            present = max(present, int(self.packets.table[-1, 1]) + 1)
        return max(self.stream.frames - present, 0)

    def decode(self, needed: Collection[int]) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes frames.

        Args:
            needed: frame numbers.

        Yields:
            A frame's number and the frame, in the order in which the frames come out. What could
            not be decoded does not.

        Raises:
            DamagedError: the video is damaged, and that is not tolerated yet.
        """
        wanted = set(needed)
        if not wanted:
            return
        first, last = min(wanted), max(wanted)
        # Only who reads on profits from the frames that the decoder still holds.
        reads_on = first - self._last_needed <= _MAX_GAP and last > self._last_needed
        if reads_on and self.codec == 'h264' and self._last_needed >= 0:
            self.decode_fully()  # skimming drains the decoder at the end
        self._last_needed = last
        kept, self._kept = self._kept, {}
        for number in sorted(wanted & kept.keys()):
            wanted.discard(number)
            yield number, kept[number]
        run = _Run(sorted(wanted), self.index)
        for number in run.needed:
            if number not in wanted:
                continue
            start: int | None = self._starts[number]
            if self.is_damaged:
                before = self.index.previous_start(self._starts[number])
                start = start if before is None else before
            # A keyframe may turn out not to be enough (H.264's intra refresh): try the one before.
            for _ in range(2):
                if start is None:
                    break
                yield from self._reach(number, start, run, wanted, reads_on)
                if number not in wanted:
                    break
                start = self.index.previous_start(start)
        if self.is_skimming and self.codec == 'h264' and self._pending:
            # A damaged frame comes out after the B-frames that took their vectors from it.
            self._drain()

    def decode_keyframe(self, number: int) -> VideoFrame | None:
        """Decodes a keyframe alone; None if it cannot be decoded without what precedes it.

        Raises:
            DamagedError: the video is damaged, and that is not tolerated yet.
        """
        if self._starts[number] != self.index.packets[number]:
            return None
        self.restart(int(self.index.packets[number]))
        frames = []
        while self.next <= self.index.ends[number]:
            frames += self._feed_next()
        frames += self._drain()
        return next((frame for found, frame in frames if found == number), None)

    def reason(self, number: int) -> str:
        """Why a frame could not be decoded."""
        return self.errors.get(int(self.index.packets[number]), 'the decoder left it out')

    def stop(self) -> None:
        """Makes decoding start anew the next time."""
        super().stop()
        self._pending.clear()
        self._opening = None

    def reopen(self) -> None:
        """Opens the file anew."""
        self._kept.clear()
        super().reopen()

    def close(self) -> None:
        """Closes the container, lets go of the packets and remembers the index."""
        is_indexed = hasattr(self, 'packets') and hasattr(self, 'index')
        # Other containers have to be scanned to be sought.
        is_sought = is_indexed and self.container_format.startswith(_SOUGHT_EXACTLY)
        if self._key and is_sought and not sys.is_finalizing():
            facts = (self.reorder_depth, self.orientation, self.container_format)
            known_videos.put(self._key, KnownVideo(self.packets.table, self.index, *facts))
        self._kept.clear()
        super().close()

    def _read_index(self, known: KnownVideo | None, cache_bytes: int) -> None:
        """Scans the file, unless this process has done so before."""
        packets = known.packets if known else None
        opened = self._container, self.stream, self.codec
        self.packets = PacketReader(*opened, cache_bytes, packets, self._source.deadline)
        self.num_packets = len(self.packets)
        self.orientation: Orientation | None = None
        if known:
            self.index: FrameIndex = known.index
            if self.index.is_packed:
                self.packets.unpack(self.stream)
            self.reorder_depth, self.orientation = known.reorder_depth, known.orientation
        else:
            self.index = self._build_index()
            if self.codec == 'h264':
                # Where its headers do not tell, FFmpeg finds out by losing frames.
                self.reorder_depth = max(self.reorder_depth, self.index.reorder_depth)
        self.is_closed = self.index.is_closed

    def _size_of_frames(self) -> Size:
        """The size of the first frame that can be decoded, where the header does not tell."""
        self.conceal_damage()
        frames = self.decode(range(len(self.index)))
        return next(((frame.height, frame.width) for _, frame in frames), (0, 0))

    def _build_index(self) -> FrameIndex:
        return build_index(
            self.packets.infos,
            self.codec,
            self.container_format,
            bool(self.reorder_depth),
            float(1 / self.frame_rate / (self.stream.time_base or 1)),
            self._decode_order,
            self.packets.crop,
        )

    def _decode_order(self, first: int, last: int) -> list[int]:
        try:
            return self._order_of_frames(first, last)
        except DamagedError:
            # It may be that what is shown before the first keyframe lacks its references.
            self.conceal_damage()
            order = self._order_of_frames(first, last)
            self.detect_damage()
            return order

    def _order_of_frames(self, first: int, last: int) -> list[int]:
        self.restart(first)
        if self.codec == 'h264':
            self.context.reorder_depth = _MAX_REORDER
        frames = []
        while self.next < last:
            frames += self.feed(self.packets.read())
        frames += self.feed(None)
        self.context.reorder_depth = self.reorder_depth
        self.stop()
        numbers = (frame.pts for frame in frames)
        return [pts for pts in numbers if pts is not None and 0 <= pts < self.num_packets]

    def _reach(
        self, number: int, start: int, run: '_Run', wanted: set[int], reads_on: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes up to a frame; yields it and what else is wanted on the way.

        What is yielded is wanted no more.
        """
        if not self._is_ahead(number, start):
            self.restart(start)
        starts, droppable, last = self._starts, self._droppable, run.needed[-1]
        overdue, end = 0, self._ends[number]
        first_kept = last - self._num_kept + 1 if reads_on else len(starts)
        while self.start is not None and number in wanted and overdue < _MAX_DELAY:
            packet = self.next
            is_fed = packet > end and not reads_on and run.is_fed(packet)
            if is_fed or packet == self.num_packets:
                frames = self._drain()
            elif self._is_leading(packet) or (
                droppable[packet] and self._can_drop(packet, min(last, first_kept), wanted)
            ):
                self.packets.skip()
                self.next = packet + 1
                continue
            else:
                frames = self._feed_next()
            for found, frame in frames:
                overdue += found > number
                if found >= first_kept and self.start is not None and self.start <= starts[found]:
                    self._kept[found] = frame
                if found in wanted and (self.start or 0) <= starts[found]:
                    wanted.discard(found)
                    yield found, frame

    def _is_ahead(self, number: int, start: int) -> bool:
        """Whether a frame comes out by decoding on, and sooner than by starting anew."""
        if self.start is None or not self.start <= start <= self.next:
            return False
        return self._packets_of[number] >= self.next or number in self._pending

    def _is_leading(self, packet: int) -> bool:
        """Whether a packet's frame lacks what precedes the start, and no other refers to it.

        MPEG-4's decoder would measure the time between fields by such a frame, and get it wrong.
        """
        frame = self._frames[packet]
        if frame < 0 or self._starts[frame] >= (self.start or 0):
            return False
        return not self.index.is_reference[packet] and self._ends[frame] == packet

    def _can_drop(self, packet: int, last: int, wanted: set[int]) -> bool:
        """Whether a droppable packet can be left out."""
        # Frames after the last needed one may be what the next request begins with.
        frame = self._frames[packet]
        return not self.is_damaged and frame < last and frame not in wanted

    def _drain(self) -> list[tuple[int, VideoFrame]]:
        frames: list[tuple[int, VideoFrame]] = []
        if self.exports_motion and self.codec in _DRAINED_WITHOUT_MOTION:
            # A keyframe pushes the last frame out with its vectors; it has no number itself. It
            # takes a second push where the decoder still holds a B-frame of a packed bitstream.
            for _ in range(2):
                if self._pending and self._opening:
                    self._opening.pts = None
                    frames += self._name(self.feed(self._opening))
        frames += self._name(self.feed(None))
        self.stop()
        return frames

    def _feed_next(self) -> list[tuple[int, VideoFrame]]:
        """Decodes the next packet."""
        packet = self.packets.read()
        if packet is None:  # the file has become shorter
            return self._drain()
        if self.next == self.start:
            self._opening = packet
        number = self._frames[self.next]
        if number >= 0:
            self._pending.add(number)
        return self._name(self.feed(packet))

    def _name(self, frames: list[VideoFrame]) -> list[tuple[int, VideoFrame]]:
        """Frames with their numbers."""
        named = []
        for frame in frames:
            packet = frame.pts
            if packet is not None and 0 <= packet < self.num_packets:
                number = self._frames[packet]
                self._pending.discard(number)
                named.append((number, frame))
        return named

    def _is_due(self, packet: int | None) -> bool:
        """Whether the frame in a packet comes out right from where decoding has started."""
        if packet is None or not 0 <= packet < self.num_packets or not self._starts:
            return True
        frame = self._frames[packet]
        return frame < 0 or self.start is None or self.start <= self._starts[frame]


class _Run:
    """The frames of one request, and how far packets must be fed for them to come out.

    Frames count from when decoding has passed where they start from, so that a gap in the request
    that is worth a seek ends the run before it.
    """

    def __init__(self, needed: list[int], index: FrameIndex) -> None:
        self.needed = needed
        self._starts = index.starts[needed].tolist()
        self._packets = index.ends[needed].tolist()
        self._passed = 0
        self._last_packet = -1

    def is_fed(self, next_packet: int) -> bool:
        """Whether every frame that starts before ``next_packet`` has been fed."""
        while self._passed < len(self.needed) and self._starts[self._passed] <= next_packet:
            self._last_packet = max(self._last_packet, self._packets[self._passed])
            self._passed += 1
        return next_packet > self._last_packet
