"""Compares the time and the memory that readers take for a clip of a video.

Times are process CPU time, medians of rounds in which all readers take turns in one process, and
are printed in ms and as ratios to the decode floor: decoding every frame from the keyframe before
the clip to its end, packets already in memory, and nothing else. The bare minimum also takes the
motion vectors out and converts the clip's frames to RGB with FFmpeg, but keeps neither. What ends
in "+ open" also opens and closes the file, as training does for every sample; the others read from
an open file. All decode with one thread.

Peers take part where they are installed: decord, torchcodec, motion-vector-extractor (mvextractor).

Example:
    python tools/analysis/benchmark_decode.py video.mp4 other.avi --json decode.json
    python tools/analysis/benchmark_decode.py            # on generated files
"""

import argparse
import gc
import importlib
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import VideoReformatter

from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.video.decoding.index_cache import known_videos
from ssvrl_mm.video.decoding.pyav import open_input

Task = Callable[[], object]

FLOOR = 'decode floor'
BARE = 'bare minimum, RGB + motion'


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('videos', nargs='*', help='generated in a temporary folder if none')
    parser.add_argument('--frames', type=int, default=32, help='length of the clip')
    parser.add_argument('--rounds', type=int, default=21, help='measurements of each reader')
    parser.add_argument('--memory', action='store_true', help='measure peak memory (Linux)')
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    return parser.parse_args()


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
            stream = container.add_stream(codec, rate=25, options=options)
            stream.codec_context.gop_size = gop
            stream.pix_fmt, stream.width, stream.height = 'yuv420p', 320, 240
            for frame in frames:
                image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')
                container.mux(stream.encode(image))
            container.mux(stream.encode(None))
    return [str(folder / name) for name in kinds]


def clip_of(path: str, length: int) -> tuple[list[int], int, int, bool]:
    """A clip from the middle: its frames, the packets to decode, and if vectors are exported."""
    with CompressedVideoReader(path, 'auto') as reader:
        first = max((len(reader) - length) // 2, 0)
        frames = list(range(first, min(first + length, len(reader))))
        index = reader._open().decoder.index
        start, end = int(index.starts[frames[0]]), int(index.packets[frames].max()) + 1
        return frames, start, end, reader.metadata.exports_motion


def tasks(path: str, length: int) -> dict[str, Task]:
    """What is measured, by name."""
    frames, start, end, exports = clip_of(path, length)
    mode = 'codec' if exports else 'auto'
    found: dict[str, Task] = {FLOOR: _floor(path, start, end)}
    found[BARE] = _floor(path, start, end, converted=len(frames))
    found[FLOOR + ' + open'] = lambda: _floor(path, start, end, close=True)()

    streams = {'RGB': ('rgb',), 'motion': ('motion',), 'RGB + motion': ('rgb', 'motion')}
    streams['RGB + motion + residual'] = ('rgb', 'motion', 'residual')
    for name, asked in streams.items():
        found[name] = _open_reader(path, mode, frames, asked)
    found['RGB + motion, out='] = _open_reader(path, mode, frames, streams['RGB + motion'], True)
    found['keyframe'] = _open_keyframes(path, mode, frames[0])
    for name in ('RGB', 'motion', 'RGB + motion'):
        found[name + ' + open'] = _closed_reader(path, mode, frames, streams[name])
    found['RGB + motion + first open'] = _closed_reader(
        path, mode, frames, streams['RGB + motion'], forget=True
    )
    found['PyAV RGB + naive motion + open'] = lambda: _plain_pyav(path, start, frames, exports)
    if _installed('decord'):
        found['decord RGB + open'] = lambda: _decord(path, frames)
    if _installed('torchcodec.decoders'):
        found['torchcodec RGB + open'] = lambda: _torchcodec(path, frames, 'exact')
        found['torchcodec approximate RGB + open'] = lambda: _torchcodec(
            path, frames, 'approximate'
        )
    if exports and _installed('mvextractor.videocap'):
        found['mvextractor RGB + vectors + open'] = lambda: _mvextractor(path, frames)
    return found


def _installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except (ImportError, RuntimeError, OSError):  # torchcodec raises what it likes
        return False
    return True


def _floor(
    path: str, start: int, end: int, close: bool = False, converted: int | None = None
) -> Task:
    """Decodes packets; takes the vectors and the RGB of the last ``converted`` frames as well."""
    container = open_input(path)
    stream = container.streams.best('video')
    context = stream.codec_context
    context.thread_count, context.thread_type = 1, 'NONE'
    if converted is not None:
        context.options = {'flags2': '+export_mvs'}
    packets = []
    for packet in container.demux(stream):
        if packet.size:
            packets.append(packet)
        if len(packets) == end:
            break
    packets = packets[start:]

    def decode() -> None:
        for packet in packets:
            _decode(context, packet)
        _decode(context, None)
        context.flush_buffers()
        if close:
            container.close()

    reformatter = VideoReformatter()

    def decode_and_convert() -> None:
        left = len(packets) - (converted or 0)
        for packet in [*packets, None]:
            for frame in _decode(context, packet):
                left -= 1
                if left < 0:
                    vectors = SideDataContainer(frame).get('MOTION_VECTORS')
                    bytes(vectors or b'')
                    reformatter.reformat(frame, format='rgb24', threads=1)
        context.flush_buffers()

    return decode if converted is None else decode_and_convert


def _decode(context: av.VideoCodecContext, packet: av.Packet | None) -> list[av.VideoFrame]:
    try:
        return context.decode(packet)
    except av.FFmpegError:
        return []


def _open_reader(
    path: str, mode: str, frames: list[int], streams: tuple[str, ...], reuses: bool = False
) -> Task:
    reader = CompressedVideoReader(path, mode)
    metadata = reader.metadata
    shape = (len(frames), metadata.height, metadata.width, 3)
    out = np.empty(shape, np.uint8) if reuses else None
    return lambda: reader.get_frames_at(frames, streams, out=out)


def _open_keyframes(path: str, mode: str, frame: int) -> Task:
    reader = CompressedVideoReader(path, mode)
    return lambda: reader.get_keyframes_near(frame)


def _closed_reader(
    path: str, mode: str, frames: list[int], streams: tuple[str, ...], forget: bool = False
) -> Task:
    def read() -> None:
        if forget:
            known_videos.clear()
        with CompressedVideoReader(path, mode) as reader:
            reader.get_frames_at(frames, streams)

    return read


def _plain_pyav(path: str, start: int, frames: list[int], exports: bool) -> None:
    """RGB by to_ndarray and dense motion by a loop over the vectors, as is done commonly."""
    with open_input(path) as container:
        stream = container.streams.best('video')
        stream.codec_context.options = {'flags2': '+export_mvs'}
        stream.codec_context.thread_type = 'NONE'
        packets = (packet for packet in container.demux(stream) if packet.size)
        decoded = []
        for number, packet in enumerate(packets):
            if number >= start:
                decoded += _decode(stream.codec_context, packet)
            if len(decoded) > frames[-1]:
                break
        decoded += _decode(stream.codec_context, None)
        images = []
        for frame in decoded[-len(frames) :]:
            images.append(frame.to_ndarray(format='rgb24'))
            motion = np.zeros((frame.height, frame.width, 2), np.float32)
            for vector in frame.side_data.get('MOTION_VECTORS') or ():
                x, y = vector.dst_x - vector.w // 2, vector.dst_y - vector.h // 2
                moved = vector.motion_x, vector.motion_y
                motion[max(y, 0) : y + vector.h, max(x, 0) : x + vector.w] = moved
                motion[max(y, 0) : y + vector.h, max(x, 0) : x + vector.w] /= vector.motion_scale
        np.stack(images)
    gc.collect(0)


def _decord(path: str, frames: list[int]) -> None:
    import decord

    decord.VideoReader(path, num_threads=1).get_batch(frames).asnumpy()


def _torchcodec(path: str, frames: list[int], mode: str) -> None:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path, dimension_order='NHWC', num_ffmpeg_threads=1, seek_mode=mode)
    decoder.get_frames_at(frames)


