"""Videos to measure where none are given."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

#: Bits per pixel of UCF101's files: 0.5 MB for 186 frames of 320x240.
_BITS_PER_PIXEL = 0.28

#: What videos like UCF101's may be encoded with: encoder, keyframe interval, options, suffix.
CODECS: Mapping[str, tuple[str, int, dict[str, str], str]] = {
    'mpeg4': ('mpeg4', 12, {}, 'avi'),
    'h264': ('libx264', 250, {'preset': 'medium', 'threads': '1'}, 'mp4'),
}


def generate(folder: Path) -> list[str]:
    """A moving texture with noise: H.264, MPEG-4 Part 2 with a GOP of 12, and with B-frames."""
    frames = list(moving_texture(150))
    kinds = {
        'h264.mp4': ('libx264', 250, {'preset': 'medium', 'threads': '1'}),
        'mpeg4_gop12.avi': ('mpeg4', 12, {'b': '1200000'}),
        'mpeg4_b.avi': ('mpeg4', 250, {'b': '1200000', 'bf': '2'}),
    }
    return [encode(folder / name, frames, *kind) for name, kind in kinds.items()]


def generate_alike(
    folder: Path,
    number: int = 1,
    num_frames: int = 186,
    size: tuple[int, int] = (240, 320),
    codec: str = 'mpeg4',
) -> list[str]:
    """Videos of one kind, by default like those of UCF101 on average, each of another texture.

    Args:
        folder: Where to write them.
        number: How many.
        num_frames: Frames of each, 25 per second.
        size: ``(h, w)`` in px, even.
        codec: One of :data:`CODECS`.
    """
    encoder, gop, options, suffix = CODECS[codec]
    rate = {'b': str(round(_BITS_PER_PIXEL * 25 * size[0] * size[1]))}
    return [
        encode(
            folder / f'{codec}_{seed}.{suffix}',
            moving_texture(num_frames, *size, seed=seed),
            encoder,
            gop,
            rate | options,
        )
        for seed in range(number)
    ]


def moving_texture(
    num_frames: int, height: int = 240, width: int = 320, seed: int = 0
) -> Iterator[np.ndarray]:
    """Frames of a texture that moves to the left and trembles, with noise: uint8 ``(h, w, 3)``."""
    rng = np.random.default_rng(seed)
    tall, wide = height + 80, width + 3 * num_frames + 110
    canvas = cv2.resize(rng.integers(0, 256, (tall // 4, wide // 4, 3), np.uint8), (wide, tall))
    for t in range(num_frames):
        shown = canvas[20 + t % 7 : 20 + height + t % 7, 3 * t : 3 * t + width]
        yield cv2.add(shown, rng.integers(0, 9, shown.shape, np.uint8))


def encode(
    path: Path, frames: Iterable[np.ndarray], codec: str, gop: int, options: dict[str, str]
) -> str:
    """Writes frames as a video of 25 frames per second; returns its path."""
    with av.open(str(path), 'w') as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=25, options=options))
        stream.codec_context.gop_size = gop
        stream.pix_fmt = 'yuv420p'
        for number, frame in enumerate(frames):
            if number == 0:
                stream.height, stream.width = frame.shape[:2]
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return str(path)
