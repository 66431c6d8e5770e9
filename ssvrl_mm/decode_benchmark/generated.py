"""Videos to measure where none are given."""

from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream


def generate(folder: Path) -> list[str]:
    """A moving texture with noise: H.264, MPEG-4 Part 2 with a GOP of 12, and with B-frames."""
    rng = np.random.default_rng(0)
    canvas = cv2.resize(rng.integers(0, 256, (80, 220, 3), np.uint8), (880, 320))
    frames = [canvas[20 + t % 7 : 260 + t % 7, 3 * t : 3 * t + 320] for t in range(150)]
    frames = [cv2.add(f, rng.integers(0, 9, f.shape, np.uint8)) for f in frames]
    kinds = {
        'h264.mp4': ('libx264', 250, {'preset': 'medium', 'threads': '1'}),
        'mpeg4_gop12.avi': ('mpeg4', 12, {'b': '1200000'}),
        'mpeg4_b.avi': ('mpeg4', 250, {'b': '1200000', 'bf': '2'}),
    }
    for name, (codec, gop, options) in kinds.items():
        with av.open(str(folder / name), 'w') as container:
            stream = cast(VideoStream, container.add_stream(codec, rate=25, options=options))
            stream.codec_context.gop_size = gop
            stream.pix_fmt, stream.width, stream.height = 'yuv420p', 320, 240
            for frame in frames:
                image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')
                container.mux(stream.encode(image))
            container.mux(stream.encode(None))
    return [str(folder / name) for name in kinds]
