"""Files that are not what they should be: typed errors, or what can be read of them."""

import io
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from ssvrl_mm.video import (
    CompressedVideoReader,
    FrameIndexError,
    MotionUnavailableError,
    NoVideoStreamError,
    VideoDecodeError,
    VideoError,
    VideoOpenError,
)
from tests.clips import H264, H264_B, encode, translating
from tests.test_video.files import damage_slice, damaged_h264, packet_places

EVERYTHING = ('rgb', 'motion', 'residual')


@pytest.fixture(scope='module')
def frames():
    return translating(30, 2, 1, 80, 96)


def decode_what_goes(path):
    """What PyAV decodes if errors are caught per packet: frames by the time of their packet."""
    images = []
    with av.open(str(path)) as container:
        # With threads, damage is not concealed.
        container.streams.video[0].codec_context.thread_count = 1
        for packet in container.demux(video=0):
            try:
                images += [frame.to_ndarray(format='rgb24') for frame in packet.decode()]
            except av.FFmpegError:
                continue
    return np.stack(images)


@pytest.mark.parametrize('suffix', ['mp4', 'avi', 'mkv', 'txt', 'bin'])
@pytest.mark.parametrize('content', [b'', b'no video at all\n' * 200, bytes(4096)])
def test_no_video(tmp_path, suffix, content):
    path = tmp_path / f'clip.{suffix}'
    path.write_bytes(content)
    with pytest.raises(VideoOpenError, match=str(path)) as caught:
        CompressedVideoReader(path)
    assert caught.value.path == str(path) and caught.value.reason


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / 'none.mp4', tmp_path):
        with pytest.raises(VideoOpenError, match=str(path)):
            CompressedVideoReader(path)


def test_mp4_without_its_header(tmp_path, frames):
    whole = encode(tmp_path / 'whole.mp4', frames).read_bytes()
    path = tmp_path / 'cut.mp4'
    path.write_bytes(whole[: whole.index(b'moov') - 4])
    with pytest.raises(VideoOpenError, match=str(path)):
        CompressedVideoReader(path)


def test_audio_only(tmp_path):
    path = tmp_path / 'sound.wav'
    with wave.open(str(path), 'wb') as sound:
        sound.setparams((1, 2, 8000, 0, 'NONE', ''))
        sound.writeframes(bytes(1600))
    with pytest.raises(NoVideoStreamError, match='only audio') as caught:
        CompressedVideoReader(path)
    assert isinstance(caught.value, VideoError) and caught.value.path == str(path)


def test_unknown_source():
    with pytest.raises(TypeError, match='int'):
        CompressedVideoReader(5)


def test_bytes_and_file_objects(tmp_path, frames):
    path = encode(tmp_path / 'a:clip.mp4', frames)
    with CompressedVideoReader(path) as reader:
        expected = reader.get_frames_at([3, 20])
    with open(path, 'rb') as file:
        data = path.read_bytes()
        buffers = data, bytearray(data), memoryview(b'..' + data)[2:], io.BytesIO(data)
        for source in (*buffers, file):
            with CompressedVideoReader(source, cache_bytes=0) as reader:
                batch = reader.get_frames_at([3, 20])
                np.testing.assert_array_equal(batch.rgb, expected.rgb)
                np.testing.assert_array_equal(batch.motion, expected.motion)
        assert str(path) in repr(reader)


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, io.BytesIO])
def test_errors_of_bytes_and_file_objects(kind, frames, tmp_path):
    with pytest.raises(VideoOpenError, match='s3://clips/a.mp4: cannot') as caught:
        CompressedVideoReader(kind(b'no video'), name='s3://clips/a.mp4')
    assert caught.value.path == 's3://clips/a.mp4'
    with pytest.raises(VideoOpenError, match='<8 bytes>|<BytesIO>'):
        CompressedVideoReader(kind(b'no video'))
    path = encode(tmp_path / 'clip.mp4', frames[:3])
    with CompressedVideoReader(kind(path.read_bytes()), name='s3://b') as reader:
        assert reader.metadata.path == reader.path == 's3://b'
        with pytest.raises(FrameIndexError, match='s3://b'):
            reader.get_frames_at([3])


def test_frames_larger_than_allowed(tmp_path, frames):
    path = encode(tmp_path / 'clip.mp4', frames[:6])
    with pytest.raises(VideoOpenError, match='96x80 px.*max_pixels') as caught:
        CompressedVideoReader(path, max_pixels=96 * 80 - 1)
    assert caught.value.path == str(path)
    with CompressedVideoReader(path, max_pixels=96 * 80) as reader:
        assert not reader.get_frames_at(range(6)).lost.any()
    # What grows on the way is lost.
    small = encode(tmp_path / 'small.h264', frames[:12])
    large = encode(tmp_path / 'large.h264', translating(12, 4, 2, 304, 400))
    both = tmp_path / 'both.h264'
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with CompressedVideoReader(both, max_pixels=96 * 80) as reader:
        lost = reader.get_frames_at(range(len(reader))).lost
    assert not lost[:12].any() and lost[12:].all()


