"""Decoding of frames by their number."""

import sys
from collections.abc import Collection, Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ssvrl_mm.video.container import CACHE_BYTES, FileKey, PacketReader, VideoSource
from ssvrl_mm.video.errors import VideoOpenError
from ssvrl_mm.video.geometry import Size
from ssvrl_mm.video.index import FrameIndex, build_index
from ssvrl_mm.video.index_cache import KnownVideo, known_videos
from ssvrl_mm.video.orientation import Orientation

#: No frame has more pixels (twice those of 8K); a damaged header may ask for any number.
MAX_PIXELS = 2**26

# FFmpeg counts what it pads frames with.
_MAX_PADDING = 2**16

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


class FrameDecoder:
    """An open video whose frames come out by number.

    Every packet is handed to the decoder with its number in place of its time, and so every frame
    that comes out is known by its packet, whatever the container's times are worth.

    Args:
        source: the video.
        num_threads: threads for decoding where no motion is exported. Motion needs one: with more
            the vectors of H.264 are read while others are being written.
        cache_bytes: how much encoded video to keep in memory.
        max_pixels: the most that the video's frames may have; single ones that are more than twice
            as large are not decoded.

    Attributes:
        stream: the video stream.
        codec: FFmpeg's name of the codec.
        index: the frames.
        orientation: how frames are turned for display, None while it is not known.
        size: ``(h, w)`` of the video in px, as coded; zeros if no frame can be decoded.
        num_packets: packets in the stream.
        is_damaged: whether the decoder has refused a packet. What conceals the damage may come from
            any frame before it, and so nothing is left out from then on.
        errors: what the decoder said to each packet that it refused, by the packet's number.

    Raises:
        VideoOpenError: the source is not a video, or its frames are larger than allowed.
        NoVideoStreamError: there is no video in it.
    """

    def __init__(
        self,
        source: VideoSource,
        num_threads: int = 1,
        cache_bytes: int = CACHE_BYTES,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._source = source
        self._num_threads = num_threads
        self._max_pixels = max_pixels
        self._export_motion = False
        self._skims = True
        self.is_damaged = False
        self.errors: dict[int, str] = {}
        self._container: InputContainer
        self.stream: VideoStream
        self._container, self.stream = source.open()
        self._start: int | None = None
        self._next = 0
        self._pending: set[int] = set()
        self._opening: Packet
        self._last_needed = -_MAX_GAP - 1
        self._key: FileKey | None = None
        try:
            self.codec: str = self._context.codec.canonical_name
            self.size = height, width = self._context.height, self._context.width
            if height * width > max_pixels:
                reason = f'its frames of {width}x{height} px are larger than max_pixels allows'
                raise VideoOpenError(source.path, reason)
            self._reorder_depth = self._context.reorder_depth
            self._read_index(cache_bytes)
            # Single elements of arrays are slow.
            self._frames: list[int] = self.index.frames.tolist()
            self._starts: list[int] = self.index.starts.tolist()
            self._droppable: list[bool] = self.index.droppable.tolist()
            if not all(self.size):
                self.size = self._size_of_frames()
        except BaseException:
            self.close()
            raise

    @property
    def container_format(self) -> str:
        """FFmpeg's name of the container format."""
        return self._container.format.name

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, 25 where nothing tells."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(25)

    @property
    def num_missing(self) -> int:
        """Frames that the header promises but the file lacks."""
        present = self.num_packets
        if self.container_format == 'avi' and present:
            # The header also counts empty chunks, which repeat a frame: time passes there.
            present = max(present, int(self._packets.table[-1, 1]) + 1)
        return max(self.stream.frames - present, 0)

    def export_motion(self) -> None:
        """Makes frames carry their motion vectors from now on."""
        if not self._export_motion:
            self._export_motion = True
            if self._context.is_open:
                self._reopen()

    def decode_fully(self) -> None:
        """Makes frames carry their pixels from now on.

        As long as only motion is exported, what the vectors do not depend on is left out.
        """
        if self._skims:
            self._skims = False
            if self._export_motion and self._context.is_open:
                self._reopen()

    def conceal_damage(self) -> None:
        """Makes the decoder conceal damage from now on instead of refusing it."""
        if not self.is_damaged:
            self.is_damaged, self._skims = True, False
            if self._context.is_open:
                self._reopen()

    def recover(self) -> None:
        """Makes the decoder go on after a :class:`DamagedError`."""
        if self._is_skimming and not self.index.is_closed:
            # What it refused may be talk of frames before the one that decoding started from.
            self.decode_fully()
        else:
            self.conceal_damage()

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
        run = _Run(sorted(wanted), self.index)
        if not run.needed:
            return
        first, last = run.needed[0], run.needed[-1]
        # Only who reads on profits from the frames that the decoder still holds.
        reads_on = first - self._last_needed <= _MAX_GAP and last > self._last_needed
        self._last_needed = last
        if reads_on and self.codec == 'h264':
            self.decode_fully()  # skimming drains the decoder at the end
        for number in run.needed:
            start: int | None = self._starts[number]
            if self.is_damaged:
                before = self.index.previous_start(self._starts[number])
                start = start if before is None else before
            # A keyframe may turn out not to be enough (H.264's intra refresh): try the one before.
            for _ in range(2):
                if number not in wanted or start is None:
                    break
                for found, frame in self._reach(number, start, run, wanted, reads_on):
                    wanted.discard(found)
                    yield found, frame
                start = self.index.previous_start(start)
        if self._is_skimming and self.codec == 'h264' and self._pending:
            # A damaged frame comes out after the B-frames that took their vectors from it.
            self._drain()

    def decode_keyframe(self, number: int) -> VideoFrame | None:
        """Decodes a keyframe alone; None if it cannot be decoded without what precedes it.

        Raises:
            DamagedError: the video is damaged, and that is not tolerated yet.
        """
        if self._starts[number] != self.index.packets[number]:
            return None
        self._restart(int(self.index.packets[number]))
        frames = []
        while self._next <= self.index.ends[number]:
            frames += self._feed(self._packets.read())
        frames += self._drain()
        return next((frame for found, frame in frames if found == number), None)

    def reason(self, number: int) -> str:
        """Why a frame could not be decoded."""
        return self.errors.get(int(self.index.packets[number]), 'the decoder left it out')

    def abandon(self) -> None:
        """Forgets the container without closing it: it belongs to the process that opened it."""
        _abandoned.append((self._container, self.stream))

    def close(self) -> None:
        """Closes the container and lets go of the packets."""
        self._stop()
        if hasattr(self, '_packets'):
            if self._key and hasattr(self, 'index') and not sys.is_finalizing():
                facts = (self._reorder_depth, self.orientation)
                known_videos.put(self._key, KnownVideo(self._packets.table, self.index, *facts))
            del self._packets
        self._close_container()

    @property
    def _context(self) -> VideoCodecContext:
        return self.stream.codec_context

    def _read_index(self, cache_bytes: int) -> None:
        """Scans the file, unless this process has done so before."""
        if self.container_format.startswith(_SOUGHT_EXACTLY):
            self._key = self._source.file_key()
        known = known_videos.get(self._key)
        packets = known.packets if known else None
        opened = self._container, self.stream, self.codec
        self._packets = PacketReader(*opened, cache_bytes, packets, self._source.deadline)
        self.num_packets = len(self._packets)
        self.orientation: Orientation | None = None
        if known:
            self.index: FrameIndex = known.index
            if self.index.is_packed:
                self._packets.unpack(self.stream)
            self._reorder_depth, self.orientation = known.reorder_depth, known.orientation
        else:
            self.index = self._build_index()
            if self.codec == 'h264':
                # Where its headers do not tell, FFmpeg finds out by losing frames.
                self._reorder_depth = max(self._reorder_depth, self.index.reorder_depth)

    def _size_of_frames(self) -> Size:
        """The size of the first frame that can be decoded, where the header does not tell."""
        self.conceal_damage()
        frames = self.decode(range(len(self.index)))
        return next(((frame.height, frame.width) for _, frame in frames), (0, 0))

    def _build_index(self) -> FrameIndex:
        return build_index(
            self._packets.infos,
            self.codec,
            self.container_format,
            bool(self._reorder_depth),
            float(1 / self.frame_rate / (self.stream.time_base or 1)),
            self._decode_order,
            self._packets.crop,
        )

    def _decode_order(self, first: int, last: int) -> list[int]:
        try:
            return self._order_of_frames(first, last)
        except DamagedError:
            # It may be that what is shown before the first keyframe lacks its references.
            self.conceal_damage()
            order = self._order_of_frames(first, last)
            self.is_damaged, self._skims = False, True
            self.errors.clear()
            self._reopen()
            return order

    def _order_of_frames(self, first: int, last: int) -> list[int]:
        self._restart(first)
        if self.codec == 'h264':
            self._context.reorder_depth = _MAX_REORDER
        order = []
        while self._next < last:
            order += [number for number, _ in self._feed_raw(self._packets.read())]
        order += [number for number, _ in self._feed_raw(None)]
        self._context.reorder_depth = self._reorder_depth
        self._stop()
        return order

    def _reach(
        self, number: int, start: int, run: '_Run', wanted: set[int], reads_on: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes up to a frame; yields it and what else is wanted on the way."""
        if not self._is_ahead(number, start):
            self._restart(start)
        overdue, end = 0, int(self.index.ends[number])
        while self._start is not None and number in wanted and overdue < _MAX_DELAY:
            is_fed = not reads_on and self._next > end and run.is_fed(self._next)
            if is_fed or self._next == self.num_packets:
                frames = self._drain()
            elif self._can_drop(self._next, run.needed[-1], wanted):
                self._packets.skip()
                self._next += 1
                continue
            else:
                frames = self._feed(self._packets.read())
            for found, frame in frames:
                overdue += found > number
                if found in wanted and (self._start or 0) <= self._starts[found]:
                    yield found, frame

    def _is_ahead(self, number: int, start: int) -> bool:
        """Whether a frame comes out by decoding on, and sooner than by starting anew."""
        if self._start is None or not self._start <= start <= self._next:
            return False
        return self.index.packets[number] >= self._next or number in self._pending

    def _can_drop(self, packet: int, last: int, wanted: set[int]) -> bool:
        if self.is_damaged or not self._droppable[packet]:
            return False
        # Frames after the last needed one may be what the next request begins with.
        frame = self._frames[packet]
        return frame < last and frame not in wanted

    @property
    def _is_skimming(self) -> bool:
        return self._skims and self._export_motion

    def _options(self) -> dict[str, str]:
        # Cut frames where the header says, not where memory is best aligned.
        most = 2 * self._max_pixels + _MAX_PADDING
        options = {'flags': '+unaligned', 'max_pixels': str(most)}
        if self._export_motion:
            options['flags2'] = '+export_mvs'
        is_closed = not hasattr(self, 'index') or self.index.is_closed
        if not self.is_damaged and (is_closed or self._is_skimming):
            # Or damage would be concealed unnoticed.
            options['err_detect'] = '+explode'
        if self._is_skimming:
            # Not lowres, which turns the detection of damage off.
            options |= {'skip_idct': 'all', 'skip_loop_filter': 'all'}
        return options

    def _restart(self, packet: int) -> None:
        """Makes decoding start from a packet."""
        self._stop()
        if not self._packets.seek(packet):
            self._reopen()
            self._packets.seek(packet, scan=True)
        context = self._context
        if not context.is_open:
            context.options = self._options()
            context.thread_count = 1 if self._export_motion else self._num_threads
            context.thread_type = 'NONE' if context.thread_count == 1 else 'AUTO'
        context.flush_buffers()
        # Some decoders forget on a flush how far they have to look ahead.
        context.reorder_depth = max(self._reorder_depth, context.reorder_depth)
        self._start = self._next = packet

    def _stop(self) -> None:
        self._start = None
        self._pending.clear()

    def _drain(self) -> list[tuple[int, VideoFrame]]:
        frames = []
        if self._export_motion and self.codec in _DRAINED_WITHOUT_MOTION:
            # A keyframe pushes the last frame out with its vectors; it has no number itself. It
            # takes a second push where the decoder still holds a B-frame of a packed bitstream.
            for _ in range(2):
                self._opening.pts = None
                frames += self._feed_raw(self._opening)
        frames = self._name(frames + self._feed_raw(None))
        self._stop()
        return frames

    def _feed(self, packet: Packet | None) -> list[tuple[int, VideoFrame]]:
        if packet is None:  # the file has become shorter
            return self._drain()
        if self._next == self._start:
            self._opening = packet
        self._pending.add(self._frames[self._next])
        frames = self._name(self._feed_raw(packet))
        for number, _ in frames:
            self._pending.discard(number)
        return frames

    def _name(self, frames: list[tuple[int, VideoFrame]]) -> list[tuple[int, VideoFrame]]:
        return [(self._frames[packet], frame) for packet, frame in frames]

    def _feed_raw(self, packet: Packet | None) -> list[tuple[int, VideoFrame]]:
        """Decodes the next packet, or what is left; returns frames by their packet."""
        number, self._next = self._next, self._next + 1
        context = self._context
        try:
            frames = context.decode(packet)
        except av.FFmpegError as error:
            if not self.is_damaged and self._is_due(number):
                raise DamagedError from error
            if packet is not None:
                self.errors[number] = error.strerror or str(error)
            return []
        if not self.is_damaged and any(f.is_corrupt and self._is_due(f.pts) for f in frames):
            raise DamagedError
        if packet is None:
            context.flush_buffers()
        last = self.num_packets
        return [(f.pts, f) for f in frames if f.pts is not None and 0 <= f.pts < last]

    def _is_due(self, packet: int | None) -> bool:
        """Whether the frame in a packet comes out right from where decoding has started."""
        if packet is None or not 0 <= packet < self.num_packets or not hasattr(self, '_starts'):
            return True
        frame = self._frames[packet]
        return frame < 0 or self._start is None or self._start <= self._starts[frame]

    def _close_container(self) -> None:
        if self._context.is_open and self._context.thread_count != 1:
            # PyAV frees decoders while it holds the interpreter, and would wait for ever for a
            # thread that wants it in order to log.
            self._context.flush_buffers()
        self._container.close()

    def _reopen(self) -> None:
        self._stop()
        self._close_container()
        self._container, self.stream = self._source.open()
        self._packets.attach(self._container, self.stream)


class DamagedError(Exception):
    """The decoder has refused a packet, or part of it."""


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


# Containers of a parent process: closing them here would disturb it, or wait for its threads.
_abandoned: list[tuple[InputContainer, VideoStream]] = []
