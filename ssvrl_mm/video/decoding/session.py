"""An open video and its decoder: packets in, frames out."""

import ctypes
import os
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ssvrl_mm.video.decoding.container import MediaSource, PacketReader
from ssvrl_mm.video.decoding.pyav import to_fraction
from ssvrl_mm.video.errors import VideoOpenError

# FFmpeg counts what it pads frames with.
_MAX_PADDING = 2**16


class DamagedError(Exception):
    """The decoder has refused a packet, or part of it."""


class DecodingSession:
    """An open video, and a decoder that takes its packets in a row.

    Every packet is handed to the decoder with its number in place of its time, and so every frame
    that comes out is known by its packet, whatever the container's times are worth.

    Args:
        source: the video.
        num_threads: threads for decoding where no motion is exported.
        max_pixels: the most that the video's frames may have.
        container_format: FFmpeg's name of the container's format where it is known.

    Attributes:
        container_format: FFmpeg's name of the container's format.
        stream: the video stream.
        codec: FFmpeg's name of the codec.
        packets: the packets of the stream; whoever makes the session sets them.
        reorder_depth: how many frames the decoder holds back.
        is_closed: whether what follows a keyframe makes no mention of what precedes it.
        is_damaged: whether the decoder has refused a packet. What conceals the damage may come from
            any frame before it, and so nothing is left out from then on.
        errors: what the decoder said to each packet that it refused, by the packet's number.
        start: the packet that decoding has started from, None if it has to start anew.
        next: the number of the next packet.

    Raises:
        VideoOpenError: the source is not a video, or its frames are larger than allowed.
        NoVideoStreamError: there is no video in it.
    """

    def __init__(
        self,
        source: MediaSource,
        num_threads: int,
        max_pixels: int,
        container_format: str | None = None,
    ) -> None:
        self._source = source
        self._process = os.getpid()
        self._num_threads = num_threads
        self._max_pixels = max_pixels
        self._export_motion = False
        self._skims = True
        self._refusal: tuple[int, str] | None = None
        self.is_closed = True
        self.is_damaged = False
        self.errors: dict[int, str] = {}
        self.start: int | None = None
        self.next = 0
        self.packets: PacketReader
        self._container: InputContainer
        self.stream: VideoStream
        self._container, self.stream = source.open(container_format)
        self.container_format = container_format or self._container.format.name
        try:
            self.codec: str = self.context.codec.canonical_name
            self.reorder_depth = self.context.reorder_depth
            height, width = self.context.height, self.context.width
            if height * width > max_pixels:
                reason = f'its frames of {width}x{height} px are larger than max_pixels allows'
                raise VideoOpenError(source.path, reason)
        except BaseException:
            self._container.close()
            raise

    @property
    def context(self) -> VideoCodecContext:
        """The decoder."""
        return self.stream.codec_context

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, 25 where nothing tells."""
        stream = self.stream
        return to_fraction(stream.average_rate) or to_fraction(stream.guessed_rate) or Fraction(25)

    @property
    def exports_motion(self) -> bool:
        """Whether frames carry their motion vectors."""
        return self._export_motion

    @property
    def is_skimming(self) -> bool:
        """Whether frames carry nothing but their motion vectors."""
        return self._skims and self._export_motion

    def export_motion(self) -> None:
        """Makes frames carry their motion vectors from now on."""
        if not self._export_motion:
            self._export_motion = True
            if self._is_used:
                self.reopen()

    def decode_fully(self) -> None:
        """Makes frames carry their pixels from now on.

        As long as only motion is exported, what the vectors do not depend on is left out.
        """
        if self._skims:
            self._skims = False
            if self._export_motion and self._is_used:
                self.reopen()

    def conceal_damage(self) -> None:
        """Makes the decoder conceal damage from now on instead of refusing it."""
        if not self.is_damaged:
            self.is_damaged, self._skims = True, False
            if self._is_used:
                self.reopen()

    def detect_damage(self) -> None:
        """Takes :meth:`conceal_damage` back, and forgets what there was."""
        self.is_damaged, self._skims = False, True
        self.errors.clear()
        self.reopen()

    def recover(self) -> None:
        """Makes the decoder go on after a :class:`DamagedError`."""
        if self.is_skimming and not self.is_closed:
            # What it refused may be talk of frames before the one that decoding started from.
            self.decode_fully()
        else:
            self.conceal_damage()

    def restart(self, packet: int) -> None:
        """Makes decoding start from a packet."""
        self.stop()
        if not self.packets.seek(packet):
            self.reopen()
            self.packets.seek(packet, scan=True)
        context = self.context
        if not context.is_open:
            context.options = self._options()
            context.thread_count = 1 if self._export_motion else self._num_threads
            context.thread_type = 'NONE' if context.thread_count == 1 else 'AUTO'
        context.flush_buffers()
        # Some decoders forget on a flush how far they have to look ahead.
        context.reorder_depth = max(self.reorder_depth, context.reorder_depth)
        self.start = self.next = packet

    def stop(self) -> None:
        """Makes decoding start anew the next time."""
        self.start = None

    def feed(self, packet: Packet | None) -> list[VideoFrame]:
        """Decodes the next packet, or what is left.

        Returns:
            Frames; their pts are the numbers of their packets.

        Raises:
            DamagedError: the video is damaged, and that is not tolerated yet.
        """
        number = self.next
        self.next = number + 1
        context = self.context
        try:
            if self._refusal:
                raise av.FFmpegError(*self._refusal)
            frames = context.decode(packet)
        except av.FFmpegError as error:
            if not context.is_open:
                self._refusal = error.errno or 0, error.strerror or str(error)
            if not self.is_damaged and self._is_due(number):
                raise DamagedError from error
            if packet is not None:
                self.errors[number] = error.strerror or str(error)
            return []
        if packet is None:
            context.flush_buffers()
        elif len(frames) == 1 and not (frame := frames[0]).is_corrupt and frame.pts is not None:
            return frames  # as nearly always
        for frame in frames:
            if not self.is_damaged and frame.is_corrupt and self._is_due(frame.pts):
                raise DamagedError
        return [frame for frame in frames if frame.pts is not None]

    def reopen(self) -> None:
        """Opens the file anew."""
        self.stop()
        self._close_container()
        self._container, self.stream = self._source.open(self.container_format)
        self._refusal = None
        self.packets.attach(self._container, self.stream)

    def close(self) -> None:
        """Closes the container and lets go of the packets.

        In a process that was forked since it was opened, the container is left as it is.
        """
        self.stop()
        if hasattr(self, 'packets'):
            del self.packets
        self._close_container()

    @property
    def _is_used(self) -> bool:
        """Whether another decoder is needed for other options.

        One that could not be opened, for what the header says, has forgotten its codec.
        """
        return self.context.is_open or self._refusal is not None

    def _is_due(self, packet: int | None) -> bool:
        """Whether the frame in a packet comes out right from where decoding has started."""
        return True

    def _options(self) -> dict[str, str]:
        # Cut frames where the header says, not where memory is best aligned.
        most = 2 * self._max_pixels + _MAX_PADDING
        options = {'flags': '+unaligned', 'max_pixels': str(most)}
        if self._export_motion:
            options['flags2'] = '+export_mvs'
        if not self.is_damaged and (self.is_closed or self.is_skimming):
            # Or damage would be concealed unnoticed.
            options['err_detect'] = '+explode'
        if self.is_skimming:
            # Not lowres, which turns the detection of damage off.
            options |= {'skip_idct': 'all', 'skip_loop_filter': 'all'}
        return options

    def _close_container(self) -> None:
        if self._process != os.getpid():
            _never_free(self._container)
            _never_free(self.stream)
            return
        if self.context.is_open and self.context.thread_count != 1:
            # PyAV frees decoders while it holds the interpreter, and would wait for ever for a
            # thread that wants it in order to log.
            self.context.flush_buffers()
        self._container.close()


def _never_free(thing: object) -> None:
    """Keeps what belongs to a parent process, even beyond the end of this one's interpreter.

    Closing it here would disturb the parent, or wait for ever for threads that only it has.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
