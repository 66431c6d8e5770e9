"""Re-encoded videos, looked at with plain PyAV; and runs that are killed."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError, VideoOpenError
from ssvrl_mm.video.errors import VideoError
from ssvrl_mm.video.tools.encoding import EncoderSettings
from ssvrl_mm.video.tools.files import VideoFilesError, find_videos
from ssvrl_mm.video.tools.transcode import TranscodeError, transcode_tree, transcode_video
from tests.clips import H264, H264_B, encode, texture, translating
from tests.test_video.files import damaged_h264

NUM_FRAMES, VELOCITY = 30, (3, 1)
PRESETS = ('mpeg4-gop12', 'h264-nob')
SOURCES = {
    'h264_b.mkv': ('libx264', {**H264_B, 'refs': '3'}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'vp9.webm': ('libvpx-vp9', {'deadline': 'realtime', 'cpu-used': '8'}),
}


@pytest.fixture(scope='module')
def frames():
    moved = translating(NUM_FRAMES, *VELOCITY, 96, 128, seed=3)
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in moved])


@pytest.fixture(scope='module')
def sources(tmp_path_factory, frames):
    folder = tmp_path_factory.mktemp('sources')
    return {
        name: encode(folder / name, frames, codec, gop=250, options=options)
        for name, (codec, options) in SOURCES.items()
    }


def decode(path, export=False):
    """Frames, their types, their times and their vectors, as PyAV has them."""
    images, kinds, seconds, vectors = [], [], [], []
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        context.thread_count = 1
        if export:
            context.options = {'flags2': '+export_mvs'}
        for frame in container.decode(video=0):
            images.append(frame.to_ndarray(format='rgb24'))
            kinds.append(av.video.frame.PictureType(frame.pict_type).name)
            seconds.append(float(frame.pts * frame.time_base))
            found = frame.side_data.get('MOTION_VECTORS') if export else None
            vectors.append(None if found is None else found.to_ndarray().copy())
    return np.stack(images), ''.join(kinds), np.array(seconds), vectors


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def gray(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize('preset', PRESETS)
@pytest.mark.parametrize('name', SOURCES)
@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_structure_pixels_and_times(tmp_path, sources, preset, name, suffix):
    source, target = sources[name], tmp_path / f'clip{suffix}'
    result = transcode_video(source, target, EncoderSettings(preset))
    assert (result.status, result.num_frames, result.num_replaced) == ('written', NUM_FRAMES, 0)
    assert result.target_bytes == target.stat().st_size
    with av.open(str(target)) as container:
        (stream,) = container.streams
        assert stream.codec_context.codec.canonical_name == {'m': 'mpeg4', 'h': 'h264'}[preset[0]]
        assert not stream.codec_context.has_b_frames
        assert stream.average_rate == 25
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert [i for i, packet in enumerate(packets) if packet.is_keyframe] == [0, 12, 24]
    images, kinds, seconds, vectors = decode(target, export=True)
    assert kinds == ('I' + 11 * 'P') * 2 + 'IPPPPP'
    assert all(v is None or (v['source'] < 0).all() for v in vectors)
    start = seconds[0] if suffix == '.avi' else 0  # where AVI starts is anybody's guess
    np.testing.assert_allclose(seconds - start, np.arange(NUM_FRAMES) / 25, atol=6e-4)
    original, _, _, _ = decode(source)
    assert psnr(images, original) > 35
    # In every P-frame the vectors span one frame, so they need no normalisation.
    for number in range(NUM_FRAMES):
        if kinds[number] == 'P':
            found = vectors[number]
            motion = [found[f'motion_{axis}'] / found['motion_scale'] for axis in 'xy']
            np.testing.assert_allclose(-np.median(motion, axis=1), VELOCITY, atol=0.3)


@pytest.mark.parametrize('preset', PRESETS)
def test_quality_and_gop(tmp_path, sources, preset):
    source = sources['h264_b.mkv']
    original = decode(source)[0]
    levels, sizes = [], []
    for quality in (2, 12, 30):
        target = tmp_path / f'{quality}.mp4'
        transcode_video(source, target, EncoderSettings(preset, quality, gop=5))
        images, kinds, _, _ = decode(target)
        assert kinds == 'IPPPP' * 6
        levels.append(psnr(images, original))
        sizes.append(target.stat().st_size)
    assert levels == sorted(levels)[::-1] and sizes == sorted(sizes)[::-1]


@pytest.mark.parametrize('preset', PRESETS)
def test_short_side(tmp_path, preset):
    image = cv2.GaussianBlur(texture(96, 130, seed=4, scale=16), (0, 0), 6)
    source = encode(tmp_path / 'clip.mp4', [image] * 3)
    target = tmp_path / 'small.mp4'
    transcode_video(source, target, EncoderSettings(preset, 2, short_side=48))
    small = decode(target)[0]
    assert small.shape[1:3] == (48, 64)
    expected = cv2.resize(decode(source)[0][0], (64, 48), interpolation=cv2.INTER_AREA)
    assert psnr(gray(small[0]), gray(expected)) > 42
    assert psnr(small, expected) > 32  # colour has half the resolution
    target = tmp_path / 'same.mp4'
    transcode_video(source, target, EncoderSettings(preset, short_side=200))
    assert decode(target)[0].shape[1:3] == (96, 130)


@pytest.mark.parametrize(('suffix', 'fps'), [('.avi', 30), ('.mp4', Fraction(30000, 1001))])
def test_another_rate(tmp_path, suffix, fps):
    """Pictures of even brightness tell which frame of the source is shown."""
    levels = np.arange(40, 40 + 5 * NUM_FRAMES, 5)
    still = [np.full((64, 96, 3), level, np.uint8) for level in levels]
    source = encode(tmp_path / 'source.mp4', still, options={**H264, 'qp': '10'})
    target = tmp_path / f'target{suffix}'
    result = transcode_video(source, target, EncoderSettings(fps=fps))
    assert (result.num_frames, result.num_replaced) == (36, 0)  # 1.2 s
    images, kinds, seconds, _ = decode(target)
    assert kinds == ('I' + 'P' * 11) * 3
    np.testing.assert_allclose(seconds, np.arange(36) / float(fps), atol=1e-4)
    found = (images.mean(axis=(1, 2, 3)) - 40) / 5
    asked = np.arange(36) / float(fps) * 25
    assert np.abs(found - asked).max() < 0.5 + 0.3
    assert np.abs(found - np.rint(found)).max() < 0.3
    again = transcode_video(source, target, EncoderSettings(fps=fps))
    assert (again.status, again.num_frames) == ('skipped', 36)
    fewer = transcode_video(source, target, EncoderSettings(fps=12.5))
    assert (fewer.status, fewer.num_frames) == ('written', 15)
    assert np.abs((decode(target)[0].mean(axis=(1, 2, 3)) - 40) / 5 - 2 * np.arange(15)).max() < 0.3


def test_a_damaged_time_is_not_filled_with_frames(tmp_path):
    (tmp_path / 'in').mkdir()
    with av.open(str(tmp_path / 'in/gap.mkv'), 'w') as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, 'yuv420p'
        for number in (0, 1, 2, 25 * 86400):
            picture = av.VideoFrame.from_ndarray(texture(64, 96), format='rgb24')
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    encode(tmp_path / 'in/good.mp4', [texture(64, 96)] * 5)
    source, target = tmp_path / 'in/gap.mkv', tmp_path / 'gap.mp4'
    settings = EncoderSettings(fps=30)
    with pytest.raises(
        TranscodeError, match=r'gap\.mkv: frame 2, .* repeated for 43200 s'
    ) as caught:
        transcode_video(source, target, settings)
    assert caught.value.path == str(source) and not target.exists()
    bad, good = transcode_tree(
        tmp_path / 'in', tmp_path / 'out', ['gap.mkv', 'good.mp4'], settings, workers=0
    )
    assert (bad.status, good.status) == ('failed', 'written') and 'repeated' in bad.reason
    assert transcode_video(source, tmp_path / 'kept.mp4').num_frames == 4


@pytest.mark.parametrize('preset', PRESETS)
def test_scene_cuts_start_no_gop(tmp_path, preset):
    shots = [texture(64, 80, seed) for seed in (1, 2, 3)]
    source = encode(tmp_path / 'clip.mp4', np.repeat(shots, [5, 10, 15], axis=0))
    transcode_video(source, tmp_path / 'copy.mp4', EncoderSettings(preset))
    assert decode(tmp_path / 'copy.mp4')[1] == ('I' + 11 * 'P') * 2 + 'IPPPPP'


def test_the_way_out_of_unavailable_motion(tmp_path, sources):
    """What the error about VP9's vectors advises, done."""
    reader = CompressedVideoReader(sources['vp9.webm'])
    advice = pytest.raises(MotionUnavailableError, match=r'ssvrl_mm\.video\.tools\.transcode')
    with reader, advice:
        reader.get_frames_at([5])
    target = tmp_path / 'clip.webm'  # the name stays, and readers look at the content
    transcode_video(sources['vp9.webm'], target)
    with CompressedVideoReader(target) as reader:
        batch = reader.get_frames_at(range(1, 12))
    assert set(batch.motion_origin) == {'coded'}
    fields = zip(batch.motion, batch.motion_valid, strict=True)
    medians = [np.median(motion[valid], axis=0) for motion, valid in fields]
    np.testing.assert_allclose(medians, np.tile(VELOCITY, (11, 1)), atol=0.3)


