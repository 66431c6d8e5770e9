"""Damages real bitstreams at random and reads what is left; a program, for a process of its own.

``python -m tests.test_video.fuzzing FOLDER FIRST LAST`` tries the cases ``[FIRST, LAST)`` on the
files of a folder, after it has made them if the folder is empty. It says which case it starts, so
that whoever started it knows what it died of.
"""

import faulthandler
import os
import random
import sys
import time
import warnings
from pathlib import Path

import av
import numpy as np

from ssvrl_mm.video import CompressedVideoReader, VideoError, VideoTimeoutError
from ssvrl_mm.video.bitstream.parsers import MPEG4Pictures
from tests.clips import H264, H264_B, encode, translating

KINDS = ('flip', 'flip', 'burst', 'cut', 'zero', 'drop', 'repeat', 'splice', 'head', 'join')
EVERYTHING = ('rgb', 'motion', 'residual')

#: Seconds that a call may take on files of some kB.
TIMEOUT = 30

CLIPS = {
    'h264.mp4': ('libx264', H264_B),
    'h264.mkv': ('libx264', {**H264, 'refs': '3', 'bf': '3', 'b-pyramid': 'normal'}),
    'h264.ts': ('libx264', {**H264_B, 'x264-params': 'open-gop=1:min-keyint=6'}),
    'h264.avi': ('libx264', H264),
    'stream.h264': ('libx264', H264_B),
    'fields.mp4': ('libx264', {**H264_B, 'x264-params': 'tff=1'}),
    'mpeg4.avi': ('mpeg4', {}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'mpeg4_b.mp4': ('mpeg4', {'bf': '2'}),
    'mpeg2.mpg': ('mpeg2video', {'bf': '2'}),
    'mpeg2.ts': ('mpeg2video', {}),
    'mpeg1.mpg': ('mpeg1video', {'bf': '2'}),
    'stream.m2v': ('mpeg2video', {'bf': '2'}),
    'stream.m4v': ('mpeg4', {'bf': '2'}),
    'hevc.mp4': ('libx265', {'x265-params': 'log-level=none:pools=none:frame-threads=1'}),
    'vp9.webm': ('libvpx-vp9', {'deadline': 'realtime', 'cpu-used': '8'}),
    'vp8.webm': ('libvpx', {'deadline': 'realtime', 'cpu-used': '8'}),
    'av1.mp4': ('libsvtav1', {'preset': '12'}),
    'flash.flv': ('flv', {}),
    'h263.3gp': ('h263', {}),
    'msmpeg4.avi': ('msmpeg4', {}),
    'wmv2.asf': ('wmv2', {}),
    'motion_jpeg.avi': ('mjpeg', {}),
}


def make_clips(folder: Path) -> None:
    """Small files of all kinds, as far as this FFmpeg has the encoders."""
    for name, (codec, options) in CLIPS.items():
        if codec not in av.codecs_available:
            continue
        # H.263 has but five sizes, SVT-AV1 a least one.
        size = (96, 128) if codec in ('h263', 'libsvtav1') else (56, 72)
        pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        frames = translating(18, 2, 1, *size)
        encode(folder / name, frames, codec, gop=6, options=options, pix_fmt=pix_fmt)
    pack(
        encode(folder / 'to_pack.avi', translating(19, 2, 1, 56, 72), 'mpeg4', options={'bf': '1'}),
        folder / 'packed.avi',
    )
    (folder / 'to_pack.avi').unlink()


def pack(source: Path, target: Path) -> Path:
    """Turns MPEG-4 with B-frames into DivX's packed bitstream.

    A P-frame and the B-frame after it share a packet. Each further B-frame has one, and the last of
    them is followed by a plane that is not coded.
    """
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        parse = MPEG4Pictures(bytes(old.streams.video[0].codec_context.extradata))
        bits = f'010{"1"}{"0" * parse._layer.time_bits}10'
        bits += '0' + '1' * (-(len(bits) + 1) % 8)
        empty = b'\0\0\1\xb6' + int(bits, 2).to_bytes(len(bits) // 8, 'big')
        coded = [bytes(packet) for packet in old.demux(video=0) if packet.size]
        packed = [b'\0\0\1\xb2DivX503b1338p' + coded[0]]
        waiting = coded[1:]
        while waiting:
            first = waiting.pop(0)
            between = []
            while waiting and parse(waiting[0])[0].kind == 'B':
                between.append(waiting.pop(0))
            packed += [first + between[0], *between[1:], empty] if between else [first]
        for number, data in enumerate(packed):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, old.streams.video[0].time_base
            packet.pts = packet.dts = number
            packet.is_keyframe = number == 0
            new.mux(packet)
    return target


def damaged(contents: list[bytes], seed: int) -> bytes:
    """A file with one to three kinds of damage; the same for the same seed."""
    rng = random.Random(seed)
    data = bytearray(contents[seed % len(contents)])
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            break
        kind = rng.choice(KINDS)
        # Headers are small, and so they are hit on purpose.
        limit = rng.choice((len(data), len(data), 800, 64))
        at = rng.randrange(min(limit, len(data)))
        size = int(min(len(data), 4 * 10 ** rng.uniform(0, 3)))
        other = contents[rng.randrange(len(contents))]
        if kind == 'flip':
            for _ in range(rng.choice((1, 4, 40))):
                data[rng.randrange(min(limit, len(data)))] ^= 1 << rng.randrange(8)
        elif kind == 'burst':
            data[at : at + size] = rng.randbytes(len(data[at : at + size]))
        elif kind == 'cut':
            del data[rng.randrange(len(data)) :]
        elif kind == 'zero':
            data[at : at + size] = bytes(len(data[at : at + size]))
        elif kind == 'drop':
            del data[at : at + size]
        elif kind == 'repeat':
            data[at:at] = data[at : at + size]
        elif kind == 'splice':
            start = rng.randrange(len(other))
            data[at : at + size] = other[start : start + size]
        elif kind == 'join':
            data += other
        else:
            data[:size] = other[:size]
    return bytes(data)


def read(source: bytes | Path, seed: int) -> str:
    """Reads a file in some way; says what came of it, or raises what should not come."""
    rng = random.Random(seed)
    try:
        with CompressedVideoReader(
            source,
            motion=rng.choice(('auto', 'auto', 'codec', 'estimate')),
            normalize_time=rng.random() < 0.7,
            iframe_motion=rng.choice(('hold', 'zero')),
            on_error=rng.choice(('pad', 'pad', 'raise')),
            on_size_change=rng.choice(('resize', 'resize', 'raise')),
            num_threads=rng.choice((1, 1, 1, 2)),
            cache_bytes=rng.choice((0, 10**9)),
            accumulate=rng.random() < 0.2,
            dense=rng.random() < 0.1,
            timeout=TIMEOUT,
            max_pixels=2**20,
        ) as reader:
            facts, length = reader.metadata, len(reader)
            assert length == facts.num_frames > 0
            assert np.isfinite([facts.average_fps, facts.duration_seconds]).all()
            for _ in range(3):
                numbers = sorted(rng.randrange(length) for _ in range(4))
                streams = rng.choice((EVERYTHING, ('rgb',), ('motion',)))
                check(reader.get_frames_at(numbers, streams), facts, reader)
            reader.get_keyframes_near(numbers[0], count=2)
    except VideoTimeoutError:
        raise
    except VideoError as error:
        assert error.path and error.reason
        return type(error).__name__
    return 'read'


def check(batch, facts, reader) -> None:
    """What is read is whole."""
    size, count = (facts.height, facts.width), len(batch)
    grid = size if reader._options.dense else tuple(-(-side // 8) for side in size)
    if batch.rgb is not None:
        assert batch.rgb.shape == (count, *size, 3)
    if batch.residual is not None:
        assert batch.residual.shape == (count, *size, 3)
    if batch.motion is not None:
        assert batch.motion.shape == (count, *grid, 2) and np.isfinite(batch.motion).all()
        assert batch.motion_valid.shape == (count, *grid)
        assert not batch.motion_valid[batch.motion_origin == 'none'].any()
    assert np.isfinite(batch.pts_seconds).all()


def held() -> tuple[int, int]:
    """How many descriptors and threads this process has."""
    return len(os.listdir('/proc/self/fd')), len(os.listdir('/proc/self/task'))


def holds_more(before: tuple[int, int]) -> bool:
    """Whether it keeps more than that; a thread that has ended is listed for a moment longer."""
    end = time.monotonic() + 5
    while any(now > then for now, then in zip(held(), before, strict=True)):
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False


def main(folder: str, first: str, last: str) -> None:
    """Tries a range of cases."""
    faulthandler.enable()
    # FFmpeg's messages take a way through Python, which threads of the decoder wait for.
    av.logging.set_level(av.logging.PANIC)
    warnings.simplefilter('ignore')
    Path(folder).mkdir(exist_ok=True)
    if not any(Path(folder).iterdir()):
        make_clips(Path(folder))
    contents = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    scratch = Path(f'{folder}.{first}')
    # Undamaged ones come first, so that libraries have started their threads before they count.
    for number, data in enumerate(contents[:4]):
        read(data, number)
    before = held()
    for case in range(int(first), int(last)):
        print('case', case, flush=True)
        data = damaged(contents, case)
        source: bytes | Path = data
        if case % 2:
            scratch.write_bytes(data)
            source = scratch
        start = time.process_time()
        came = read(source, case)
        print('came', came, f'{time.process_time() - start:.2f}', flush=True)
        assert not holds_more(before), f'{before} descriptors and threads have become {held()}'
    scratch.unlink(missing_ok=True)
    print('done', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
