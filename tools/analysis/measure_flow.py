"""Measures how well the sources of flow meet a motion that is known, and how long they take.

Encodes a texture that turns, grows and moves at once, reads its flow back over spans of 1, 4 and
-4 frames, and prints the mean end-point error in px, over places that both frames show, and the
CPU time per frame, decoding included. TV-L1 takes minutes.

Example:
    python tools/analysis/measure_flow.py
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import av
import cv2
import numpy as np

from ssvrl_mm.video import CompressedVideoReader

SPANS = (1, 4, -4)
# What becomes of a place relative to the middle of the frame from one frame to the next.
ANGLE, GROWTH, SHIFT = 0.01, 1.01, (1.5, -1.0)  # radians, factor, px
SOURCES = {
    "'dis'": dict(flow_method='dis'),
    "'dis', scale .5, cell 2": dict(flow_method='dis', flow_scale=0.5, flow_cell=2),
    "'farneback'": dict(flow_method='farneback'),
    "'farneback', scale .5, cell 2": dict(flow_method='farneback', flow_scale=0.5, flow_cell=2),
    "'tvl1'": dict(flow_method='tvl1'),
    "'tvl1', scale .5, cell 2": dict(flow_method='tvl1', flow_scale=0.5, flow_cell=2),
    "'vectors'": dict(flow_method='vectors'),
}
ENCODINGS = {
    'MPEG-4, GOP 12': ('mpeg4', 'avi', {'qmin': '3', 'qmax': '3'}),
    'H.264': ('libx264', 'mp4', {'preset': 'medium', 'bf': '0', 'refs': '1', 'threads': '1'}),
}


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--frames', type=int, default=24, help='frames of the video')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    return parser.parse_args()


def linear_map() -> np.ndarray:
    """Rotation and growth of a frame: ``(2, 2)``."""
    cos, sin = np.cos(ANGLE), np.sin(ANGLE)
    return GROWTH * np.array([[cos, -sin], [sin, cos]])


def displacement(places: np.ndarray, frames: int) -> np.ndarray:
    """Where places ``(..., 2)`` relative to the middle will have moved after so many frames, px."""
    moved = places
    for _ in range(abs(frames)):
        if frames > 0:
            moved = moved @ linear_map().T + SHIFT
        else:
            moved = (moved - SHIFT) @ np.linalg.inv(linear_map()).T
    return moved - places


def moving_texture(num_frames: int, size: tuple[int, int]) -> np.ndarray:
    """Noise on several scales under the map: uint8 ``(T, h, w, 3)``."""
    height, width = size
    rng = np.random.default_rng(0)
    canvas = np.zeros((2 * height, 2 * width, 3), np.float32)
    for step in (4, 8, 16, 32):
        noise = rng.normal(0, 22, (2 * height // step, 2 * width // step, 3)).astype(np.float32)
        canvas += cv2.resize(noise, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    canvas = (canvas + 128).clip(0, 255).astype(np.uint8)
    middle = np.array([width, height]) / 2
    y, x = np.indices(size) + 0.5
    places = np.stack([x, y], -1) - middle
    frames = []
    for t in range(num_frames):
        source = places + displacement(places, num_frames // 2 - t) + 2 * middle - 0.5
        frames.append(cv2.remap(canvas, source.astype(np.float32), None, cv2.INTER_LINEAR))
    return np.stack(frames)


def encode(path: Path, frames: np.ndarray, codec: str, options: dict[str, str]) -> None:
    """Writes a video with a keyframe every 12 frames."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=25, options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.gop_size = 12
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))


def end_point_error(flow: np.ndarray, cell: int, span: int, size: tuple[int, int]) -> float:
    """Mean length of what flow ``(gh, gw, 2)`` misses, where both frames show the place; px."""
    y, x = (
        np.minimum(np.arange(n) * cell + cell / 2, side - 0.5)
        for n, side in zip(flow.shape[:2], size, strict=True)
    )
    middle = np.array([size[1], size[0]]) / 2
    places = np.stack(np.meshgrid(x, y), -1) - middle
    away = displacement(places, -span)
    truth = -away if span > 0 else away
    is_shown = (np.abs(places + away) < middle).all(axis=-1)
    return float(np.linalg.norm(flow - truth, axis=-1)[is_shown].mean())


def measure(
    path: Path, options: dict, span: int, numbers: range, size: tuple[int, int]
) -> tuple[float, float]:
    """The mean end-point error in px, and the CPU time in ms per frame."""
    with CompressedVideoReader(path, flow_span=span, **options) as reader:
        reader.get_frames_at(numbers[:1], ('flow',))  # opens and sets up
        begin = time.process_time()
        flow = reader.get_frames_at(numbers, ('flow',)).flow
        spent = time.process_time() - begin
    cell = -(-size[0] // flow.shape[1])
    errors = [end_point_error(field, cell, span, size) for field in flow]
    return float(np.mean(errors)), spent / len(numbers) * 1000


def main() -> None:
    """Prints the table."""
    args = parse_args()
    cv2.setNumThreads(1)
    size = tuple(args.size)
    frames = moving_texture(args.frames, size)
    numbers = range(8, args.frames - 8)
    print('| video | source |', *(f'error, span {span} |' for span in SPANS), 'ms per frame |')
    print('|---|---|', *('---|' for _ in SPANS), '---|', sep='')
    with tempfile.TemporaryDirectory() as folder:
        for encoding, (codec, suffix, settings) in ENCODINGS.items():
            path = Path(folder, f'clip.{suffix}')
            encode(path, frames, codec, settings)
            for name, options in SOURCES.items():
                found = [measure(path, options, span, numbers, size) for span in SPANS]
                cells = [f'{error:.2f}' for error, _ in found]
                print(
                    '|',
                    ' | '.join(
                        [encoding, name, *cells, f'{found[0][1]:.{1 if found[0][1] < 10 else 0}f}']
                    ),
                    '|',
                )


if __name__ == '__main__':
    main()
