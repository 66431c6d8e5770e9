"""Decoding by FFmpeg and nothing else: what no reader of the same frames can do without."""

from collections.abc import Callable, Iterable

import av
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding.pyav import open_input


def open_decoder(path: str, exports: bool) -> tuple[InputContainer, VideoCodecContext]:
    """A container and the decoder of its video, with one thread.

    Args:
        path: The file.
        exports: Have motion vectors exported.
    """
    container = open_input(path)
    context = container.streams.video[0].codec_context
    context.thread_count, context.thread_type = 1, 'NONE'
    if exports:
        context.options = {'flags2': '+export_mvs'}
    return container, context


def decode(context: VideoCodecContext, packet: Packet | None) -> list[VideoFrame]:
    """The frames that come out; none of what the decoder refuses."""
    try:
        return context.decode(packet)
    except av.FFmpegError:
        return []


def decode_file(path: str, exports: bool) -> None:
    """Decodes a whole file, opening included."""
    container, context = open_decoder(path, exports)
    with container:
        for packet in container.demux(video=0):
            decode(context, packet)


def clip_floor(
    path: str, start: int, end: int, close: bool = False, converted: int | None = None
) -> Callable[[], None]:
    """Decodes packets; takes the vectors and the RGB of the last ``converted`` frames as well."""
    container, context = open_decoder(path, converted is not None)
    packets = []
    for packet in container.demux(video=0):
        if packet.size:
            packets.append(packet)
        if len(packets) == end:
            break
    packets = packets[start:]

    def decode_clip() -> None:
        for packet in packets:
            decode(context, packet)
        decode(context, None)
        context.flush_buffers()
        if close:
            container.close()

    reformatter = VideoReformatter()

    def decode_and_convert() -> None:
        left = len(packets) - (converted or 0)
        for packet in [*packets, None]:
            for frame in decode(context, packet):
                left -= 1
                if left < 0:
                    vectors = SideDataContainer(frame).get('MOTION_VECTORS')  # type: ignore[call-arg]
                    bytes(vectors or b'')
                    reformatter.reformat(frame, format='rgb24', threads=1)
        context.flush_buffers()

    return decode_clip if converted is None else decode_and_convert


class SampleFloor:
    """Decodes the frames of a sample with their vectors, packets in memory, and nothing else.

    Packets of frames that nobody asked for and nothing refers to are left out.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._reader = CompressedVideoReader(path, 'auto')
        exports = self._reader.metadata.exports_motion
        self._container, self._context = open_decoder(path, exports)
        self._runs: list[list[Packet]] = []

    def choose(self, frames: Iterable[int]) -> None:
        """Fetches what has to be decoded for frames."""
        decoder = self._reader._open().decoder
        index, wanted = decoder.index, set(frames)
        spans: list[list[int]] = []
        for start, end in sorted((int(index.starts[n]), int(index.ends[n])) for n in wanted):
            if spans and start <= spans[-1][1] + 1:
                spans[-1][1] = max(end, spans[-1][1])
            else:
                spans.append([start, end])
        self._runs = []
        for start, end in spans:
            decoder.restart(start)
            packets = [(number, decoder.packets.read()) for number in range(start, end + 1)]
            self._runs.append(
                [
                    packet
                    for number, packet in packets
                    if packet and (index.frames[number] in wanted or not index.droppable[number])
                ]
            )

    def __call__(self) -> None:
        """Decodes."""
        for packets in self._runs:
            for packet in packets:
                decode(self._context, packet)
            decode(self._context, None)
            self._context.flush_buffers()
