"""Parts of decoded frames, without copying them."""

from collections.abc import Iterable
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

#: Left, top, right and bottom in whole px; the last two are no longer inside.
Region = tuple[int, int, int, int]

# Parts are as large as FFmpeg takes for the same shortcuts as with whole frames, so that the
# conversion of a part gives the same colours as that of the whole.
_COLUMNS, _ROWS = 16, 2
_FORMATS = ('yuv420p', 'yuvj420p')

# A part that is hardly smaller is not worth it.
_MOST = 0.9

# So many clips of a video may be cropped in turns.
_MAX_PARTS = 8


def surrounding(regions: Iterable[Region]) -> Region:
    """The least region that holds others."""
    left, top, right, bottom = zip(*regions, strict=True)
    return min(left), min(top), max(right), max(bottom)


class FrameCropper:
    """Cuts frames. Keeps what FFmpeg has to set up for each part."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Region, int, int, str], tuple[_Graph, int, int] | None] = {}

    def __call__(self, frame: VideoFrame, region: Region) -> tuple[VideoFrame, int, int]:
        """Cuts out a part that contains a region.

        Args:
            frame: a decoded frame.
            region: what is needed of it.

        Returns:
            The part, which shares the frame's memory, and where its left and upper edges are in the
            frame. The whole frame where a part would be converted to other colours.
        """
        key = region, frame.width, frame.height, frame.format.name
        if key not in self._parts:
            if len(self._parts) >= _MAX_PARTS:
                self._parts.clear()
            self._parts[key] = _part(frame, region)
        part = self._parts[key]
        if part is None:
            return frame, 0, 0
        graph, left, top = part
        try:
            return graph(frame), left, top
        except av.FFmpegError:
            self._parts[key] = None
            return frame, 0, 0


def _part(frame: VideoFrame, region: Region) -> 'tuple[_Graph, int, int] | None':
    """What cuts a part out that contains the region, if anything, and where the part begins."""
    height, width = frame.height, frame.width
    left, top = region[0] // _COLUMNS * _COLUMNS, region[1] // _ROWS * _ROWS
    right = min(-(-region[2] // _COLUMNS) * _COLUMNS, width)
    bottom = min(-(-region[3] // _ROWS) * _ROWS, height)
    is_worth_it = (right - left) * (bottom - top) <= _MOST * width * height
    if frame.format.name not in _FORMATS or height % 2 or width % 2 or not is_worth_it:
        return None
    try:
        return _Graph(frame, (left, top, right, bottom)), left, top
    except av.FFmpegError:
        return None


class _Graph:
    """Cuts a part out of frames that are like a given one."""

    def __init__(self, frame: VideoFrame, part: Region) -> None:
        left, top, right, bottom = part
        # The two ends are not enough: they do not keep the graph between them.
        self._graph = Graph()
        self._graph.threads = 1
        self._source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
        )
        crop = self._graph.add('crop', f'{right - left}:{bottom - top}:{left}:{top}:exact=1')
        self._sink = self._graph.add('buffersink')
        self._source.link_to(crop)
        crop.link_to(self._sink)
        self._graph.configure()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        self._source.push(frame)
        part = self._sink.pull()
        assert isinstance(part, VideoFrame)
        return part
