"""Indices of files that this process has read before: opening one again does not scan it."""

import os
import pickle
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ssvrl_mm.video.decoding.container import FileKey
from ssvrl_mm.video.decoding.index import FrameIndex
from ssvrl_mm.video.decoding.orientation import Orientation

#: Compressed indices up to this many bytes are remembered per process: some 4,000 clips of 8 s.
MEMORY_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class KnownVideo:
    """What reading a file once has told.

    Attributes:
        packets: int64 ``(P, 3)``, see
            :attr:`~ssvrl_mm.video.decoding.container.PacketReader.table`.
        index: its frames.
        reorder_depth: frames that the decoder holds back.
        orientation: how frames are turned for display, None if no frame was decoded.
        container_format: FFmpeg's name of the container format.
    """

    packets: np.ndarray
    index: FrameIndex
    reorder_depth: int
    orientation: Orientation | None
    container_format: str


class IndexCache:
    """Remembers the videos read last, up to so many bytes; what was read longest ago goes first.

    A file is known by its path, size, inode and time of change, and so a new version of it is read
    anew.

    Args:
        memory_bytes: how much to remember; 0 for nothing.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self.memory_bytes = memory_bytes
        self._entries: OrderedDict[FileKey, bytes] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: FileKey | None) -> KnownVideo | None:
        """What is known of a file; None if it is not known."""
        with self._lock:
            entry = self._entries.get(key) if key else None
            if key is None or entry is None:
                return None
            self._entries.move_to_end(key)
        return pickle.loads(zlib.decompress(entry))

    def put(self, key: FileKey, video: KnownVideo) -> None:
        """Remembers a file."""
        if key in self._entries or not self.memory_bytes:
            return
        _ = video.index.reference_distances  # so that it is remembered with the rest
        # Numbers in a row differ little: a clip of 8 s takes some 4 KiB.
        entry = zlib.compress(pickle.dumps(video, pickle.HIGHEST_PROTOCOL), 1)
        with self._lock:
            self._entries[key] = entry
            self._held += len(entry)
            while self._held > self.memory_bytes:
                self._held -= len(self._entries.popitem(last=False)[1])

    def unlock(self) -> None:
        """Makes the cache usable in a process that was forked while it was in use."""
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()
            self._held = 0


#: The cache of this process.
known_videos = IndexCache()
if hasattr(os, 'register_at_fork'):
    # Another thread may have held the lock when the process forked.
    os.register_at_fork(after_in_child=known_videos.unlock)
