"""Files that hold the flow of a video: written in one go, read frame by frame.

A :class:`~ssvrl_mm.video.frame_tables.FrameTable` with an entry for each frame, and the frames as
:mod:`~ssvrl_mm.video.motion.flow_coding` packs them, each with a checksum of its own.
"""

import os
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ssvrl_mm.video.errors import FlowFileError, FrameIndexError
from ssvrl_mm.video.frame_tables import FrameTable, appearing_file, open_source
from ssvrl_mm.video.motion.flow_coding import decode_flow, encode_flow
from ssvrl_mm.video.motion.geometry import Size, grid_size

#: What a video's file of flow is called: the name of the video, and this.
SUFFIX = '.flow'

#: Where the flow of a frame may come from.
ORIGINS = ('estimated', 'held', 'none')

_ENTRY = np.dtype(
    [
        ('offset', '<u8'),
        ('length', '<u4'),
        ('checksum', '<u4'),
        ('origin', 'u1'),
        ('valid', 'u1'),
    ]
)
# Frames, or px along a side. A damaged header must not ask for more memory than there is.
_TOO_MANY = 2**24


@dataclass(frozen=True)
class FlowHeader:
    """What flow it is, and of which video.

    Attributes:
        method: 'dis', 'farneback', 'tvl1', 'raft', or the name of another function.
        method_options: what else tells how it was computed, the digest of RAFT's weights for
            instance.
        scale: factor by which frames were resized beforehand.
        cell: px of the frame per value, along each side.
        span: frames from the start of the displacement to its end.
        num_frames: frames of the video.
        height: of the frames as displayed, px.
        width: of the frames as displayed, px.
        video_bytes: size of the video's file.
        video_sha256: its digest, in hexadecimal digits.
        made_by: the versions of what computed it; says nothing of what it is.

    Raises:
        ValueError: a value of another type or out of range.
    """

    method: str
    scale: float
    cell: int
    span: int
    num_frames: int
    height: int
    width: int
    video_bytes: int
    video_sha256: str
    method_options: dict[str, str | int] = field(default_factory=dict)
    made_by: str = ''
    types: ClassVar[dict[str, type | tuple[type, ...]]] = {
        'method': str,
        'scale': (int, float),
        'cell': int,
        'span': int,
        'num_frames': int,
        'height': int,
        'width': int,
        'video_bytes': int,
        'video_sha256': str,
        'method_options': dict,
        'made_by': str,
    }

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, self.types[entry.name]) or isinstance(value, bool):
                raise ValueError(f'{entry.name} of stored flow cannot be {value!r}')
        for name in ('cell', 'num_frames', 'height', 'width'):
            if not 1 <= getattr(self, name) < _TOO_MANY:
                raise ValueError(f'{name} of stored flow cannot be {getattr(self, name)}')

    @property
    def grid(self) -> Size:
        """The values of a frame, ``(ceil(height / cell), ceil(width / cell))``."""
        return grid_size((self.height, self.width), self.cell)


_FILE = FrameTable(b'SSVRFLOW', 1, _ENTRY, FlowHeader, FlowFileError, 'file of flow')


