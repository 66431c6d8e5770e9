"""Decoded frames as RGB arrays."""

import warnings

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from ssvrl_mm.video.geometry import Size

# FFmpeg's AVCOL_SPC_BT2020_CL, which it cannot convert.
_CONSTANT_LUMINANCE = 10


class RGBConverter:
    """Converts frames to RGB arrays of one size. Keeps what the conversion has to set up.

    Args:
        size: ``(h, w)`` of the arrays in px; frames of another size are scaled to it.
        path: the file, for warnings.
    """

    def __init__(self, size: Size, path: str) -> None:
        self._height, self._width = size
        self._path = path
        self._reformatter = VideoReformatter()
        self._colorspace: Colorspace | None = None

    def __call__(self, frame: VideoFrame, out: np.ndarray | None = None) -> np.ndarray:
        """Returns uint8 ``(h, w, 3)``, written to ``out`` if it is given."""
        if frame.colorspace == _CONSTANT_LUMINANCE and self._colorspace is None:
            warnings.warn(
                f'{self._path}: FFmpeg cannot convert BT.2020 with constant luminance; '
                'read as BT.2020 with non-constant luminance',
                stacklevel=2,
            )
            self._colorspace = Colorspace.BT2020
        image = self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format='rgb24',
            src_colorspace=self._colorspace,
            dst_colorspace=self._colorspace,
            threads=1,
        )
        plane = image.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        view = rows[: self._height, : self._width * 3].reshape(self._height, self._width, 3)
        if out is None:
            return view.copy()
        out[...] = view
        return out
