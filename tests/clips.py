"""Small synthetic clips with known motion, encoded with PyAV."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

# Options that make an encoder's output reproducible and its structure known.
H264 = {'preset': 'medium', 'refs': '1', 'bf': '0', 'sc_threshold': '0', 'threads': '1'}
H264_B = {**H264, 'bf': '2', 'b-pyramid': 'none'}


def texture(height: int, width: int, seed: int = 0, scale: int = 4) -> np.ndarray:
    """A smooth random RGB texture: uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height // scale + 2, width // scale + 2, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def translating(
    num_frames: int, dx: float, dy: float, height: int = 128, width: int = 160, seed: int = 0
) -> np.ndarray:
    """A texture that moves by (dx, dy) px per frame, right and down positive: (T, H, W, 3)."""
    margin = int(np.ceil(max(abs(dx), abs(dy)) * num_frames)) + 8
    canvas = texture(height + 2 * margin, width + 2 * margin, seed)
    frames = []
    for t in range(num_frames):
        shift = np.float32([[1, 0, t * dx - margin], [0, 1, t * dy - margin]])
        frames.append(cv2.warpAffine(canvas, shift, (width, height), flags=cv2.INTER_LINEAR))
    return np.stack(frames)


def encode(
    path: str | Path,
    frames: Iterable[np.ndarray],
    codec: str = 'libx264',
    fps: int = 25,
    gop: int = 12,
    options: dict[str, str] | None = None,
    pix_fmt: str = 'yuv420p',
    qscale: int | None = 3,
) -> Path:
    """Encodes RGB frames (uint8 HxWx3) to ``path``; the container follows from its suffix."""
    path = Path(path)
    if options is None:
        options = H264 if codec == 'libx264' else {}
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=dict(options))
        stream.codec_context.gop_size = gop
        stream.pix_fmt = pix_fmt
        if codec in ('mpeg4', 'mpeg2video', 'mpeg1video') and qscale is not None:
            stream.codec_context.qmin = stream.codec_context.qmax = qscale
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))
    return path