@pytest.mark.parametrize('preset', PRESETS)
def test_varying_frame_rate(tmp_path, frames, preset):
    steps = np.random.default_rng(0).integers(11, 90, NUM_FRAMES)
    times = np.cumsum(steps)
    source = tmp_path / 'vfr.mkv'
    with av.open(str(source), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options=H264)
        stream.height, stream.width = frames.shape[1:3]
        stream.codec_context.time_base = Fraction(1, 1000)
        for image, pts in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts, frame.time_base = int(pts), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for suffix, tolerance in (('.mp4', 1e-4), ('.mkv', 6e-4)):
        transcode_video(source, tmp_path / f'copy{suffix}', EncoderSettings(preset))
        seconds = decode(tmp_path / f'copy{suffix}')[2]
        np.testing.assert_allclose(seconds, (times - times[0]) / 1000, atol=tolerance)
    transcode_video(source, tmp_path / 'copy.avi', EncoderSettings(preset))
    seconds = decode(tmp_path / 'copy.avi')[2]
    assert len(seconds) == NUM_FRAMES
    np.testing.assert_allclose(np.diff(seconds), np.diff(times).mean() / 1000, rtol=1e-3)


def test_turned_real_clips(clips_dir, tmp_path):
    for name in ('video_90.mov', 'video_180.mov', 'video_270.mov'):
        source, target = clips_dir / 'odd' / name, tmp_path / name
        transcode_video(source, target, EncoderSettings(quality=1))
        with CompressedVideoReader(source) as reader:
            expected = reader.get_frames_at(range(len(reader)), streams=('rgb',)).rgb
        with av.open(str(target)) as container:
            images = list(container.decode(video=0))
        assert all(frame.rotation == 0 for frame in images)
        images = np.stack([frame.to_ndarray(format='rgb24') for frame in images])
        assert psnr(images, expected) > 36


