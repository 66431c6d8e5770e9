"""Files with a table that has a row for every frame of a video, and say which video that is.

After a fixed start come a header in JSON and the table; other things may follow. Start, header and
table are covered by a checksum. Numbers are little-endian.
"""

import io
import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import numpy as np

from ssvrl_mm.video.errors import VideoError

# Magic, version, bytes of the header, frames, checksum of all before the rest but itself.
_START = struct.Struct('<8sIIII')
_LONGEST_HEADER = 2**16

Header = TypeVar('Header')


@dataclass(frozen=True)
class FrameTable(Generic[Header]):
    """A kind of such files.

    Attributes:
        magic: their first eight bytes.
        version: of the kind.
        row: what a row holds.
        header: dataclass of values that JSON knows, with ``num_frames``; refuses wrong ones with a
            ValueError.
        error: what is raised for a file that is none, or damaged; of path and reason.
        name: what to call such a file in errors.
    """

    magic: bytes
    version: int
    row: np.dtype
    header: type[Header]
    error: type[VideoError]
    name: str

    def size(self, header: Header) -> int:
        """Bytes of start, header and table."""
        rows = header.num_frames * self.row.itemsize  # type: ignore[attr-defined]
        return _START.size + len(_json(header)) + rows

    def pack(self, header: Header, table: np.ndarray) -> bytes:
        """Start, header and table: the bytes of a file, or the first of them."""
        text, rows = _json(header), table.astype(self.row).tobytes()
        start = self.magic, self.version, len(text), len(table)
        return _START.pack(*start, _checksum(start, text, rows)) + text + rows

    def read(self, file: BinaryIO, path: str) -> tuple[Header, np.ndarray]:
        """Reads header and table.

        Args:
            file: is read from its start.
            path: what to call it in errors.

        Raises:
            VideoError: the kind's error: it is no such file, or is damaged.
        """
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(_START.size)
        if not start.startswith(self.magic):
            raise self.error(path, f'is no {self.name}')
        if len(start) < _START.size:
            raise self.error(path, 'is truncated')
        *facts, checksum = _START.unpack(start)
        _, version, header_bytes, num_frames = facts
        if version != self.version:
            raise self.error(path, f'is of version {version}, this is for {self.version}')
        # What the file cannot hold is not even tried.
        table_bytes = num_frames * self.row.itemsize
        if header_bytes > _LONGEST_HEADER or _START.size + header_bytes + table_bytes > size:
            raise self.error(path, 'is truncated')
        text, rows = file.read(header_bytes), file.read(table_bytes)
        if _checksum(tuple(facts), text, rows) != checksum:
            raise self.error(path, 'is damaged: the checksum of its start does not fit')
        try:
            header = self.header(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise self.error(path, f'is damaged: {error}') from error
        if header.num_frames != num_frames:  # type: ignore[attr-defined]
            raise self.error(path, 'is damaged: its start contradicts itself')
        return header, np.frombuffer(rows, self.row)


def open_source(source: str | os.PathLike | bytes) -> BinaryIO:
    """A file, or its bytes, opened for reading.

    Raises:
        OSError: it cannot be opened.
    """
    return io.BytesIO(source) if isinstance(source, bytes) else open(source, 'rb')


@contextmanager
def appearing_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file to write that appears under its name when it is complete, never before.

    After an exception nothing is left.

    Raises:
        OSError: it cannot be written.
    """
    # Hidden, so that nothing takes it for what it will be.
    partial = Path(path).with_name(f'.{Path(path).name}.partial')
    try:
        with open(partial, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the name must not outlive the content in a power cut
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _json(header: Any) -> bytes:
    return json.dumps(asdict(header)).encode()


def _checksum(start: tuple[Any, ...], header: bytes, table: bytes) -> int:
    return zlib.crc32(table, zlib.crc32(header, zlib.crc32(_START.pack(*start, 0))))
