"""Small copies of videos that every browser plays, whatever the codec of the file."""

import dataclasses
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader, VideoError, VideoTimeoutError
from ssvrl_mm.viewer.checking import Limits, open_video
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Video
from ssvrl_mm.viewer.own_folder import OwnFolder
from ssvrl_mm.visualization.animation import write_animation

_SIDE = 240  # px of the longer side
_SECONDS = 6.0
_FRAMES = 180  # at most
_FASTEST = 60  # frames per second
_AT_ONCE = 15
_KEPT = 200


class Previews:
    """The first seconds of videos in H.264, made when they are asked for.

    Args:
        limits: Of the work.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._folder = OwnFolder('previews')
        self._made: OrderedDict[tuple, Path] = OrderedDict()
        self._number = 0
        self._lock = threading.Lock()
        self._making: dict[tuple, threading.Lock] = {}
        self._turns = threading.BoundedSemaphore(limits.decoding_at_once)

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder.path

    def make(self, video: Video) -> Path:
        """The small copy of a video.

        Raises:
            ViewerError: The video cannot be read, or too many copies are being made.
        """
        found = self._found(video)
        if found is not None:
            return found
        # Rather than having all threads of the server wait for slow videos.
        if not self._turns.acquire(blocking=False):
            raise ViewerError('the server is busy with other previews: try again in a moment', 503)
        try:
            with self._lock:
                making = self._making.setdefault(video.key, threading.Lock())
            with making:
                return self._found(video) or self._make(video)
        finally:
            self._turns.release()
            with self._lock:
                self._making.pop(video.key, None)

    def _found(self, video: Video) -> Path | None:
        with self._lock:
            if video.key in self._made:
                self._made.move_to_end(video.key)
            return self._made.get(video.key)

    def _make(self, video: Video) -> Path:
        # Opening and each call to the reader take half of the time at most, and after that half
        # no further call begins: all together keep to the whole.
        half = dataclasses.replace(self.limits, seconds=self.limits.seconds / 2)
        deadline = time.monotonic() + half.seconds
        with self._lock:
            self._number += 1
            target = self.folder / f'{self._number}.mp4'
        with open_video(video.file, video.name, half) as reader:
            fps = max(reader.metadata.average_fps, 1.0)
            step = math.ceil(fps / _FASTEST)
            try:
                write_animation(target, _frames(reader, fps, step, deadline), fps / step)
            except VideoError as error:
                raise ViewerError(f'{video.name}: {error.reason}', 422) from None
        with self._lock:
            self._made[video.key] = target
            # Those of files that were here before, and the oldest.
            gone = [key for key in self._made if key[0] == video.id and key != video.key]
            gone += list(self._made)[: max(0, len(self._made) - _KEPT)]
            for key in dict.fromkeys(gone):
                self._made.pop(key).unlink(missing_ok=True)
        return target

    def close(self) -> None:
        """Removes them all."""
        self._folder.remove()


def _frames(
    reader: CompressedVideoReader, fps: float, step: int, deadline: float
) -> Iterator[np.ndarray]:
    """The first seconds, or as much of them as is decoded by calls that begin before the deadline.

    Args:
        reader: Of the video.
        fps: Its frames per second.
        step: From one frame that is shown to the next.
        deadline: In the time of ``time.monotonic``.

    Raises:
        VideoTimeoutError: Not even the first frame is decoded in the time of a call.
    """
    end = min(len(reader), _FRAMES * step, max(2, round(_SECONDS * fps)))
    shown = range(0, end, step)
    known = reader.metadata
    scale = min(1.0, _SIDE / max(known.width, known.height))
    size = max(2, round(known.width * scale)), max(2, round(known.height * scale))
    for start in range(0, len(shown), _AT_ONCE):
        if start and time.monotonic() > deadline:
            return
        small: dict[int, np.ndarray] = {}

        def receive(
            _: str, number: int, image: np.ndarray, small: dict[int, np.ndarray] = small
        ) -> None:
            small[number] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)

        numbers = shown[start : start + _AT_ONCE]
        try:
            reader.get_frames_at(numbers, streams=('rgb',), receive=receive)
        except VideoTimeoutError:
            if 0 not in small and not start:
                raise
        for number in numbers:
            if number not in small:
                return
            yield small[number]
