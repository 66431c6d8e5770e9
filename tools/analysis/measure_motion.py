"""Measures how well codec motion in px/frame meets a motion that is known.

Encodes textures that move evenly, in several ways, and reads their motion back. Prints, for the
frames of each type, the share whose median vector is within 0.3 px of the truth, and the share
where it is too long or too short by a factor, which is where the encoder has chosen another
reference than the nearest: FFmpeg does not say which one a vector points to.

Example:
    python tools/analysis/measure_motion.py
"""

import argparse
import os
import tempfile
from fractions import Fraction
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import av
import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader

VELOCITIES = ((3, 0), (-2, 1), (1, -1))  # px/frame, which encoders find over three frames too
TOLERANCE = 0.3  # px

X264 = {'preset': 'medium', 'threads': '1'}
ENCODINGS = {
    'MPEG-1, B-frames': ('mpeg1video', 'mpg', {'bf': '2'}),
    'MPEG-2, B-frames': ('mpeg2video', 'ts', {'bf': '2'}),
    'MPEG-4 Part 2': ('mpeg4', 'avi', {}),
    'MPEG-4 Part 2, B-frames': ('mpeg4', 'avi', {'bf': '2'}),
    'H.264, refs=1': ('libx264', 'mp4', {**X264, 'refs': '1', 'bf': '0'}),
    'H.264, refs=1, B-frames': (
        'libx264',
        'mp4',
        {**X264, 'refs': '1', 'bf': '2', 'b-pyramid': 'none'},
    ),
    'H.264, refs=4': ('libx264', 'mp4', {**X264, 'refs': '4', 'bf': '0'}),
    'H.264, refs=4, B-frames': (
        'libx264',
        'mp4',
        {**X264, 'refs': '4', 'bf': '2', 'b-pyramid': 'none'},
    ),
    'H.264, refs=4, B-frames in a pyramid': (
        'libx264',
        'mp4',
        {**X264, 'refs': '4', 'bf': '3', 'b-pyramid': 'normal'},
    ),
}


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--frames', type=int, default=60, help='frames of each video')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    return parser.parse_args()


def moving_texture(velocity: tuple[int, int], num_frames: int, size: tuple[int, int]) -> np.ndarray:
    """A smooth random texture that moves by ``velocity`` px/frame: uint8 ``(T, h, w, 3)``."""
    height, width = size
    margin = max(abs(side) for side in velocity) * num_frames
    noise = np.random.default_rng(0).integers(
        0, 256, ((height + 2 * margin) // 4, (width + 2 * margin) // 4, 3), np.uint8
    )
    canvas = cv2.resize(noise, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    starts = [(margin - velocity[1] * t, margin - velocity[0] * t) for t in range(num_frames)]
    return np.stack([canvas[y : y + height, x : x + width] for y, x in starts])


def encode(path: Path, frames: np.ndarray, codec: str, options: dict[str, str]) -> None:
    """Writes a video with a keyframe every 12 frames."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.gop_size = 12
        if codec != 'libx264':
            stream.codec_context.qmin = stream.codec_context.qmax = 3
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))


def measure(encoding: str, num_frames: int, size: tuple[int, int]) -> dict[str, tuple[float, ...]]:
    """Reads one encoding of all velocities back.

    Args:
        encoding: one of :data:`ENCODINGS`.
        num_frames: frames of each video.
        size: ``(h, w)`` in px.

    Returns:
        By type of frame: the share of frames that are right, the share that is off by a factor of
        at least 1.4 either way, and the number of frames that have vectors of their own.
    """
    codec, suffix, options = ENCODINGS[encoding]
    ratios: dict[str, list[tuple[bool, bool]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'clip.{suffix}')
        for velocity in VELOCITIES:
            encode(path, moving_texture(velocity, num_frames, size), codec, options)
            with CompressedVideoReader(path) as reader:
                batch = reader.get_frames_at(range(len(reader)), streams=('motion',))
            for t in np.flatnonzero(batch.motion_valid.any(axis=(1, 2))):
                median = np.median(batch.motion[t][batch.motion_valid[t]], axis=0)
                is_right = np.abs(median - velocity).max() <= TOLERANCE
                factor = np.linalg.norm(median) / np.linalg.norm(velocity)
                is_other = not is_right and not 1 / 1.4 < factor < 1.4
                ratios.setdefault(batch.frame_types[t], []).append((is_right, is_other))
    return {kind: (*np.mean(found, axis=0).tolist(), len(found)) for kind, found in ratios.items()}


def main() -> None:
    """Prints the table."""
    args = parse_args()
    print('| encoding | P right | B right | P off by a factor | B off by a factor |')
    print('|---|---|---|---|---|')
    for encoding in ENCODINGS:
        found = measure(encoding, args.frames, tuple(args.size))
        cells = [
            f'{found[kind][column]:.2f}' if kind in found else ''
            for column in (0, 1)
            for kind in 'PB'
        ]
        print('|', ' | '.join([encoding, *cells]), '|')


if __name__ == '__main__':
    main()
