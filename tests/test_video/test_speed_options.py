"""What makes reading faster changes no result: every option against the plain way to read."""

import gc
import os
import shutil

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding import container
from ssvrl_mm.video.decoding.index_cache import known_videos
from tests.clips import H264, H264_B, encode, translating

NUM_FRAMES, HEIGHT, WIDTH = 36, 104, 150
VARIANTS = {
    'h264.mp4': ('libx264', H264),
    'h264_b.mp4': ('libx264', {**H264_B, 'refs': '3'}),
    'h264_slices.mkv': ('libx264', {**H264, 'x264-params': 'slices=4'}),
    'h264_interlaced.mp4': ('libx264', {'x264-params': 'interlaced=1:bframes=2', 'threads': '1'}),
    'mpeg4.avi': ('mpeg4', {}),
    'mpeg4_qpel.avi': ('mpeg4', {'flags': '+qpel+mv4+aic', 'bf': '2'}),
    'mpeg2.mpg': ('mpeg2video', {'bf': '2', 'flags': '+ildct+ilme'}),
    'mpeg1.mpg': ('mpeg1video', {'bf': '2'}),
    'flash.flv': ('flv', {}),
    'msmpeg4.avi': ('msmpeg4', {}),
}
MOTION = ('motion', 'motion_valid', 'motion_origin', 'frame_types', 'lost')


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    frames = translating(NUM_FRAMES, 2.3, 1.2, HEIGHT, WIDTH, seed=4)
    noise = np.random.default_rng(0).integers(0, 12, frames.shape, np.uint8)
    frames = cv2.add(frames, noise)  # residuals that skipping could drop
    return {
        name: encode(folder / name, frames, codec, options=options)
        for name, (codec, options) in VARIANTS.items()
    }


@pytest.fixture(autouse=True)
def fresh_cache():
    known_videos.clear()
    yield
    known_videos.clear()


def read_fully(path, **options):
    """Motion as it is decoded together with the pixels."""
    known_videos.clear()
    with CompressedVideoReader(path, **options) as reader:
        return reader.get_frames_at(range(len(reader)), ('rgb', 'motion'))


def assert_same(batch, whole, names=MOTION):
    for name in names:
        expected = getattr(whole, name)[batch.indices]
        np.testing.assert_array_equal(getattr(batch, name), expected, err_msg=name)


@pytest.mark.parametrize('name', VARIANTS)
def test_motion_alone_equals_motion_with_pixels(clips, name):
    whole = read_fully(clips[name])
    assert np.abs(whole.motion).max() > 1
    requests = [range(NUM_FRAMES), range(7, 23), [30, 3, 17], [5]]
    for request in requests:
        with CompressedVideoReader(clips[name]) as reader:
            assert_same(reader.get_frames_at(request, ('motion',)), whole)
    with CompressedVideoReader(clips[name]) as reader:
        for start in range(0, NUM_FRAMES, 5):
            request = range(start, min(start + 5, NUM_FRAMES))
            assert_same(reader.get_frames_at(request, ('motion',)), whole)
        # Pixels after motion alone.
        everything = reader.get_frames_at(range(4, 20), ('rgb', 'motion'))
        assert_same(everything, whole, (*MOTION, 'rgb'))


def record_packets(decoder):
    """The numbers of the packets that a decoder reads from now on."""
    read, numbers = decoder.packets.read, []
    decoder.packets.read = lambda: numbers.append(decoder.next) or read()
    return numbers


@pytest.mark.parametrize('streams', [('rgb', 'motion'), ('motion',)])
@pytest.mark.parametrize('name', VARIANTS)
def test_who_reads_on_decodes_nothing_twice(clips, name, streams):
    whole = read_fully(clips[name])
    for length in (6, 9, 13):
        with CompressedVideoReader(clips[name]) as reader:
            decoder = reader._open().decoder
            numbers = record_packets(decoder)
            for start in range(0, NUM_FRAMES, length):
                request = range(start, min(start + length, NUM_FRAMES))
                batch = reader.get_frames_at(request, streams)
                assert_same(batch, whole, (*MOTION, *streams))
            if decoder.codec != 'h264' or 'rgb' in streams:
                assert len(numbers) == len(set(numbers))