class FlowWriter:
    """Writes the flow of a video, frame after frame.

    A context manager. The file appears under its name when it is complete, never before; after an
    exception nothing is left.

    Args:
        path: the file.
        header: what will be written.

    Raises:
        OSError: from any method, if the file cannot be written.

    Example::

        with FlowWriter('clip.avi.flow', header) as writer:
            for flow in flows:
                writer.write(flow)
    """

    def __init__(self, path: str | os.PathLike, header: FlowHeader) -> None:
        self._path = Path(path)
        self._header = header
        self._table = np.zeros(header.num_frames, _ENTRY)
        self._written = 0
        self._last = b''
        self._end = _FILE.size(header)

    def write(self, flow: np.ndarray, valid: bool = True, origin: str = 'estimated') -> None:
        """Adds the flow of the next frame.

        Args:
            flow: float32 ``(gh, gw, 2)`` px.
            valid: whether it is that of this very frame.
            origin: one of :data:`ORIGINS`.

        Raises:
            FlowFileError: it is longer than can be stored, or not finite.
            ValueError: another shape or origin, or a frame too many.
        """
        if flow.shape != (*self._header.grid, 2) or self._written == len(self._table):
            raise ValueError(
                f'expected flow {self._header.grid} of {len(self._table)} frames, '
                f'got {flow.shape} for frame {self._written}'
            )
        if origin not in ORIGINS:
            raise ValueError(f'origin must be one of {ORIGINS}, got {origin!r}')
        try:
            data = encode_flow(flow)
        except ValueError as error:
            raise FlowFileError(str(self._path), f'frame {self._written}: {error}') from error
        entry = self._table[self._written]
        if data == self._last:  # a frame that holds the flow of the one before
            previous = self._table[self._written - 1]
            entry['offset'], entry['length'] = previous['offset'], previous['length']
        else:
            self._file.write(data)
            entry['offset'], entry['length'] = self._end, len(data)
            self._end += len(data)
        entry['checksum'] = zlib.crc32(data)
        entry['origin'], entry['valid'] = ORIGINS.index(origin), valid
        self._last = data
        self._written += 1

    def __enter__(self) -> Self:
        self._exits = ExitStack()
        self._file = self._exits.enter_context(appearing_file(self._path))
        self._exits.push(self._finish)
        self._file.seek(self._end)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._exits.__exit__(*exception)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes what the file starts with, unless there was an exception."""
        if kind is not None:
            return
        if self._written != len(self._table):
            raise ValueError(f'got {self._written} of {len(self._table)} frames')
        self._file.seek(0)
        self._file.write(_FILE.pack(self._header, self._table))


class FlowFile:
    """The flow of a video, as :class:`FlowWriter` wrote it.

    Nothing is held open: it may be pickled, and shared by threads and processes.

    Args:
        source: the file, or its bytes.
        name: what to call bytes in errors.

    Attributes:
        path: the file, or the name.
        header: what the flow is.

    Raises:
        FlowFileError: the file is missing, damaged, or no such file.
    """

    def __init__(self, source: str | os.PathLike | bytes, name: str = '<bytes>') -> None:
        self._source = source
        self.path = name if isinstance(source, bytes) else os.fspath(source)
        try:
            with open_source(source) as file:
                self.header, self._table = _FILE.read(file, self.path)
                size = file.seek(0, os.SEEK_END)
        except OSError as error:
            raise FlowFileError(self.path, f'cannot be read: {error.strerror}') from error
        table = self._table
        if np.any(table['origin'] >= len(ORIGINS)):
            raise FlowFileError(self.path, 'is damaged: its start contradicts itself')
        ends = table['offset'] + table['length']
        if np.any(table['offset'] > size) or np.any(ends > size):
            raise FlowFileError(self.path, 'is truncated')

    def __len__(self) -> int:
        return len(self._table)

    def read(self, frames: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reads the flow of frames, in any order, repeated or not.

        Args:
            frames: their numbers, from 0.

        Returns:
            float32 ``(T, gh, gw, 2)`` px; bool ``(T,)``, whether it is that of the very frame; str
            ``(T,)``, one of :data:`ORIGINS`.

        Raises:
            FrameIndexError: there is no such frame.
            FlowFileError: it is damaged.
        """
        for frame in frames:
            if not 0 <= frame < len(self):
                reason = f'there is no frame {frame}, it has {len(self)} frames'
                raise FrameIndexError(self.path, reason)
        entries = self._table[list(frames)]
        flow = np.empty((len(entries), *self.header.grid, 2), np.float32)
        first: dict[int, int] = {}
        try:
            with open_source(self._source) as file:
                for row, (offset, length, checksum) in enumerate(_places(entries)):
                    if offset in first:
                        flow[row] = flow[first[offset]]
                        continue
                    first[offset] = row
                    file.seek(offset)
                    data = file.read(length)
                    if zlib.crc32(data) != checksum:
                        raise ValueError('the checksum does not fit')
                    decode_flow(data, flow[row])
        except OSError as error:
            raise FlowFileError(self.path, f'cannot be read: {error.strerror}') from error
        except ValueError as error:
            raise FlowFileError(self.path, f'is damaged at frame {frames[row]}: {error}') from error
        return flow, entries['valid'] != 0, np.array(ORIGINS, '<U10')[entries['origin']]


def _places(entries: np.ndarray) -> list[tuple[int, int, int]]:
    return entries[['offset', 'length', 'checksum']].tolist()
