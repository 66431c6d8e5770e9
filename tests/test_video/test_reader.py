"""Frames, motion and residuals by number, against a plain decode of the whole file."""

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, FrameIndexError, MotionUnavailableError
from ssvrl_mm.video.motion.flow import estimate_motion
from ssvrl_mm.video.motion.geometry import flip_motion, rotate_motion
from ssvrl_mm.video.motion.residual import warp
from tests.clips import H264, H264_B, encode, translating
from tests.test_video.files import decode_all, remux
from tests.test_video.fuzzing import pack
from tests.test_video.test_motion.test_vectors import naive_field

NUM_FRAMES, VELOCITY, HEIGHT, WIDTH = 40, (2, 1), 168, 200
VARIANTS = {
    'h264.mp4': ('libx264', H264),
    'h264_b.mkv': ('libx264', H264_B),
    'h264_pyramid.mp4': ('libx264', {**H264, 'refs': '3', 'bf': '3', 'b-pyramid': 'normal'}),
    'h264_open.ts': ('libx264', {**H264_B, 'refs': '3', 'x264-params': 'open-gop=1:min-keyint=12'}),
    'h264_b.avi': ('libx264', H264_B),
    'h264_b.asf': ('libx264', H264_B),
    'h264_b.mxf': ('libx264', H264_B),
    'h264_refresh.mp4': ('libx264', {**H264, 'x264-params': 'intra-refresh=1'}),
    'mpeg4.avi': ('mpeg4', {}),
    'mpeg4.mp4': ('mpeg4', {}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'mpeg4_b.mp4': ('mpeg4', {'bf': '2'}),
    'mpeg4_fields.mp4': ('mpeg4', {'bf': '2', 'flags': '+ildct+ilme'}),
    'mpeg2_fields.ts': ('mpeg2video', {'bf': '2', 'flags': '+ildct+ilme'}),
    'mpeg2.mpg': ('mpeg2video', {'bf': '2'}),
    'mpeg1.mpg': ('mpeg1video', {'bf': '2'}),
    'flash.flv': ('flv', {}),
    'h264_mbaff.ts': ('libx264', {**H264_B, 'x264-params': 'tff=1'}),
    'h264.flv': ('libx264', H264_B),
    'h264_b.h264': ('libx264', H264_B),
    'mpeg4_packed.avi': ('mpeg4', {'bf': '1'}),
    'mpeg4_b.mkv': ('mpeg4', {'bf': '2'}),
    'mpeg4_quarter.avi': ('mpeg4', {'flags': '+qpel'}),
    'mpeg2.ts': ('mpeg2video', {}),
    'mpeg2_b.m2v': ('mpeg2video', {'bf': '2'}),
    'h263.avi': ('h263p', {}),
    'msmpeg4.avi': ('msmpeg4', {}),
    'msmpeg4v2.avi': ('msmpeg4v2', {}),
    'wmv1.asf': ('wmv1', {}),
    'wmv2.asf': ('wmv2', {}),
    'vp9.webm': ('libvpx-vp9', {'deadline': 'realtime', 'cpu-used': '8'}),
    'vp8.webm': ('libvpx', {'deadline': 'realtime', 'cpu-used': '8'}),
    'av1.mp4': ('libsvtav1', {'preset': '12'}),
    'hevc.mp4': ('libx265', {'x265-params': 'log-level=none:pools=none:frame-threads=1'}),
    'motion_jpeg.avi': ('mjpeg', {}),
}
ESTIMATED = ('vp9.webm', 'vp8.webm', 'av1.mp4', 'hevc.mp4', 'motion_jpeg.avi')
EXPORTING = [name for name in VARIANTS if name not in ESTIMATED]
EVERYTHING = ('rgb', 'motion', 'residual')


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    frames = translating(NUM_FRAMES, *VELOCITY, HEIGHT, WIDTH, seed=2)
    paths = {}
    for name, (codec, options) in VARIANTS.items():
        pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        paths[name] = encode(folder / name, frames, codec, options=options, pix_fmt=pix_fmt)
    packed = folder / 'mpeg4_packed.avi'
    paths[packed.name] = pack(packed.rename(folder / 'to_pack.avi'), packed)
    return paths


def assert_same(batch, whole):
    """The batch is that part of the whole video, bit for bit."""
    for name, part in vars(batch).items():
        every = getattr(whole, name)
        assert (part is None) == (every is None), name
        if part is not None:
            np.testing.assert_array_equal(part, every[batch.indices], err_msg=name)


@pytest.mark.parametrize('name', VARIANTS)
def test_frames_equal_a_full_decode(clips, name):
    images, _, kinds = decode_all(clips[name])
    with CompressedVideoReader(clips[name]) as reader:
        assert len(reader) == len(images) == NUM_FRAMES
        batch = reader.get_frames_at(range(NUM_FRAMES), streams=('rgb',))
        np.testing.assert_array_equal(batch.rgb, images)
        assert batch.frame_types.tolist() == kinds
        assert not batch.lost.any()
        assert np.all(np.diff(batch.pts_seconds) > 0)
        np.testing.assert_allclose(np.diff(batch.pts_seconds), 1 / 25, atol=2e-3)


@pytest.mark.parametrize('cache_bytes', [0, 10**9])
@pytest.mark.parametrize('name', VARIANTS)
def test_any_slice_equals_the_whole(clips, name, cache_bytes):
    rng = np.random.default_rng(0)
    with CompressedVideoReader(clips[name], 'auto') as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
    requests = [[0], [11], [12], [13], [39], range(8, 24), range(13, 0, -3), [5, 5, 38, 0, 5]]
    requests.append(rng.integers(0, NUM_FRAMES, 6))
    with CompressedVideoReader(clips[name], 'auto', cache_bytes=cache_bytes) as kept:
        for request in requests:
            assert_same(kept.get_frames_at(request, EVERYTHING), whole)
            with CompressedVideoReader(clips[name], 'auto', cache_bytes=cache_bytes) as fresh:
                assert_same(fresh.get_frames_at(request, EVERYTHING), whole)
        # Reading on, chunk by chunk.
        for start in range(0, NUM_FRAMES, 7):
            request = range(start, min(start + 7, NUM_FRAMES))
            assert_same(kept.get_frames_at(request, EVERYTHING), whole)


@pytest.mark.parametrize('name', EXPORTING)
def test_known_translation(clips, name):
    with CompressedVideoReader(clips[name]) as reader:
        batch = reader.get_frames_at(range(NUM_FRAMES), streams=('motion',))
    assert batch.rgb is None and batch.residual is None
    right = {'P': [], 'B': []}
    for t in np.flatnonzero(batch.motion_valid.any(axis=(1, 2))):
        median = np.median(batch.motion[t][batch.motion_valid[t]], axis=0)
        right[batch.frame_types[t]].append(np.abs(median - VELOCITY).max() < 0.3)
    assert not right['B'] or np.mean(right['B']) >= 0.95
    # With several references, x264 may refer to the one before the nearest, and nobody is told.
    assert np.mean(right['P']) >= (0.5 if 'pyramid' in name or 'open' in name else 0.95)
    assert set(batch.motion_origin[batch.frame_types == 'I']) == {'held'}


@pytest.mark.parametrize('name', ['h264.mp4', 'h264_b.mkv', 'mpeg4.avi', 'mpeg2.mpg'])
def test_vectors_are_those_of_a_full_decode(clips, name):
    _, vectors, kinds = decode_all(clips[name], export=True)
    with CompressedVideoReader(clips[name], normalize_time=False) as reader:
        batch = reader.get_frames_at(range(NUM_FRAMES), streams=('motion',))
    for t, listed in enumerate(vectors):
        if kinds[t] == 'I' or listed is None:
            continue
        field, mask = naive_field(listed, (HEIGHT, WIDTH), 1, 1)
        np.testing.assert_array_equal(batch.motion_valid[t], mask)
        np.testing.assert_allclose(batch.motion[t], field, atol=1e-6)


def test_displacements_of_the_bitstream(clips):
    """MPEG-4 P-frames after two B-frames span three frames."""
    names = {'mpeg4_b.avi': 3, 'mpeg4.avi': 1}
    for name, span in names.items():
        with CompressedVideoReader(clips[name]) as reader:
            motion = reader.get_frames_at([6], streams=('motion',)).motion
        with CompressedVideoReader(clips[name], normalize_time=False) as reader:
            raw = reader.get_frames_at([6], streams=('motion',)).motion
        np.testing.assert_allclose(raw, motion * span, rtol=1e-6)
        assert motion.any()


def test_held_and_propagated_fields(clips):
    with CompressedVideoReader(clips['mpeg4_b.avi']) as reader:
        batch = reader.get_frames_at(range(13), streams=('motion',))
        zero = CompressedVideoReader(clips['mpeg4_b.avi'], iframe_motion='zero')
        others = zero.get_frames_at(range(13), streams=('motion',))
        zero.close()
    assert ''.join(batch.frame_types) == 'IBBPBBPBBPBBI'
    for t, source in {0: 3, 1: 3, 2: 3, 4: 6, 5: 6, 10: 9, 11: 9, 12: 9}.items():
        np.testing.assert_array_equal(batch.motion[t], batch.motion[source])
    origins = ['held', 'propagated', 'propagated', 'coded']
    assert batch.motion_origin[:4].tolist() == origins
    assert batch.motion_origin[9:].tolist() == ['coded', 'held', 'held', 'held']
    np.testing.assert_array_equal(batch.motion_valid[1], batch.motion_valid[3])
    assert not batch.motion_valid[[0, 10, 12]].any()
    assert others.motion_origin[[0, 12]].tolist() == ['none', 'none']
    assert not others.motion[[0, 12]].any()
    np.testing.assert_array_equal(others.motion[1:12], batch.motion[1:12])


def test_all_intra_video_has_no_motion(tmp_path):
    frames = translating(5, 2, 0, 64, 64)
    path = encode(tmp_path / 'intra.mp4', frames, gop=1)
    with CompressedVideoReader(path) as reader:
        batch = reader.get_frames_at(range(5), EVERYTHING)
    assert set(batch.motion_origin) == {'none'}
    assert not batch.motion.any() and not batch.motion_valid.any()
    with CompressedVideoReader(path, motion='auto') as reader:
        assert reader.get_frames_at([2]).motion_origin[0] == 'estimated'


def test_residual_is_what_motion_leaves(clips):
    with CompressedVideoReader(clips['h264.mp4']) as reader:
        batch = reader.get_frames_at([0, 4, 5], EVERYTHING)
        alone = reader.get_frames_at([5], streams=('residual',))
        assert alone.rgb is None and alone.motion is None
    assert batch.residual.dtype == np.int16
    assert not batch.residual[0].any()
    dx, dy = VELOCITY
    exact = (batch.motion[2] == VELOCITY).all(-1).repeat(8, 0).repeat(8, 1)[dy:HEIGHT, dx:WIDTH]
    assert exact.mean() > 0.8
    before = batch.rgb[1, : HEIGHT - dy, : WIDTH - dx].astype(np.int16)
    expected = batch.rgb[2, dy:, dx:] - before
    np.testing.assert_array_equal(batch.residual[2, dy:, dx:][exact], expected[exact])
    np.testing.assert_array_equal(alone.residual[0], batch.residual[2])


def test_codec_without_vectors(clips):
    path = clips['vp9.webm']
    with CompressedVideoReader(path) as reader:
        assert reader.get_frames_at([3], streams=('rgb',)).rgb.shape == (1, HEIGHT, WIDTH, 3)
        for stream in ('motion', 'residual'):
            with pytest.raises(MotionUnavailableError, match='vp9.*estimate.*transcode') as caught:
                reader.get_frames_at([3], streams=(stream,))
            assert caught.value.path == str(path)
    with CompressedVideoReader(path, motion='auto') as reader:
        batch = reader.get_frames_at([0, 1, 7])
    images, _, _ = decode_all(path)
    assert batch.motion_origin.tolist() == ['held', 'estimated', 'estimated']
    for row, t in enumerate((1, 1, 7)):
        np.testing.assert_array_equal(batch.motion[row], estimate_motion(images[t - 1], images[t]))
    assert np.abs(np.median(batch.motion[2], axis=(0, 1)) - VELOCITY).max() < 0.3


def test_estimate_replaces_vectors(clips):
    with CompressedVideoReader(clips['h264.mp4'], motion='estimate') as reader:
        assert reader.get_frames_at([9]).motion_origin[0] == 'estimated'


@pytest.mark.parametrize('name', ['h264_open.ts', 'mpeg4_b.avi', 'h264_refresh.mp4'])
def test_keyframes_near(clips, name):
    images, _, kinds = decode_all(clips[name])
    with CompressedVideoReader(clips[name]) as reader:
        keyframes = np.array(reader.metadata.keyframes)
        assert len(keyframes) > 2 and keyframes[0] == 0
        if 'refresh' not in name:
            assert {kinds[t] for t in keyframes} == {'I'}
        batch = reader.get_keyframes_near(20, count=3)
        nearest = np.sort(np.abs(keyframes - 20))[:3]
        assert np.abs(batch.indices - 20).tolist() == nearest.tolist()
        np.testing.assert_array_equal(batch.rgb, images[batch.indices])
        near = reader.get_keyframes_near(13, count=9, max_distance=2)
        assert near.indices.tolist() == [k for k in keyframes if abs(k - 13) <= 2]
        none = reader.get_keyframes_near(18, max_distance=1)
        assert none.rgb.shape == (0, HEIGHT, WIDTH, 3)
        # Frames read afterwards are none the worse for it.
        np.testing.assert_array_equal(reader.get_frames_at([21], ('rgb',)).rgb[0], images[21])


def test_keyframes_are_decoded_alone(clips):
    with CompressedVideoReader(clips['h264.mp4']) as reader:
        decoder = reader._fetcher.decoder
        fed, feed = [], decoder.feed
        decoder.feed = lambda packet: fed.append(packet) or feed(packet)
        reader.get_keyframes_near(18, count=2)
        assert [packet.pts for packet in fed if packet is not None] == [12, 24]


def test_metadata(clips):
    with CompressedVideoReader(clips['h264_b.mkv']) as reader:
        facts = reader.metadata
    assert (facts.codec, facts.width, facts.height, facts.num_frames) == ('h264', WIDTH, HEIGHT, 40)
    assert facts.average_fps == 25 and facts.duration_seconds == pytest.approx(40 / 25)
    assert facts.keyframes == (0, 12, 24, 36) and facts.has_b_frames and facts.exports_motion
    assert facts.rotation == 0 and not facts.truncated and facts.path.endswith('h264_b.mkv')
    with CompressedVideoReader(clips['h264.mp4']) as reader:
        assert not reader.metadata.has_b_frames


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('turns', range(4))
def test_display_matrix_turns_everything(tmp_path, turns, mirrored, suffix):
    size = height, width = 100, 132
    plain = encode(tmp_path / f'plain.{suffix}', translating(8, 3, 0, *size))
    # Where the axes of the coded frame point on the screen, x to the right and y down.
    matrix = np.array([[1, 0], [0, 1]]) @ np.linalg.matrix_power([[0, -1], [1, 0]], turns)
    if mirrored:
        matrix[0] *= -1
    (a, b), (c, d) = (matrix * 2**16).tolist()
    turned = remux(
        plain,
        tmp_path / f'turned.{suffix}',
        lambda stream: stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 2**30]),
    )
    with CompressedVideoReader(plain) as reader:
        upright = reader.get_frames_at(range(8), EVERYTHING)
    with CompressedVideoReader(turned) as reader:
        facts = reader.metadata
        batch = reader.get_frames_at(range(8), EVERYTHING)
        keyframe = reader.get_keyframes_near(0)
    assert (facts.rotation, facts.mirrored) == (90 * turns, mirrored)
    assert (facts.height, facts.width) == batch.rgb.shape[1:3]

    def show(frames):
        return np.rot90(frames[:, :, ::-1] if mirrored else frames, turns, axes=(1, 2))

    np.testing.assert_array_equal(batch.rgb, show(upright.rgb))
    np.testing.assert_array_equal(keyframe.rgb, batch.rgb[:1])
    motion = flip_motion(upright.motion, size) if mirrored else upright.motion
    np.testing.assert_array_equal(batch.motion, rotate_motion(motion, turns, size))
    median = np.median(batch.motion[5][batch.motion_valid[5]], axis=0)
    np.testing.assert_allclose(median, 3 * matrix[0], atol=0.3)
    for t in range(1, 8):
        made = warp(batch.rgb[t - 1], batch.motion[t]) + batch.residual[t]
        np.testing.assert_array_equal(made, batch.rgb[t])