def test_full_range_and_sound(tmp_path, frames):
    """Colours stay, whatever range they are coded in; sound goes."""
    source, target = tmp_path / 'clip.mkv', tmp_path / 'clip.mp4'
    with av.open(str(source), 'w') as container:
        sound = container.add_stream('pcm_s16le', rate=8000, layout='mono')
        stream = container.add_stream('mjpeg', rate=25, options={'qmin': '1', 'qmax': '1'})
        stream.pix_fmt = 'yuvj420p'
        stream.height, stream.width = frames.shape[1:3]
        noise = av.AudioFrame.from_ndarray(np.ones((1, 800), np.int16), layout='mono')
        noise.sample_rate = 8000
        container.mux(sound.encode(noise))
        for image in frames[:5]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))
    with av.open(str(source)) as container:
        assert {stream.type for stream in container.streams} == {'audio', 'video'}
    transcode_video(source, target, EncoderSettings(quality=1))
    with av.open(str(target)) as container:
        assert [stream.type for stream in container.streams] == ['video']
    images, original = decode(target)[0], decode(source)[0]
    assert psnr(images, original) > 35
    assert abs(images.mean() - original.mean()) < 1


def test_damaged_frames_are_replaced(tmp_path, frames):
    source, target = damaged_h264(tmp_path, frames, 8), tmp_path / 'copy.mp4'
    result = transcode_video(source, target, EncoderSettings(quality=1))
    assert (result.num_frames, result.num_replaced) == (NUM_FRAMES, 1)
    with CompressedVideoReader(source) as reader:
        expected = reader.get_frames_at(range(NUM_FRAMES), streams=('rgb',))
    assert expected.lost.nonzero()[0].tolist() == [8]
    assert psnr(decode(target)[0], expected.rgb) > 36
    # The first frames can be missing as well.
    (tmp_path / 'first').mkdir()
    source = damaged_h264(tmp_path / 'first', frames, 0)
    result = transcode_video(source, target)
    assert result.status == 'written' and result.num_frames == NUM_FRAMES
    assert result.num_replaced > 0
    assert len(decode(target)[0]) == NUM_FRAMES