def test_kept_frames_go_with_the_decoder_that_made_them(clips):
    path = clips['mpeg4_qpel.avi']
    whole = read_fully(path)
    with CompressedVideoReader(path) as reader:
        # Without vectors, with them and no pixels, and with both.
        for first, streams in ((0, ('rgb',)), (4, ('motion',)), (8, ('rgb', 'motion'))):
            batch = reader.get_frames_at(range(first, first + 6), streams)
            assert_same(batch, whole, streams)
            assert reader._open().decoder._kept
        decoder = reader._open().decoder
    assert not decoder._kept


def damage(path, out, seed):
    """Flips, cuts or clears some bytes of the file's second half, not of its headers."""
    rng = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for at in rng.integers(len(data) // 4, len(data) * 3 // 4, 6).tolist():
        if seed % 3 == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif seed % 3 == 1:
            data[at : at + 24] = bytes(24)
        else:
            data[at : at + 3] = rng.bytes(3)
    out.write_bytes(data)
    return out


@pytest.mark.parametrize('name', ['h264.mp4', 'h264_b.mp4', 'mpeg4.avi', 'mpeg2.mpg', 'flash.flv'])
def test_motion_alone_of_damaged_files(clips, tmp_path, name):
    # Decoders conceal damage by vectors that fit the pixels around it.
    for seed in range(9):
        path = damage(clips[name], tmp_path / f'{seed}_{name}', seed)
        rng = np.random.default_rng(seed)
        for _ in range(4):
            known_videos.clear()
            with CompressedVideoReader(path) as reader, CompressedVideoReader(path) as full:
                full._open().decoder.decode_fully()
                first = int(rng.integers(0, len(reader) - 6))
                for request in (range(first, first + 6), range(first + 4, len(reader))):
                    batch = reader.get_frames_at(request, ('motion',))
                    expected = full.get_frames_at(request, ('motion',))
                    for field in MOTION:
                        same = getattr(batch, field), getattr(expected, field)
                        np.testing.assert_array_equal(*same, err_msg=field)


def test_frames_are_freed_without_the_garbage_collector(clips):
    gc.collect()
    gc.disable()
    try:
        with CompressedVideoReader(clips['mpeg4.avi']) as reader:
            reader.get_frames_at(range(NUM_FRAMES))
            kinds = [type(thing).__name__ for thing in gc.get_objects()]
    finally:
        gc.enable()
    assert 'SideDataContainer' not in kinds
    # The decoder has the next one ready, and keeps the last one for who reads on.
    assert kinds.count('VideoFrame') <= 2


@pytest.mark.parametrize('name', ['h264_b.mp4', 'mpeg4.avi'])
def test_out_is_written_and_returned(clips, name):
    whole = read_fully(clips[name])
    out = np.full((9, HEIGHT, WIDTH, 3), 7, np.uint8)
    with CompressedVideoReader(clips[name]) as reader:
        for first in (3, 20):
            batch = reader.get_frames_at([*range(first, first + 8), first], out=out)
            assert batch.rgb is out
            assert_same(batch, whole, (*MOTION, 'rgb'))


@pytest.mark.parametrize(
    'out',
    [
        np.empty((2, HEIGHT, WIDTH, 3), np.float32),
        np.empty((3, HEIGHT, WIDTH, 3), np.uint8),
        np.empty((2, HEIGHT, 2 * WIDTH, 3), np.uint8)[:, :, ::2],
        np.broadcast_to(np.uint8(0), (2, HEIGHT, WIDTH, 3)),
    ],
)
def test_out_has_to_fit(clips, out):
    message = r'out must be .* \(2, 104, 150, 3\)'
    reader = CompressedVideoReader(clips['mpeg4.avi'])
    with reader, pytest.raises(ValueError, match=message):
        reader.get_frames_at([0, 1], out=out)


@pytest.mark.parametrize('size', [(64, 80), 52, (HEIGHT, WIDTH), (208, 300)])
def test_size_scales_rgb_alone(clips, size):
    whole = read_fully(clips['mpeg4.avi'])
    height, width = (52, 75) if size == 52 else size
    with CompressedVideoReader(clips['mpeg4.avi']) as reader:
        for streams in (('rgb',), ('rgb', 'motion'), ('rgb', 'motion', 'residual')):
            batch = reader.get_frames_at([9, 2, 9], streams, size=size)
            for image, number in zip(batch.rgb, (9, 2, 9), strict=True):
                expected = cv2.resize(whole.rgb[number], (width, height))
                np.testing.assert_array_equal(image, expected)
        assert_same(batch, whole)
        assert batch.residual.shape == (3, HEIGHT, WIDTH, 3)
        out = np.empty_like(batch.rgb)
        again = reader.get_frames_at([9, 2, 9], ('rgb',), size=size, out=out)
    assert again.rgb is out
    np.testing.assert_array_equal(out, batch.rgb)


@pytest.mark.parametrize('kind', [np.int64, np.uint8])
def test_numbers_of_numpy(clips, kind):
    with CompressedVideoReader(clips['mpeg4.avi']) as reader:
        for size in (52, (64, 80), 200):
            expected = reader.get_frames_at([9, 2], ('rgb',), size=size)
            for given in (kind(size), np.array(size, kind)[()], kind(size).tolist()):
                batch = reader.get_frames_at(kind([9, 2]), ('rgb',), size=given)
                np.testing.assert_array_equal(batch.rgb, expected.rgb)
        near = reader.get_keyframes_near(kind(20), kind(3), kind(9))
        assert near.indices.tolist() == reader.get_keyframes_near(20, 3, 9).indices.tolist()


def test_size_of_estimated_motion(clips):
    options = {'motion': 'estimate'}
    whole = read_fully(clips['mpeg4.avi'], **options)
    with CompressedVideoReader(clips['mpeg4.avi'], **options) as reader:
        batch = reader.get_frames_at([5, 6], size=40)
    assert_same(batch, whole)
    assert batch.rgb.shape == (2, 40, 58, 3)


@pytest.mark.parametrize('size', [0, (0, 20)])
def test_size_must_be_positive(clips, size):
    reader = CompressedVideoReader(clips['mpeg4.avi'])
    with reader, pytest.raises(ValueError, match='cannot be scaled'):
        reader.get_frames_at([0], size=size)


def test_size_and_out_of_turned_video(clips_dir):
    path = clips_dir / 'odd' / 'video_90.mov'
    whole = read_fully(path)
    with CompressedVideoReader(path) as reader:
        size = (reader.metadata.height // 4, reader.metadata.width // 4)
        out = np.empty((2, *size, 3), np.uint8)
        batch = reader.get_frames_at([2, 0], size=size, out=out)
        same = reader.get_frames_at([2, 0], out=np.empty((2, *whole.rgb.shape[1:]), np.uint8))
    assert batch.rgb is out
    expected = cv2.resize(np.rot90(whole.rgb[2]).copy(), size)
    difference = np.abs(np.rot90(out[0]).astype(int) - expected)
    assert difference.max() <= 1  # turned before or after scaling
    assert_same(same, whole, (*MOTION, 'rgb'))


@pytest.mark.parametrize('cache_bytes', [0, 10**9])
@pytest.mark.parametrize('name', ['h264_b.mp4', 'mpeg4.avi', 'mpeg4_qpel.avi'])
def test_reading_a_known_file_again(clips, name, cache_bytes, monkeypatch):
    whole = read_fully(clips[name])
    with CompressedVideoReader(clips[name]) as reader:
        metadata = reader.metadata
    assert len(known_videos) == 1

    def forbidden(*args):
        raise AssertionError('the file is scanned')

    monkeypatch.setattr(container.PacketReader, '_scan', forbidden)
    for request in ([20], range(8, 24), [33, 1, 14], range(NUM_FRAMES)):
        with CompressedVideoReader(clips[name], cache_bytes=cache_bytes) as reader:
            batch = reader.get_frames_at(request)
            assert reader.metadata == metadata
        assert_same(batch, whole, (*MOTION, 'rgb', 'pts_seconds'))
    # Often enough for its packets to be kept after all.
    with CompressedVideoReader(clips[name], cache_bytes=cache_bytes) as reader:
        for first in (30, 12, 0, 25, 5, 18, 2, 29, 8, 15):
            request = range(first, min(first + 12, NUM_FRAMES))
            assert_same(reader.get_frames_at(request), whole, (*MOTION, 'rgb'))


def test_another_file_under_the_same_name(clips, tmp_path):
    path = tmp_path / 'clip.avi'
    shutil.copy(clips['mpeg4.avi'], path)
    read_fully(path)
    encode(path, translating(20, 1, 0, 64, 80), 'mpeg4', options={})
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 20 and reader.metadata.height == 64
        reader.get_frames_at([19])
    # Even one as large.
    size = os.path.getsize(path)
    os.utime(path, ns=(1, 1))
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 20
    assert os.path.getsize(path) == size and len(known_videos) == 3


def test_file_objects_are_never_known(clips):
    for _ in range(2):
        with open(clips['mpeg4.avi'], 'rb') as file, CompressedVideoReader(file) as reader:
            assert len(reader) == NUM_FRAMES
    assert not len(known_videos)
