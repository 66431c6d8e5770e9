"""The container of a video: opening it, and getting at its packets by number."""

import hashlib
import io
import itertools
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from ssvrl_mm.video.bitstream.parsers import H264Pictures, MPEG4Pictures, picture_parser
from ssvrl_mm.video.bitstream.picture import START_CODE, Picture
from ssvrl_mm.video.decoding.deadline import Deadline
from ssvrl_mm.video.decoding.digest import file_digest
from ssvrl_mm.video.decoding.pyav import open_input
from ssvrl_mm.video.errors import NoVideoStreamError, VideoOpenError

#: Encoded video up to this many bytes stays in memory, so that no packet is read twice.
CACHE_BYTES = 64 * 2**20

#: Path, size, time of change and inode.
FileKey = tuple[str, int, int, int]

#: Stands for a time that a packet does not have (FFmpeg's AV_NOPTS_VALUE).
NO_TIME = -(2**63)

# FFmpeg renders any file with a fitting name as a video of a text terminal.
_TEXT_CODECS = ('ansi', 'bintext', 'idf', 'xbin')


class MediaSource:
    """Where a video comes from: a path, its bytes, or a binary file object.

    Args:
        source: path, ``bytes`` or another buffer, or an object with ``read`` and ``seek``.
        timeout: seconds that a call of the reader may take, None for any time.
        name: what to call the source, for what has no path of its own.

    Attributes:
        path: the path, or the name or a description of the object.
        deadline: the end of that time; whoever starts a call restarts it.

    Raises:
        TypeError: ``source`` is something else.
        ValueError: ``timeout`` is not positive.
    """

    def __init__(
        self,
        source: str | os.PathLike | bytes | bytearray | memoryview | BinaryIO,
        timeout: float | None = None,
        name: str | None = None,
    ) -> None:
        self._source: Any = source
        if isinstance(source, str | os.PathLike):
            self._source = self.path = os.fspath(source)
        elif isinstance(source, bytes | bytearray | memoryview):
            self._source = bytes(source)
            self.path = name or f'<{len(self._source)} bytes>'
        elif hasattr(source, 'read') and hasattr(source, 'seek'):
            described = str(getattr(source, 'name', '')) or f'<{type(source).__name__}>'
            self.path = name or described
        else:
            raise TypeError(
                f'expected a path, bytes or a binary file object, got {type(source).__name__}'
            )
        self.deadline = Deadline(self.path, timeout)

    @property
    def is_portable(self) -> bool:
        """Whether it can be opened in another process: everything but a file object."""
        return isinstance(self._source, str | bytes)

    def file_key(self) -> FileKey | None:
        """What tells this version of a file from others; None for what is no file."""
        if not isinstance(self._source, str):
            return None
        try:
            status = os.stat(self._source)
        except OSError:
            return None
        path = os.path.abspath(self._source)
        return path, status.st_size, status.st_mtime_ns, status.st_ino

    def digest(self) -> tuple[int, str]:
        """Size in bytes and SHA-256 digest of a file or of bytes.

        Raises:
            VideoOpenError: it is a file object, or cannot be read.
        """
        if isinstance(self._source, bytes):
            return len(self._source), hashlib.sha256(self._source).hexdigest()
        if not isinstance(self._source, str):
            reason = 'is read from a file object, of which there is no digest; give its path'
            raise VideoOpenError(self.path, reason)
        try:
            return os.path.getsize(self._source), file_digest(self._source)
        except OSError as error:
            raise VideoOpenError(self.path, f'cannot be read: {error.strerror}') from error

    def open(self, container_format: str | None = None) -> tuple[InputContainer, VideoStream]:
        """Opens the container and picks its video stream.

        Args:
            container_format: FFmpeg's name of its format where it is known, which saves probing.

        Raises:
            VideoOpenError: it is not a video.
            NoVideoStreamError: there is no video in it.
            VideoTimeoutError: it takes too long.
        """
        try:
            name = container_format and container_format.partition(',')[0]
            container = open_input(self._file(), name, self.deadline.seconds)
        except (av.FFmpegError, OSError, ValueError, EOFError) as error:
            self.deadline.check()
            reason = getattr(error, 'strerror', None) or str(error)
            raise VideoOpenError(self.path, f'cannot be opened as a video: {reason}') from error
        try:
            return container, self._video_stream(container)
        except BaseException:
            container.close()
            raise

    def _file(self) -> str | BinaryIO:
        """What to open."""
        file = self._source
        if isinstance(file, bytes):
            return io.BytesIO(file)
        if not isinstance(file, str):
            file.seek(0)
            return file
        if '\0' in file:
            raise VideoOpenError(self.path, 'cannot be opened as a video: no file has such a name')
        if not os.path.exists(file):
            return file
        if not stat.S_ISREG(os.stat(file).st_mode):
            # A pipe would have to be read twice, or be waited for.
            raise VideoOpenError(self.path, 'cannot be opened as a video: it is no regular file')
        # FFmpeg takes what stands before a colon for a protocol.
        return f'file:{file}' if ':' in file else file

    def _video_stream(self, container: InputContainer) -> VideoStream:
        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            kinds: list[str] = sorted({stream.type for stream in container.streams}) or ['nothing']
            raise NoVideoStreamError(self.path, f'has no video stream, only {", ".join(kinds)}')
        best = container.streams.best('video')
        stream = best if best in streams else streams[0]
        if stream.codec_context is None:
            raise VideoOpenError(self.path, 'FFmpeg has no decoder for its video stream')
        if stream.codec_context.name in _TEXT_CODECS:
            raise VideoOpenError(self.path, 'cannot be opened as a video: it is text')
        return stream


