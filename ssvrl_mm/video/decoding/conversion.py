"""Decoded frames as RGB arrays."""

import os
import warnings
from multiprocessing.util import Finalize

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter

from ssvrl_mm.video.decoding.cropping import FrameCropper, Region
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.motion.geometry import Size

# The colour spaces (FFmpeg's AVColorSpace, ITU-T H.273) that FFmpeg converts.
_CONVERTED = (0, 1, 2, 4, 5, 6, 7, 9)
_UNSPECIFIED, _BT2020, _CONSTANT_LUMINANCE = 2, 9, 10


def make_convertible(frame: VideoFrame) -> str | None:
    """Declares a frame whose colour space FFmpeg cannot convert to be of another one.

    Returns:
        What was changed; None if nothing had to be.
    """
    colorspace = frame.colorspace
    if colorspace in _CONVERTED:
        return None
    if colorspace == _CONSTANT_LUMINANCE:
        frame.colorspace = _BT2020
        found, taken = 'BT.2020 with constant luminance', 'BT.2020 with non-constant luminance'
    else:
        frame.colorspace = _UNSPECIFIED
        found, taken = f'color space {colorspace}', 'if it had no such tag'
    return f'FFmpeg cannot convert {found}; it is read as {taken}'


class FileNotices:
    """Warns of what many files have in common: of the first one, and at the end of how many others.

    Each process speaks for itself, once for each message: at the first file, by its name, and, if
    there were others, when it ends.
    """

    def __init__(self) -> None:
        self._files: dict[str, dict[str, None]] = {}
        self._process: int | None = None

    def note(self, message: str, path: str) -> None:
        """Notes that the message holds for a file; warns if it is the first one."""
        if self._process != os.getpid():
            # A forked process starts anew: what its parent said stands in another place.
            self._files, self._process = {}, os.getpid()
            # Workers of a loader end without `atexit`.
            Finalize(None, self.conclude, exitpriority=0)
        files = self._files.setdefault(message, {})
        if not files:
            warnings.warn(
                f'{path}: {message}. Other such files are counted, and not named',
                stacklevel=3,
            )
        files[path] = None

    def conclude(self) -> None:
        """Says how many other files there were, and forgets them all."""
        for message, files in self._files.items():
            if len(files) > 1:
                first = next(iter(files))
                warnings.warn(f'{len(files) - 1} other files than {first}: {message}', stacklevel=2)
        self._files.clear()


#: Those of this process.
NOTICES = FileNotices()


class FrameConverter:
    """Converts frames to arrays of one size. Keeps what the conversion has to set up.

    Rows of the arrays may lie apart, and the arrays are not to be written to: they may be the
    decoder's own pictures, from which others are predicted.

    Args:
        size: ``(h, w)`` of the arrays in px; frames of another size are scaled to it.
        path: The file, for warnings.
    """

    def __init__(self, size: Size, path: str) -> None:
        self._height, self._width = size
        self._path = path
        self._reformatter = VideoReformatter()
        self._crop = FrameCropper()
        self._has_warned = False

    def rgb(self, frame: VideoFrame, region: Region | None = None) -> np.ndarray:
        """RGB, uint8 ``(h, w, 3)``, of the frame or of a region of it."""
        changed = make_convertible(frame)
        if changed and not self._has_warned:
            self._has_warned = True
            NOTICES.note(changed, self._path)
        height, width = self._height, self._width
        left = top = 0
        if region and (frame.height, frame.width) == (height, width):
            frame, left, top = self._crop(frame, region)
            height, width = frame.height, frame.width
        picture = self._reformatter.reformat(frame, width, height, 'rgb24', threads=1)
        image = _rows(picture.planes[0], 3 * width)[:height].reshape(height, width, 3)
        if region:
            image = image[region[1] - top : region[3] - top, region[0] - left : region[2] - left]
        return image


def _rows(plane: VideoPlane, width: int) -> np.ndarray:
    """The bytes of a plane, uint8 ``(rows, width)``."""
    view = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    view.flags.writeable = False
    return view.reshape(-1, plane.line_size)[:, :width]


def scale(image: np.ndarray, out: np.ndarray) -> None:
    """Writes an image to an array, scaled linearly if that has another height or width."""
    if image.shape == out.shape:
        out[...] = image
    else:
        cv2.resize(image, out.shape[1::-1], dst=out, interpolation=cv2.INTER_LINEAR)


def rgb_array(
    length: int, size: Size, to: int | Size | None, orientation: Orientation, out: np.ndarray | None
) -> np.ndarray:
    """The array that the pixels of frames go to, before they are turned.

    Args:
        length: number of frames T.
        size: ``(h, w)`` of the frames as coded.
        to: ``(h, w)`` as displayed to scale them to, or the shorter side, or None.
        orientation: how frames are turned for display.
        out: where the caller wants the turned frames, or None.

    Returns:
        uint8 ``(T, h, w, 3)``: ``out`` itself if it is given and frames are not turned.

    Raises:
        ValueError: a side is shorter than a pixel, or ``out`` does not fit.
    """
    if isinstance(to, int | np.integer):
        short = min(size)
        height, width = (int(side * int(to) / short + 0.5) for side in size)
    else:
        height, width = size if to is None else orientation.size(to)
    if min(height, width) < 1:
        raise ValueError(f'frames cannot be scaled to {to} px')
    shape = (length, height, width, 3)
    if out is not None:
        displayed = (length, *orientation.size((height, width)), 3)
        if out.shape != displayed or out.dtype != np.uint8 or not out.flags.carray:
            raise ValueError(
                f'out must be writeable, C-contiguous, uint8 and of shape {displayed}, '
                f'got {out.dtype} of shape {out.shape}'
            )
        if orientation.is_upright:
            return out
    return np.empty(shape, np.uint8)
