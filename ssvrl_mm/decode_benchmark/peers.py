"""Other readers, each in the way that its users read: with one thread, opening included."""

import gc
import importlib
from typing import Any, cast

import numpy as np

from ssvrl_mm.decode_benchmark.floors import decode, open_decoder


def installed(module: str) -> bool:
    """Whether a peer can be imported; it may be there and lack the FFmpeg that it needs."""
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError, OSError):  # torchcodec raises what it likes
        return False
    return True


def plain_pyav(path: str, start: int, frames: list[int], exports: bool) -> None:
    """RGB by to_ndarray and dense motion by a loop over the vectors, as is done commonly.

    Args:
        path: The file.
        start: The packet to start from.
        frames: Frames in a row.
        exports: Whether the codec's vectors can be had.
    """
    container, context = open_decoder(path, exports)
    with container:
        demuxed = container.demux(video=0)
        packets = (packet for packet in demuxed if packet.size)
        decoded = []
        for number, packet in enumerate(packets):
            if number >= start:
                decoded += decode(context, packet)
            if len(decoded) > frames[-1]:
                break
        decoded += decode(context, None)
        images = []
        for frame in decoded[-len(frames) :]:
            images.append(frame.to_ndarray(format='rgb24'))
            motion = np.zeros((frame.height, frame.width, 2), np.float32)
            for vector in cast(Any, frame.side_data.get('MOTION_VECTORS') or ()):
                x, y = vector.dst_x - vector.w // 2, vector.dst_y - vector.h // 2
                moved = vector.motion_x, vector.motion_y
                motion[max(y, 0) : y + vector.h, max(x, 0) : x + vector.w] = moved
                motion[max(y, 0) : y + vector.h, max(x, 0) : x + vector.w] /= vector.motion_scale
        np.stack(images)
    gc.collect(0)


def read_decord(path: str, frames: list[int]) -> np.ndarray:
    """RGB of frames by decord: uint8 ``(T, h, w, 3)``."""
    import decord

    return decord.VideoReader(path, num_threads=1).get_batch(frames).asnumpy()


def read_torchcodec(path: str, frames: list[int], seek_mode: str = 'exact') -> np.ndarray:
    """RGB of frames by torchcodec: uint8 ``(T, h, w, 3)``."""
    from torchcodec.decoders import VideoDecoder

    options = dict(dimension_order='NHWC', num_ffmpeg_threads=1, seek_mode=seek_mode)
    return VideoDecoder(path, **options).get_frames_at(frames).data.numpy()


def read_mvextractor(path: str, num_frames: int | None = None, with_pixels: bool = True) -> int:
    """Reads BGR and vectors, or vectors alone, of the first frames, or of all; returns how many."""
    from mvextractor.videocap import VideoCap

    capture = VideoCap()
    capture.open(path)
    if not with_pixels:
        capture.set_decode_frames(False)
    count = 0
    while count != num_frames and capture.read()[0]:
        count += 1
    capture.release()
    return count
