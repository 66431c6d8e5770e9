"""Videos small enough to go into a page, as data URIs."""

import base64
import io
import os
from typing import NamedTuple

import cv2
import numpy as np

from ssvrl_mm.apis.retrieval_examples import clip_frames
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.visualization.animation import write_mp4

_SIDE = 160  # px of the longer side
_SECONDS = 3.0
_FPS = 12
_RATE_FACTOR = 28  # of the video: small, and good enough for its size
_QUALITY = 75  # of the poster


class SmallClip(NamedTuple):
    """A video for the page.

    Attributes:
        video: Data URI of an H.264 file.
        poster: Data URI of its first frame as JPEG.
    """

    video: str
    poster: str

    @property
    def size(self) -> int:
        """Its bytes in the page."""
        return len(self.video) + len(self.poster)


def small_clip(path: str | os.PathLike, clip_times: np.ndarray | None = None) -> SmallClip:
    """Encodes some seconds of a video again, small.

    Args:
        path: The video.
        clip_times: Seconds (V, 2) between which the network saw it; None, or NaN alone: from its
            beginning. No more than three seconds are taken.

    Raises:
        VideoError: It cannot be read.
    """
    begin, end = _span(path, clip_times)
    number = max(2, round((end - begin) * _FPS))
    frames = clip_frames(path, np.array([[begin, end]], np.float64), number)
    frames = np.stack([_shrunk(frame) for frame in frames])
    kind, poster = 'image/jpeg', cv2.cvtColor(frames[0], cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode('.jpg', poster, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    buffer = io.BytesIO()
    write_mp4(buffer, frames, _FPS, _RATE_FACTOR)
    return SmallClip(_uri('video/mp4', buffer.getvalue()), _uri(kind, jpeg.tobytes()))


def _span(path: str | os.PathLike, clip_times: np.ndarray | None) -> tuple[float, float]:
    """Seconds between which a video is shown."""
    if clip_times is not None and np.isfinite(clip_times).any():
        begin, end = float(np.nanmin(clip_times)), float(np.nanmax(clip_times))
    else:
        with CompressedVideoReader(path) as reader:
            seconds = reader.get_frames_at(range(len(reader)), streams=()).pts_seconds
            begin = float(seconds[0])
            end = begin + reader.metadata.duration_seconds
    return begin, begin + min(end - begin, _SECONDS)


def _shrunk(frame: np.ndarray) -> np.ndarray:
    """A frame whose longer side has so many px at most."""
    scale = min(1.0, _SIDE / max(frame.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _uri(kind: str, content: bytes) -> str:
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'