def test_existing_targets(tmp_path, sources, frames):
    source, target = tmp_path / 'source.mkv', tmp_path / 'target.mp4'
    source.write_bytes(sources['h264_b.mkv'].read_bytes())
    settings = EncoderSettings(quality=5)
    assert transcode_video(source, target, settings).status == 'written'
    content = target.read_bytes()
    again = transcode_video(source, target, settings)
    assert (again.status, again.num_frames) == ('skipped', NUM_FRAMES)
    # Other settings, another source, a target cut short or emptied: it is written anew.
    assert transcode_video(source, target, EncoderSettings(quality=9)).status == 'written'
    assert transcode_video(source, target, settings).status == 'written'
    for damage in (content[: len(content) // 2], b''):
        target.write_bytes(damage)
        assert transcode_video(source, target, settings).status == 'written'
        assert target.read_bytes() == content
    encode(source, frames[:20])
    assert transcode_video(source, target, settings).num_frames == 20
    # Other people's videos stay, unless they may go.
    other = encode(tmp_path / 'other.mp4', frames[:5]).read_bytes()
    target.write_bytes(other)
    with pytest.raises(TranscodeError, match='of another origin') as caught:
        transcode_video(source, target, settings)
    assert caught.value.path == str(target) and target.read_bytes() == other
    assert transcode_video(source, target, settings, overwrite=True).status == 'written'
    with pytest.raises(TranscodeError, match='the source itself'):
        transcode_video(source, source, settings, overwrite=True)


def test_failures_leave_nothing(tmp_path, frames):
    text = tmp_path / 'text.mp4'
    text.write_text('no video\n')
    folder = tmp_path / 'out'
    with pytest.raises(VideoOpenError, match='text.mp4'):
        transcode_video(text, folder / 'text.mp4')
    with pytest.raises(VideoError, match='none.mp4'):
        transcode_video(tmp_path / 'none.mp4', folder / 'none.mp4')
    source = encode(tmp_path / 'clip.mp4', frames[:3])
    with pytest.raises(TranscodeError, match='cannot be written'):
        transcode_video(source, text / 'below' / 'clip.mp4')
    assert not list(folder.glob('**/*.*'))


def test_tree(tmp_path, sources, frames):
    source, target = tmp_path / 'videos', tmp_path / 'gop12'
    for name in ('a/one.mkv', 'b/deep/two 2.avi', 'three.webm'):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        kind = next(path for key, path in sources.items() if key.endswith(name[-4:]))
        (source / name).write_bytes(kind.read_bytes())
    (source / 'a' / 'bad.mp4').write_bytes(b'')
    names = find_videos(source)
    results = transcode_tree(source, target, names, workers=2, progress=False)
    assert [result.status for result in results] == ['failed', 'written', 'written', 'written']
    assert 'bad.mp4' in results[0].reason
    written = sorted(p.relative_to(target).as_posix() for p in target.rglob('*') if p.is_file())
    assert written == ['a/one.mkv', 'b/deep/two 2.avi', 'three.webm']
    for name in written:
        assert decode(target / name)[1].count('I') == 3
    results = transcode_tree(source, target, names[1:], workers=0, progress=False)
    assert {result.status for result in results} == {'skipped'}
    # One suffix for all.
    results = transcode_tree(
        source, tmp_path / 'mp4', names[1:], suffix='.mp4', workers=0, progress=False
    )
    assert [result.status for result in results] == ['written'] * 3
    assert (tmp_path / 'mp4' / 'b' / 'deep' / 'two 2.mp4').is_file()


def test_trees_that_cannot_be(tmp_path):
    with pytest.raises(VideoFilesError, match='both become'):
        transcode_tree(tmp_path / 'a', tmp_path / 'b', ['x.avi', 'x.mkv'], suffix='.mp4')
    for target in (tmp_path / 'a', tmp_path / 'a' / 'b'):
        with pytest.raises(VideoFilesError, match='lies in'):
            transcode_tree(tmp_path / 'a', target, ['x.avi'])
    with pytest.raises(VideoFilesError, match='not a place below'):
        transcode_tree(tmp_path / 'a', tmp_path / 'b', ['../x.avi'])


@pytest.mark.parametrize('whole_group', [False, True], ids=['terminated', 'group killed'])
def test_killed_runs_go_on(tmp_path, whole_group):
    source, target = tmp_path / 'videos', tmp_path / 'out'
    source.mkdir()
    clip = encode(source / '0.avi', translating(40, 2, 1, 240, 320), 'mpeg4')
    for number in range(1, 8):
        (source / f'{number}.avi').write_bytes(clip.read_bytes())
    command = [sys.executable, '-m', 'ssvrl_mm.video', 'transcode', str(source), str(target)]
    command += ['--preset', 'h264-nob', '--workers', '1', '--quiet']
    run = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait_for(lambda: target.is_dir() and list(target.glob('[0-9].avi')))
        _wait_for(lambda: list(target.glob('.*.partial')))
        os.killpg(run.pid, signal.SIGKILL) if whole_group else run.terminate()
        assert run.wait(20) == (-signal.SIGKILL if whole_group else 128 + signal.SIGTERM)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    if not whole_group:  # it had time to clean up
        assert not list(target.glob('.*'))
    done = {path: path.stat().st_mtime_ns for path in target.glob('[0-9].avi')}
    assert 0 < len(done) < 8
    for path in done:
        assert len(decode(path)[0]) == 40
    names = find_videos(source)
    settings = EncoderSettings('h264-nob')
    results = transcode_tree(source, target, names, settings, workers=0, progress=False)
    skipped = {result.target for result in results if result.status == 'skipped'}
    assert skipped == {str(path) for path in done}
    assert all(result.status == 'written' for result in results if result.target not in skipped)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert sorted(path.name for path in target.iterdir()) == sorted(names)


def _wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