def test_indices_are_checked(clips):
    path = clips['h264.mp4']
    with CompressedVideoReader(path) as reader:
        for index in (-1, NUM_FRAMES, 10**6):
            with pytest.raises(FrameIndexError) as caught:
                reader.get_frames_at([0, index])
            text = str(caught.value)
            assert str(index) in text and str(NUM_FRAMES) in text and str(path) in text
            assert isinstance(caught.value, IndexError)
            with pytest.raises(FrameIndexError):
                reader.get_keyframes_near(index)
        with pytest.raises(TypeError):
            reader.get_frames_at([1.5])
        with pytest.raises(ValueError, match='depth'):
            reader.get_frames_at([1], streams=('depth',))
        assert reader.get_frames_at([]).rgb.shape == (0, HEIGHT, WIDTH, 3)
        assert reader.get_frames_at([], EVERYTHING).motion.shape == (0, 21, 25, 2)
        assert len(reader.get_frames_at(np.array([3, 2]))) == 2
    with pytest.raises(ValueError, match='guess'):
        CompressedVideoReader(path, motion='guess')


@pytest.mark.parametrize('folder', ['action', 'codecs', 'odd'])
def test_real_clips(clips_dir, folder):
    """What PyAV decodes of a whole real file, the reader gives, slice by slice."""
    for path in sorted((clips_dir / folder).glob('*.*')):
        if path.stem == 'LICENSE' or path.stat().st_size > 700_000 or path.stem == 'corrupted':
            continue
        images, _, kinds = decode_all(path)
        with CompressedVideoReader(path, motion='auto') as reader:
            count, turns = len(reader), reader.metadata.rotation // 90
            assert count == len(images), path
            start = max(count // 2 - 4, 0)
            for part in (range(start, min(start + 8, count)), range(0, count, max(count // 4, 1))):
                streams = ('rgb', 'motion') if reader.metadata.exports_motion else ('rgb',)
                batch = reader.get_frames_at(part, streams)
                expected = np.rot90(images[list(part)], turns, axes=(1, 2))
                np.testing.assert_array_equal(batch.rgb, expected, err_msg=str(path))
                assert batch.frame_types.tolist() == [kinds[t] for t in part]
                if batch.motion is not None:
                    assert set(batch.motion_origin) <= {'coded', 'held', 'propagated', 'none'}