@pytest.mark.parametrize('size', [(12, 64), (64, 8)])
def test_frames_too_small_for_optical_flow(tmp_path, size):
    path = encode(tmp_path / 'clip.mp4', translating(6, 1, 0, *size), gop=1)
    for streams in (('motion',), ('residual',)):
        with CompressedVideoReader(path, 'estimate') as reader:
            assert reader.get_frames_at([2], ('rgb',)).rgb.shape == (1, *size, 3)
            with pytest.raises(MotionUnavailableError, match='less than 16 px') as caught:
                reader.get_frames_at([2], streams)
        assert caught.value.path == str(path)
    with CompressedVideoReader(path, 'auto') as reader:
        assert reader.get_frames_at([2]).motion_origin[0] == 'none'


@pytest.mark.parametrize('name', ['clip.mp4', 'clip.mkv', 'clip.ts'])
def test_uneven_times(tmp_path, frames, name):
    """Frames are numbered in the order of their times, which are told as they are."""
    times = np.cumsum(np.random.default_rng(0).integers(1, 9, len(frames)))
    path = tmp_path / name
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=100, options=H264_B)
        stream.height, stream.width = frames.shape[1:3]
        stream.codec_context.gop_size = 12
        stream.codec_context.time_base = Fraction(1, 100)
        for image, time in zip(frames, times.tolist(), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expected = decode_what_goes(path)
    with CompressedVideoReader(path) as reader:
        assert len(reader) == len(frames)
        batch = reader.get_frames_at(range(len(frames)))
        facts = reader.metadata
    with CompressedVideoReader(path) as reader:
        np.testing.assert_array_equal(reader.get_frames_at([17]).rgb[0], expected[17])
    np.testing.assert_array_equal(batch.rgb, expected)
    shown = batch.pts_seconds - batch.pts_seconds[0]
    np.testing.assert_allclose(shown, (times - times[0]) / 100, atol=1.1e-3)
    assert facts.start_seconds == batch.pts_seconds[0]


def test_edit_list(tmp_path, frames):
    """An edit list that leaves the first frames out: they are decoded, but not counted."""
    path = encode(tmp_path / 'clip.mp4', frames)
    with CompressedVideoReader(path) as reader:
        whole = reader.get_frames_at(range(30), EVERYTHING)
    with av.open(str(path)) as container:
        ticks = int(1 / 25 / container.streams.video[0].time_base)
    data = bytearray(path.read_bytes())
    entry = data.index(b'elst') + 12  # after version, flags and count
    data[entry + 4 : entry + 8] = (5 * ticks).to_bytes(4, 'big')
    path.write_bytes(data)
    with av.open(str(path)) as container:
        expected = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert len(expected) == 25
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 25
        batch = reader.get_frames_at(range(25), EVERYTHING)
        assert reader.metadata.keyframes == (7, 19)
    np.testing.assert_array_equal(batch.rgb, expected)
    np.testing.assert_array_equal(batch.motion, whole.motion[5:])
    np.testing.assert_array_equal(batch.residual[1:], whole.residual[6:])
    assert batch.pts_seconds[0] == pytest.approx(0, abs=1e-3)
    with CompressedVideoReader(path) as reader:
        np.testing.assert_array_equal(reader.get_frames_at([3, 9]).rgb, batch.rgb[[3, 9]])


def test_corruption_in_the_middle(tmp_path, frames):
    path = damaged_h264(tmp_path, frames, 8)
    expected = decode_what_goes(path)
    assert len(expected) == 29
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 30
        batch = reader.get_frames_at(range(30), EVERYTHING)
        assert np.flatnonzero(batch.lost).tolist() == [8] and batch.num_lost == 1
        np.testing.assert_array_equal(batch.rgb[~batch.lost], expected)
        np.testing.assert_array_equal(batch.rgb[8], batch.rgb[7])
        assert batch.motion_origin[8] == 'held' and not batch.motion_valid[8].any()
        np.testing.assert_array_equal(batch.motion[8], batch.motion[7])
    for part in ([8], [9], range(5, 12), [8, 8, 0]):
        with CompressedVideoReader(path) as reader:
            again = reader.get_frames_at(part, EVERYTHING)
        for name in ('rgb', 'motion', 'residual', 'lost', 'motion_origin'):
            np.testing.assert_array_equal(getattr(again, name), getattr(batch, name)[list(part)])


def test_corruption_can_be_an_error(tmp_path, frames):
    path = damaged_h264(tmp_path, frames, 8)
    with CompressedVideoReader(path, on_error='raise') as reader:
        assert reader.get_frames_at([7, 14]).num_lost == 0
        with pytest.raises(VideoDecodeError, match='frame 8') as caught:
            reader.get_frames_at([7, 8])
        assert caught.value.path == str(path)
        # The reader lives on.
        assert len(reader.get_frames_at([20])) == 1


def test_first_frames_lost(tmp_path, frames):
    path = damaged_h264(tmp_path, frames, 0)
    with CompressedVideoReader(path) as reader:
        batch = reader.get_frames_at(range(14))
        first = int(np.argmin(batch.lost))
        assert first > 0
        for row in range(first):
            np.testing.assert_array_equal(batch.rgb[row], batch.rgb[first])


def test_nothing_decodes(tmp_path, frames):
    path = encode(tmp_path / 'clip.mp4', frames[:3])
    for place in packet_places(path):
        damage_slice(path, *place)
    with pytest.raises(VideoDecodeError, match='not one'), CompressedVideoReader(path) as reader:
        reader.get_frames_at([0])


def test_truncated_avi(tmp_path, frames):
    path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    with CompressedVideoReader(path) as reader:
        assert not reader.metadata.truncated
        expected = reader.get_frames_at(range(17))
    position, _ = packet_places(path)[18]
    path.write_bytes(path.read_bytes()[: position - 8])
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 18
        assert reader.metadata.truncated and reader.metadata.num_missing == 12
        np.testing.assert_array_equal(reader.get_frames_at(range(17)).rgb, expected.rgb)
    with pytest.raises(VideoDecodeError, match='12 of 30'):
        CompressedVideoReader(path, on_error='raise')


@pytest.mark.parametrize(
    ('name', 'codec', 'options'),
    [
        ('clip.ts', 'libx264', {**H264_B, 'x264-params': 'open-gop=1:min-keyint=12'}),
        ('clip.ts', 'mpeg2video', {'bf': '2'}),
        ('clip.h264', 'libx264', H264),
    ],
)
def test_no_keyframe_at_the_start(tmp_path, frames, name, codec, options):
    path = encode(tmp_path / name, frames, codec, options=options)
    position, _ = packet_places(path)[4]
    path.write_bytes(path.read_bytes()[position:])
    expected = decode_what_goes(path)
    with CompressedVideoReader(path) as reader:
        assert 0 < len(reader) < 30
        batch = reader.get_frames_at(range(len(reader)))
        assert not batch.lost.any()
        # A decoder may show what comes before the first keyframe, in grey.
        np.testing.assert_array_equal(batch.rgb, expected[-len(reader) :])
        np.testing.assert_array_equal(reader.get_frames_at([5]).motion[0], batch.motion[5])


def test_size_changes(tmp_path, frames):
    small = encode(tmp_path / 'small.h264', frames[:12])
    large = encode(tmp_path / 'large.h264', translating(12, 4, 2, 160, 192))
    path = tmp_path / 'both.h264'
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with CompressedVideoReader(path) as reader:
        assert len(reader) == 24
        batch = reader.get_frames_at(range(24), EVERYTHING)
        again = reader.get_frames_at(range(10, 16), EVERYTHING)
    height, width = batch.rgb.shape[1:3]
    assert (height, width) == (80, 96)  # those of the first frame
    assert batch.motion.shape[1:3] == (-(-height // 8), -(-width // 8))
    scale = height / 160
    medians = [np.median(batch.motion[t][batch.motion_valid[t]], axis=0) for t in (6, 18)]
    np.testing.assert_allclose(medians[1], np.multiply((4, 2), scale), atol=0.2)
    np.testing.assert_allclose(medians[0], np.multiply((2, 1), height / 80), atol=0.2)
    np.testing.assert_array_equal(again.motion, batch.motion[10:16])
    np.testing.assert_array_equal(again.rgb, batch.rgb[10:16])
    reader = CompressedVideoReader(path, on_size_change='raise')
    with reader, pytest.raises(VideoDecodeError, match='px, the video'):
        reader.get_frames_at([2, 20])


def test_metadata_in_another_encoding(clips_dir):
    name = 'hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi'
    with CompressedVideoReader(clips_dir / 'action' / name) as reader:
        batch = reader.get_frames_at(range(0, len(reader), 20))
    assert batch.rgb.shape == (5, 240, 320, 3)


def test_corrupted_real_file(clips_dir):
    """PyAV's own iteration dies on it; packet by packet all frames but one come out."""
    path = clips_dir / 'odd' / 'corrupted.mp4'
    expected = decode_what_goes(path)
    with CompressedVideoReader(path) as reader:
        batch = reader.get_frames_at(range(len(reader)))
        assert np.array_equal(batch.rgb[~batch.lost], expected)
    with CompressedVideoReader(path) as reader:
        assert np.array_equal(reader.get_frames_at(range(20, 30)).rgb, batch.rgb[20:30])


def test_closed_reader(tmp_path, frames):
    reader = CompressedVideoReader(encode(tmp_path / 'clip.mp4', frames[:3]))
    reader.close()
    reader.close()
    with pytest.raises(VideoError, match='closed'):
        reader.get_frames_at([0])
