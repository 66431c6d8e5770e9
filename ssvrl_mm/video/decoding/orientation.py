"""How a video is to be shown: turned, mirrored, or as it is coded."""

from typing import NamedTuple, Self

import numpy as np
from av.video.frame import VideoFrame

from ssvrl_mm.video.decoding.pyav import side_data
from ssvrl_mm.video.motion.geometry import (
    Size,
    flip_motion,
    flip_valid,
    rotate_motion,
    rotate_valid,
)


class Orientation(NamedTuple):
    """How coded frames are turned for display.

    Attributes:
        mirrored: whether left and right change places, before the frame is turned.
        quarter_turns: quarter turns anticlockwise, 0 to 3.
    """

    mirrored: bool = False
    quarter_turns: int = 0

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """What the display matrix of a decoded frame says, to the nearest quarter turn."""
        matrix = side_data(frame, 'DISPLAYMATRIX')
        if matrix is None:
            return cls()
        # A row says where an axis of the frame points on the screen: x to the right, y down.
        x, y, _ = np.frombuffer(matrix, np.int32).reshape(3, 3)[:, :2].astype(float)
        return cls(bool(x[0] * y[1] < x[1] * y[0]), round(np.arctan2(y[0], y[1]) * 2 / np.pi) % 4)

    @property
    def is_upright(self) -> bool:
        """Whether frames are shown as they are coded."""
        return not (self.mirrored or self.quarter_turns)

    def size(self, size: Size) -> Size:
        """``(h, w)`` on the screen of what is coded as ``size``, and the other way round."""
        return (size[1], size[0]) if self.quarter_turns % 2 else size

    def frames(self, frames: np.ndarray) -> np.ndarray:
        """Frames ``(..., h, w, channels)`` as they are shown."""
        if self.mirrored:
            frames = frames[..., ::-1, :]
        return np.ascontiguousarray(np.rot90(frames, self.quarter_turns, axes=(-3, -2)))

    def motion(
        self, motion: np.ndarray, valid: np.ndarray, size: Size
    ) -> tuple[np.ndarray, np.ndarray]:
        """Motion ``(..., gh, gw, 2)`` and its mask as shown, of frames coded as ``size``."""
        if self.mirrored:
            motion, valid = flip_motion(motion, size), flip_valid(valid, size)
        if self.quarter_turns:
            motion = rotate_motion(motion, self.quarter_turns, size)
            valid = rotate_valid(valid, self.quarter_turns, size)
        return motion, valid