class PacketInfo(NamedTuple):
    """What the container says about a packet, and the pictures found in it.

    ``pictures`` is None where the pictures of the codec are not parsed. ``coded_size`` is the bytes
    of what is decoded in its place, where it is part of a packed bitstream, and otherwise None.
    """

    pts: int | None
    dts: int | None
    size: int
    is_keyframe: bool
    is_discarded: bool
    pictures: list[Picture] | None
    coded_size: int | None = None


class PacketReader:
    """The packets of a video stream, by number in the order of decoding.

    The first pass reads them all, unless they are known. Where they fit into ``cache_bytes`` they
    are kept, otherwise the container is sought again.

    Args:
        container: the open container.
        stream: its video stream.
        codec: FFmpeg's name of the codec.
        cache_bytes: how much encoded video to keep in memory.
        table: the :attr:`table` of the same file, if it was read before; then nothing is read
            and no packet kept.
        deadline: when to give up; none by default.

    Attributes:
        infos: one per packet; empty if a table was given.
        crop: ``(left, top)`` px that decoders cut off, where vectors do not know of it.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        codec: str,
        cache_bytes: int = CACHE_BYTES,
        table: np.ndarray | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._deadline = deadline or Deadline('')
        self.infos: list[PacketInfo] = []
        self.crop = (0, 0)
        self._packed: MPEG4Pictures | None = None
        self._waiting = b''
        self._kept: list[Packet] | None = None
        self._table = table
        self._keeps = table is not None and int(table[:, 2].sum()) <= cache_bytes
        self._num_sought = 0
        self._length = 0 if table is None else len(table)
        if table is None:
            self._scan(container, stream, codec, cache_bytes)
        self.attach(container, stream)
        # Packets that were read are not to be had again without seeking.
        self._position = len(self) if table is None else 0

    def _scan(
        self, container: InputContainer, stream: VideoStream, codec: str, cache_bytes: int
    ) -> None:
        self._kept = []
        parse = picture_parser(codec, stream.codec_context.extradata or b'')
        held, waiting = 0, b''
        for packet in _demux(container, stream):
            self._deadline.check()
            pictures = parse(bytes(packet)) if parse else None
            size = packet.size
            coded_size = None
            if isinstance(parse, MPEG4Pictures) and (waiting or len(pictures or ()) > 1):
                picture, waiting = parse.next_picture(waiting, bytes(packet))
                coded_size = len(picture)
            facts = (packet.pts, packet.dts, size, packet.is_keyframe, packet.is_discard)
            self.infos.append(PacketInfo(*facts, pictures, coded_size))
            if self._kept is not None:
                self._kept.append(packet)
                held += size
                if held > cache_bytes:
                    self._kept = None
        self._deadline.check()
        if isinstance(parse, H264Pictures):
            self.crop = parse.parameters.crop
        if any(info.pictures and len(info.pictures) > 1 for info in self.infos):
            self.unpack(stream)
        self._length = len(self.infos)

    def __len__(self) -> int:
        return self._length

    @property
    def table(self) -> np.ndarray:
        """Pts, dts and size of every packet: int64 ``(P, 3)``, :data:`NO_TIME` for None."""
        if self._table is None:
            rows = [_times(info.pts, info.dts, info.size) for info in self.infos]
            self._table = np.array(rows, np.int64).reshape(-1, 3)
        return self._table

    def attach(self, container: InputContainer, stream: VideoStream) -> None:
        """Goes on with packet 0 of another opening of the same file."""
        self._container, self._stream = container, stream
        self._position = 0
        self._packets = _demux(container, stream)
        for packet in self._kept or ():
            # A packet keeps the decoder of its stream, and that its threads.
            packet.stream = stream

    def unpack(self, stream: VideoStream) -> None:
        """Hands the pictures of a packed bitstream of MPEG-4 out one by one from now on.

        The decoder does so too, but goes astray where it starts from anywhere but the beginning.
        """
        if stream.codec_context.name == 'mpeg4':
            self._packed = MPEG4Pictures(stream.codec_context.extradata or b'')
            self._waiting = b''
            if self._kept is not None:
                self._kept = [self._unpacked(packet) for packet in self._kept]

    def seek(self, number: int, scan: bool = False) -> bool:
        """Makes :meth:`read` go on at packet ``number``; False if the container cannot get there.

        Seeking in the container flushes its decoders. With ``scan`` it is not sought: packets are
        read and dropped instead, which works from where :meth:`attach` left.
        """
        self._waiting = b''
        if self._kept is not None:
            self._position = number
            return True
        if scan:
            while self._position < number:
                self.skip()
        if self._position == number:
            return True
        if self._keeps and self._num_sought > self._length and self._keep():
            self._position = number
            return True
        # Containers differ in whether they seek by pts or dts. The start always works.
        times = dict.fromkeys(self.table[[number, 0], :2].ravel().tolist())
        return any(self._seek_to_time(time, number) for time in times if time != NO_TIME)

    def read(self) -> Packet | None:
        """The next packet, None after the last. Its pts is its number."""
        if self._deadline.seconds is not None:
            self._deadline.check()
        number = self._position
        if number >= self._length:
            return None
        if self._kept is not None:
            packet = self._kept[number]
        else:
            found = next(self._packets, None)
            if found is None:
                return None
            packet = self._unpacked(found) if self._packed else found
        # Decoders hand a packet's pts on to the frame, and so a frame is known by its packet
        # whatever the container's times are worth.
        packet.pts = number
        self._position = number + 1
        self._num_sought += 1
        return packet

    def skip(self) -> None:
        """Leaves out the next packet."""
        if self._kept is None:
            found = next(self._packets, None)
            if found is not None and self._packed:
                self._unpacked(found)
        self._position += 1

    def _unpacked(self, packet: Packet) -> Packet:
        """What to decode in place of a packet of a packed bitstream."""
        if not self._packed:
            return packet
        data = bytes(packet)
        waiting = self._waiting
        picture, self._waiting = self._packed.next_picture(waiting, data)
        if waiting:
            return Packet(picture)
        if picture != data:
            # The decoder looks beyond the picture's end for the start code of what follows.
            return Packet(picture + START_CODE + b'\xb1')
        return packet

    def _keep(self) -> bool:
        """Keeps all packets after all, of a file that turns out to be read again and again."""
        self._keeps = False
        if not self.seek(0):
            return False
        packets = [self._unpacked(packet) for packet in self._packets]
        self._position = self._length
        if len(packets) == self._length:
            self._kept = packets
        return self._kept is not None

    def _seek_to_time(self, time: int, number: int) -> bool:
        try:
            self._container.seek(time, stream=self._stream, backward=True)
        except (av.FFmpegError, OSError):
            return False
        self._packets = _demux(self._container, self._stream)
        first = next(self._packets, None)
        if first is None:
            return False
        # The packet tells where the container went: anywhere before the number will do.
        like_it = self.table == _times(first.pts, first.dts, first.size)
        places = np.flatnonzero(like_it.all(axis=1))
        if len(places) != 1 or places[0] > number:
            return False
        self._packets = itertools.chain((first,), self._packets)
        self._position = int(places[0])
        return self.seek(number, scan=True)


def _times(pts: int | None, dts: int | None, size: int) -> tuple[int, int, int]:
    return NO_TIME if pts is None else pts, NO_TIME if dts is None else dts, size


def _demux(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The stream's packets up to the end, or to where the file is too damaged to go on."""
    try:
        for packet in container.demux(stream):
            # An empty packet would end the decoding.
            if packet.size:
                yield packet
    except (av.FFmpegError, OSError):
        return
    except IndexError:
        # PyAV ends so where streams have turned up in the middle of the file.
        return
