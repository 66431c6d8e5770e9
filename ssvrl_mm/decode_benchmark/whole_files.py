"""Contenders for whole files, opening included."""

from collections.abc import Callable

import numpy as np

from ssvrl_mm.decode_benchmark.floors import decode_file
from ssvrl_mm.decode_benchmark.measuring import Comparison
from ssvrl_mm.decode_benchmark.peers import installed, read_mvextractor
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding.index_cache import known_videos

FLOOR = 'decoding with vectors'
PEER = 'mvextractor BGR + vectors'
PEER_VECTORS = 'mvextractor vectors'

#: No single call is made for more bytes of RGB.
LARGEST_CALL = 2**31


def whole_file_comparison(path: str, chunk: int) -> Comparison:
    """Readers of all frames of a video, opening included.

    The project's reader meets a file that it does not know yet, unless the name says that it does.

    Args:
        path: The file.
        chunk: Frames of a call, whose RGB goes to an array that is used again and again.

    Raises:
        VideoError: The file is no video that can be read.
    """
    with CompressedVideoReader(path, 'auto') as reader:
        metadata = reader.metadata
    exports, length = metadata.exports_motion, metadata.num_frames
    shape = metadata.height, metadata.width, 3
    buffer = np.empty((chunk, *shape), np.uint8)

    def read(
        streams: tuple[str, ...],
        chunk: int = chunk,
        out: np.ndarray | None = None,
        known: bool = False,
    ) -> Callable[[], None]:
        def read_file() -> None:
            if not known:
                known_videos.clear()
            with CompressedVideoReader(path, 'auto') as reader:
                for first in range(0, length, chunk):
                    frames = range(first, min(first + chunk, length))
                    part = None if out is None else out[: len(frames)]
                    reader.get_frames_at(frames, streams, out=part)

        return read_file

    both = 'rgb', 'motion'
    found: dict[str, Callable[[], object]] = {
        FLOOR: lambda: decode_file(path, exports),
        'RGB + motion': read(both, out=buffer),
        'RGB + motion, known file': read(both, out=buffer, known=True),
        'RGB + motion, no out=': read(both),
        'motion': read(('motion',)),
        'motion, known file': read(('motion',), known=True),
        'motion, one call': read(('motion',), length),
    }
    if length * buffer[0].nbytes <= LARGEST_CALL:
        found['RGB + motion, one call'] = read(both, length)
        whole = np.empty((length, *shape), np.uint8)
        found['RGB + motion, one call, out='] = read(both, length, whole)
    if exports and installed('mvextractor.videocap'):
        found[PEER] = lambda: read_mvextractor(path)
        found[PEER_VECTORS] = lambda: read_mvextractor(path, with_pixels=False)
    ratios = {'x floor': FLOOR, 'x BGR + vectors': PEER, 'x vectors': PEER_VECTORS}
    return Comparison(found, ratios)
