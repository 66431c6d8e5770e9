"""Contenders for one clip of a video."""

from collections.abc import Callable

import numpy as np

from ssvrl_mm.decode_benchmark.floors import clip_floor
from ssvrl_mm.decode_benchmark.measuring import Comparison, Task
from ssvrl_mm.decode_benchmark.peers import (
    installed,
    plain_pyav,
    read_decord,
    read_mvextractor,
    read_torchcodec,
)
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding.index_cache import known_videos

FLOOR = 'decode floor'
BARE = 'bare minimum, RGB + motion'

_STREAMS = {'RGB': ('rgb',), 'motion': ('motion',), 'RGB + motion': ('rgb', 'motion')}


def clip_comparison(path: str, length: int) -> Comparison:
    """Readers of the clip of ``length`` frames in the middle of a video.

    Raises:
        VideoError: The file is no video that can be read.
    """
    with CompressedVideoReader(path, 'auto') as reader:
        first = max((len(reader) - length) // 2, 0)
        frames = list(range(first, min(first + length, len(reader))))
        index = reader._open().decoder.index
        start, end = int(index.starts[frames[0]]), int(index.packets[frames].max()) + 1
        exports = reader.metadata.exports_motion
    found: dict[str, Task] = {FLOOR: clip_floor(path, start, end)}
    found[BARE] = clip_floor(path, start, end, converted=len(frames))
    found[FLOOR + ' + open'] = lambda: clip_floor(path, start, end, close=True)()

    for name, asked in {
        **_STREAMS,
        'RGB + motion + residual': ('rgb', 'motion', 'residual'),
    }.items():
        found[name] = _open_reader(path, frames, asked)
    found['RGB + motion, out='] = _open_reader(path, frames, ('rgb', 'motion'), True)
    found['keyframe'] = _open_keyframes(path, frames[0])
    for name, asked in _STREAMS.items():
        found[name + ' + open'] = _closed_reader(path, frames, asked)
    found['RGB + motion + first open'] = _closed_reader(
        path, frames, ('rgb', 'motion'), forget=True
    )
    found['PyAV RGB + naive motion + open'] = lambda: plain_pyav(path, start, frames, exports)
    if installed('decord'):
        found['decord RGB + open'] = lambda: read_decord(path, frames)
    if installed('torchcodec.decoders'):
        found['torchcodec RGB + open'] = lambda: read_torchcodec(path, frames)
        found['torchcodec approximate RGB + open'] = lambda: read_torchcodec(
            path, frames, 'approximate'
        )
    if exports and installed('mvextractor.videocap'):
        found['mvextractor RGB + vectors + open'] = lambda: read_mvextractor(path, frames[-1] + 1)
    return Comparison(found, {'x floor': FLOOR, 'x bare': BARE})


def _open_reader(
    path: str, frames: list[int], streams: tuple[str, ...], reuses: bool = False
) -> Task:
    reader = CompressedVideoReader(path, 'auto')
    metadata = reader.metadata
    shape = (len(frames), metadata.height, metadata.width, 3)
    out = np.empty(shape, np.uint8) if reuses else None
    return lambda: reader.get_frames_at(frames, streams, out=out)


def _open_keyframes(path: str, frame: int) -> Task:
    reader = CompressedVideoReader(path, 'auto')
    return lambda: reader.get_keyframes_near(frame)


def _closed_reader(
    path: str, frames: list[int], streams: tuple[str, ...], forget: bool = False
) -> Callable[[], None]:
    def read() -> None:
        if forget:
            known_videos.clear()
        with CompressedVideoReader(path, 'auto') as reader:
            reader.get_frames_at(frames, streams)

    return read
