"""Frames of open videos with everything that the page shows of them, decoded once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError, VideoError
from ssvrl_mm.viewer.checking import Limits, open_video
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Video

#: px of the longer side of what is shown; larger frames are scaled down to it.
SIDE = 960

# Who goes back frame by frame has these decoded in one pass, as each pass begins at a keyframe.
_BACK = 12
# Two people look at one video without sending each other back to the keyframe.
_READERS = 2
_OPEN = 8
_CACHE_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class FrameView:
    """A frame and what the codec says of it.

    Attributes:
        number: From 0.
        seconds: When it is shown.
        kind: 'I', 'P', 'B' or '?'.
        lost: Whether it could not be decoded and another stands in its place.
        rgb: uint8 ``(h, w, 3)``, the longer side :data:`SIDE` px at most.
        scale: px of ``rgb`` per px of the frame.
        motion: float32 ``(gh, gw, 2)``, px of the frame per frame; None where there is none to be
            had.
        valid: bool ``(gh, gw)``, where the codec coded vectors.
        origin: Where the motion is from, see :class:`~ssvrl_mm.video.metadata.FrameBatch`.
        residual: uint8 ``(h, w, 3)``: 128 and the residual; None likewise.
    """

    number: int
    seconds: float
    kind: str
    lost: bool
    rgb: np.ndarray
    scale: float
    motion: np.ndarray | None = None
    valid: np.ndarray | None = None
    origin: str = 'none'
    residual: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        arrays = (self.rgb, self.motion, self.valid, self.residual)
        return sum(array.nbytes for array in arrays if array is not None)


class _Reader:
    """A reader, the frame that it read last, and whether it is in use."""

    def __init__(self, reader: CompressedVideoReader) -> None:
        self.reader = reader
        self.last = -1
        self.busy = threading.Lock()


class OpenVideo:
    """A video that is looked at, by any number of people.

    Args:
        video: The video.
        limits: Of the work.

    Raises:
        ViewerError: It cannot be read.
    """

    def __init__(self, video: Video, limits: Limits) -> None:
        self.video = video
        self._limits = limits
        self._readers = [_Reader(open_video(video.file, video.name, limits))]
        self._lock = threading.Lock()
        self._closed = False
        first = self._readers[0].reader
        self.metadata = first.metadata
        self.no_motion = self._why_no_motion(first)

    def facts(self) -> dict[str, Any]:
        """What the page says of the video, ready for JSON."""
        known = self.metadata
        with self._reader(0) as reader:
            coding = reader.reader.coding
        return {
            'id': self.video.id,
            'name': self.video.name,
            'codec': known.codec,
            'container': known.container.partition(',')[0],
            'width': known.width,
            'height': known.height,
            'frames': known.num_frames,
            'fps': round(known.average_fps, 3),
            'seconds': round(known.duration_seconds, 2),
            'missing': known.num_missing,
            'exports': known.exports_motion,
            'noMotion': self.no_motion,
            'kinds': ''.join(coding.types.tolist()),
            'bytes': coding.sizes.tolist(),
            'keyframes': list(known.keyframes),
        }

    def read(self, number: int, keep: Callable[[FrameView], None]) -> FrameView:
        """Decodes a frame.

        Args:
            number: Of the frame.
            keep: Takes this frame and others that came with it.

        Raises:
            ViewerError: There is no such frame, or it cannot be decoded in time.
        """
        count = self.metadata.num_frames
        if not 0 <= number < count:
            name = self.video.name
            raise ViewerError(f'{name} has no frame {number}, but those from 0 to {count - 1}', 404)
        with self._reader(number) as reader:
            numbers = [number]
            if 0 < reader.last - number <= 2 * _BACK:
                starts = [start for start in self.metadata.keyframes if start <= number]
                begin = max(number - _BACK + 1, starts[-1] if starts else 0)
                numbers = list(range(begin, number + 1))
            views = self._views(reader.reader, numbers)
            reader.last = number
        for view in views:
            keep(view)
        return views[-1]

    def close(self) -> None:
        """Closes its readers, when nobody reads any more."""
        with self._lock:
            self._closed = True
        for reader in self._readers:
            with reader.busy:
                reader.reader.close()

    @contextmanager
    def _reader(self, number: int) -> Iterator[_Reader]:
        """A reader to oneself: the one that comes to the frame soonest."""
        with self._lock:
            if self._closed:
                raise ViewerError(f'{self.video.name} was closed: open it once more', 404)
            # One that is past the frame begins at a keyframe again.
            by_way = sorted(
                self._readers, key=lambda r: (r.last > number, abs(number - r.last), id(r))
            )
            free = next((r for r in by_way if r.busy.acquire(blocking=False)), None)
            if free is None and len(self._readers) < _READERS:
                opened = open_video(self.video.file, self.video.name, self._limits)
                free = _Reader(opened)
                free.busy.acquire()
                self._readers.append(free)
        if free is None:
            free = by_way[0]
            free.busy.acquire()
        try:
            yield free
        finally:
            free.busy.release()

    def _views(self, reader: CompressedVideoReader, numbers: list[int]) -> list[FrameView]:
        height, width = self.metadata.height, self.metadata.width
        scale = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        images: dict[tuple[str, int], np.ndarray] = {}

        def receive(stream: str, number: int, image: np.ndarray) -> None:
            if stream == 'residual':
                image = (image + np.int16(128)).clip(0, 255).astype(np.uint8)
            smaller = image.shape[:2] != (size[1], size[0])
            images[stream, number] = (
                cv2.resize(image, size, interpolation=cv2.INTER_AREA) if smaller else image.copy()
            )

        streams = ('rgb',) if self.no_motion else ('rgb', 'motion', 'residual')
        try:
            batch = reader.get_frames_at(numbers, streams, receive=receive)
        except VideoError as error:
            raise ViewerError(f'{self.video.name}: {error.reason}', 422) from None
        views = []
        for row, number in enumerate(numbers):
            moving: dict[str, Any] = {}
            if batch.motion is not None:
                assert batch.motion_valid is not None and batch.motion_origin is not None
                moving = {
                    'motion': batch.motion[row],
                    'valid': batch.motion_valid[row],
                    'origin': str(batch.motion_origin[row]),
                    'residual': images['residual', number],
                }
            views.append(
                FrameView(
                    number,
                    float(batch.pts_seconds[row]) - self.metadata.start_seconds,
                    str(batch.frame_types[row]),
                    bool(batch.lost[row]),
                    images['rgb', number],
                    scale,
                    **moving,
                )
            )
        return views

    @staticmethod
    def _why_no_motion(reader: CompressedVideoReader) -> str:
        """Why there is neither motion nor residual; empty where there is."""
        try:
            reader.get_frames_at([], streams=('motion',))
        except MotionUnavailableError as error:
            return error.reason
        except VideoError:
            return ''
        return ''


class OpenVideos:
    """The videos looked at last, and the frames of them that were shown last.

    Args:
        limits: Of the work.
        cache_bytes: Memory of decoded frames.
    """

    def __init__(self, limits: Limits, cache_bytes: int = _CACHE_BYTES) -> None:
        self.limits = limits
        self._cache_bytes = cache_bytes
        self._videos: OrderedDict[str, OpenVideo] = OrderedDict()
        self._views: OrderedDict[tuple[Any, int], FrameView] = OrderedDict()
        self._decoding = threading.BoundedSemaphore(limits.decoding_at_once)
        self._held = 0
        self._lock = threading.Lock()

    def open(self, video: Video) -> OpenVideo:
        """A video, opened if need be.

        Raises:
            ViewerError: It cannot be read.
        """
        with self._lock:
            found = self._videos.get(video.id)
            if found is not None and found.video.key == video.key:
                self._videos.move_to_end(video.id)
                return found
        if found is not None:  # another file was there
            self.forget(video)
        opened = OpenVideo(video, self.limits)
        gone = []
        with self._lock:
            # Somebody else may have opened it meanwhile.
            found = self._videos.get(video.id)
            if found is not None:
                gone.append(opened if found.video.key == video.key else found)
            if found is None or gone[0] is found:
                found = self._videos[video.id] = opened
            while len(self._videos) > _OPEN:
                gone.append(self._videos.popitem(last=False)[1])
        for old in gone:
            old.close()
        return found

    def view(self, video: Video, number: int) -> FrameView:
        """A frame of a video, decoded if need be.

        Raises:
            ViewerError: The video or the frame cannot be read.
        """
        key = video.key, number
        with self._lock:
            found = self._views.get(key)
            if found is not None:
                self._views.move_to_end(key)
                return found
        with self._turn():
            return self.open(video).read(number, lambda view: self._keep(video, view))

    def facts(self, video: Video) -> dict[str, Any]:
        """What the page says of a video, see :meth:`OpenVideo.facts`.

        Raises:
            ViewerError: The video cannot be read.
        """
        with self._turn():
            return self.open(video).facts()

    def forget(self, video: Video) -> None:
        """Closes a video that is no more."""
        with self._lock:
            opened = self._videos.pop(video.id, None)
            for key in [key for key in self._views if key[0][0] == video.id]:
                self._held -= self._views.pop(key).nbytes
        if opened is not None:
            opened.close()

    def close(self) -> None:
        """Closes all videos."""
        with self._lock:
            videos = list(self._videos.values())
            self._videos.clear()
            self._views.clear()
            self._held = 0
        for video in videos:
            video.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Refuses rather than having all threads of the server wait for slow videos."""
        if not self._decoding.acquire(blocking=False):
            raise ViewerError('the server is busy with other frames: try again in a moment', 503)
        try:
            yield
        finally:
            self._decoding.release()

    def _keep(self, video: Video, view: FrameView) -> None:
        key = video.key, view.number
        with self._lock:
            before = self._views.pop(key, None)
            self._held += view.nbytes - (before.nbytes if before is not None else 0)
            self._views[key] = view
            while self._held > self._cache_bytes and len(self._views) > 1:
                self._held -= self._views.popitem(last=False)[1].nbytes