def _mvextractor(path: str, frames: list[int]) -> None:
    from mvextractor.videocap import VideoCap

    capture = VideoCap()
    capture.open(path)
    for _ in range(frames[-1] + 1):
        capture.read()
    capture.release()


def measure(found: dict[str, Task], rounds: int) -> dict[str, float]:
    """Median CPU time of each task in ms; those that fail are left out, and named."""
    for name in list(found):
        try:
            found[name]()
        except Exception as error:
            print(f'{name}: {type(error).__name__}: {error}', file=sys.stderr)
            del found[name]
    times: dict[str, list[float]] = {name: [] for name in found}
    order, shuffle = list(found), random.Random(0).shuffle
    gc.freeze()  # collecting what was there before would empty the caches
    for _ in range(rounds):
        # Each leaves caches and heap to the next one as it likes, but not its garbage.
        shuffle(order)
        for name in order:
            gc.collect()
            started = time.process_time()
            found[name]()
            times[name].append(1000 * (time.process_time() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory(path: str, length: int, name: str) -> float:
    """By how many MiB a process grows at most that reads for the first three times."""
    task = tasks(path, length)[name]
    gc.collect()
    before = _resident('VmRSS')
    # Forgets the peak so far, which is that of the imports.
    Path('/proc/self/clear_refs').write_text('5')
    for _ in range(3):
        task()
    return (_resident('VmHWM') - before) / 1024


def _resident(field: str) -> int:
    status = Path('/proc/self/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])


def main() -> None:
    """Measures every video and prints a table for each."""
    args = parse_args()
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in args.videos or generate(Path(folder)):
            try:
                found = tasks(path, args.frames)
            except (VideoError, OSError) as error:
                raise SystemExit(f'error: {error}') from error
            times = measure(found, args.rounds)
            rows = {
                name: {'ms': ms, 'ratio': ms / times[FLOOR], 'to_bare': ms / times[BARE]}
                for name, ms in times.items()
            }
            if args.memory:
                # A process of its own for each, since a peak does not go down again.
                context = multiprocessing.get_context('spawn')
                for name, row in rows.items():
                    with context.Pool(1) as pool:
                        row['peak_mib'] = pool.apply(peak_memory, (path, args.frames, name))
            figures[Path(path).name] = rows
            print_table(Path(path).name, rows)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')


def print_table(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Prints a video's figures."""
    print(f'\n{title:38}{"ms":>9}{"x floor":>9}{"x bare":>9}{"MiB":>8}')
    for name, row in rows.items():
        memory = f'{row["peak_mib"]:8.1f}' if 'peak_mib' in row else ''
        print(f'{name:38}{row["ms"]:9.2f}{row["ratio"]:9.2f}{row["to_bare"]:9.2f}{memory}')


if __name__ == '__main__':
    main()
