"""Frames and flow as JPEG files: what methods on optical flow make of a video beforehand."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.flow import FlowEstimator

#: Flow is cut off at so many px and becomes 0..255, as is usual for flow that goes to JPEG.
BOUND = 20.0

# Frames that are in memory at once.
_CHUNK = 32


def store_frames(video: str, folder: Path, flow_method: str) -> None:
    """Writes every frame as JPEG, and the flow from it to the next one as two grey ones.

    OpenCV's quality of 95, the size of the video; n frames have n - 1 fields of flow.

    Args:
        video: The file.
        folder: Where ``frame_00000.jpg``, ``flow_x_00000.jpg``, ``flow_y_00000.jpg``, ... go.
        flow_method: A name that :class:`FlowEstimator` knows.

    Raises:
        VideoError: The video cannot be read.
        OSError: The files cannot be written.
    """
    with CompressedVideoReader(video, 'auto') as reader:
        facts = reader.metadata
        estimate = FlowEstimator((facts.height, facts.width), flow_method)
        before: np.ndarray | None = None
        for first in range(0, len(reader), _CHUNK):
            numbers = range(first, min(first + _CHUNK, len(reader)))
            rgb = reader.get_frames_at(numbers, ('rgb',)).rgb
            assert rgb is not None
            for number, frame in zip(numbers, rgb, strict=True):
                _write(folder / f'frame_{number:05d}.jpg', cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
                prepared = estimate.prepare(frame)
                if before is not None:
                    _write_flow(folder, number - 1, estimate(before, prepared))
                before = prepared


def load_frames(folder: Path, numbers: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Reads frames and flow that :func:`store_frames` has written.

    Args:
        folder: Where they are.
        numbers: T frames; the last one, which has no flow, takes that of the one before.

    Returns:
        uint8 ``(T, h, w, 3)`` and float32 ``(T, h, w, 2)`` px.

    Raises:
        FileNotFoundError: There is no such frame.
    """
    frames, flow = [], []
    for number in numbers:
        bgr = _read(folder / f'frame_{number:05d}.jpg', cv2.IMREAD_COLOR)
        frames.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        if not (folder / f'flow_x_{number:05d}.jpg').exists():
            number -= 1
        parts = [folder / f'flow_{axis}_{number:05d}.jpg' for axis in 'xy']
        field = np.stack([_read(part, cv2.IMREAD_GRAYSCALE) for part in parts], -1)
        flow.append(field * np.float32(2 * BOUND / 255) - np.float32(BOUND))
    return np.stack(frames), np.stack(flow)


def _write_flow(folder: Path, number: int, flow: np.ndarray) -> None:
    levels = np.rint((flow.clip(-BOUND, BOUND) + BOUND) * (255 / (2 * BOUND))).astype(np.uint8)
    for axis, part in zip('xy', np.moveaxis(levels, -1, 0), strict=True):
        _write(folder / f'flow_{axis}_{number:05d}.jpg', np.ascontiguousarray(part))


def _write(path: Path, image: np.ndarray) -> None:
    # Not imwrite, which does not say why it fails.
    path.write_bytes(cv2.imencode('.jpg', image)[1].tobytes())


def _read(path: Path, flags: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    assert image is not None
    return image
