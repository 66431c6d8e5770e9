"""Small copies of videos that every browser plays, whatever the codec of the file."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.viewer.checking import Limits, open_video
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Video
from ssvrl_mm.visualization.animation import write_animation

_SIDE = 240  # px of the longer side
_SECONDS = 6.0
_FRAMES = 180  # decoded, at most
_AT_ONCE = 15
_KEPT = 200


class Previews:
    """The first seconds of videos in H.264, made when they are asked for.

    Args:
        limits: Of the work.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix='ssvrl_mm_previews_')
        self._made: OrderedDict[str, Path] = OrderedDict()
        self._number = 0
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    @property
    def folder(self) -> Path:
        """Where they are."""
        return Path(self._folder.name)

    def make(self, video: Video) -> Path:
        """The small copy of a video.

        Raises:
            ViewerError: The video cannot be read.
        """
        with self._lock:
            making = self._making.setdefault(video.id, threading.Lock())
        with making:
            with self._lock:
                found = self._made.get(video.id)
                if found is not None:
                    self._made.move_to_end(video.id)
                    return found
                self._number += 1
                target = self.folder / f'{self._number}.mp4'
            with open_video(video.file, video.name, self.limits) as reader:
                fps = min(max(reader.metadata.average_fps, 1.0), 60.0)
                try:
                    write_animation(target, _frames(reader, fps), fps)
                except VideoError as error:
                    raise ViewerError(f'{video.name}: {error.reason}', 422) from None
            with self._lock:
                self._made[video.id] = target
                self._making.pop(video.id, None)
                if len(self._made) > _KEPT:
                    self._made.popitem(last=False)[1].unlink(missing_ok=True)
            return target

    def close(self) -> None:
        """Removes them all."""
        self._folder.cleanup()


def _frames(reader: CompressedVideoReader, fps: float) -> Iterator[np.ndarray]:
    count = min(len(reader), _FRAMES, max(2, round(_SECONDS * fps)))
    known = reader.metadata
    scale = min(1.0, _SIDE / max(known.width, known.height))
    size = max(2, round(known.width * scale)), max(2, round(known.height * scale))
    for start in range(0, count, _AT_ONCE):
        small: dict[int, np.ndarray] = {}

        def receive(
            _: str, number: int, image: np.ndarray, small: dict[int, np.ndarray] = small
        ) -> None:
            small[number] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)

        numbers = range(start, min(start + _AT_ONCE, count))
        reader.get_frames_at(numbers, streams=('rgb',), receive=receive)
        yield from (small[number] for number in numbers)
