"""What reports say about videos, against counts with plain PyAV."""

import json
import os
import wave

import av
import numpy as np
import pytest

from ssvrl_mm.video.tools import health as health_module
from ssvrl_mm.video.tools.health import (
    as_json,
    check_video,
    coviar_obstacles,
    inspect_video,
    inspect_videos,
    usable_for,
)
from ssvrl_mm.video.tools.health_report import dataset_report, summarize, video_report
from tests.clips import H264, H264_B, encode, translating
from tests.test_video.files import damage_slice, damaged_h264, packet_places

NUM_FRAMES = 40
VARIANTS = {
    'gop12.avi': ('mpeg4', 12, {}),
    'gop30.mp4': ('mpeg4', 30, {}),
    'xvid.avi': ('mpeg4', 250, {'bf': '2'}),
    'h264.mp4': ('libx264', 12, H264),
    'h264_b.mkv': ('libx264', 25, H264_B),
    'mpeg2.mpg': ('mpeg2video', 15, {'bf': '2'}),
    'vp9.webm': ('libvpx-vp9', 20, {'deadline': 'realtime', 'cpu-used': '8'}),
}


@pytest.fixture(scope='module')
def frames():
    return translating(NUM_FRAMES, 2, 1, 88, 104, seed=6)


@pytest.fixture(scope='module')
def clips(tmp_path_factory, frames):
    folder = tmp_path_factory.mktemp('clips')
    return {
        name: encode(folder / name, frames, codec, gop=gop, options=options)
        for name, (codec, gop, options) in VARIANTS.items()
    }


def count(path):
    """Types, numbers of the keyframes, and for each frame the share of its cells under a vector."""
    kinds, keys, shares = '', [], []
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        context.thread_count = 1
        context.options = {'flags2': '+export_mvs'}
        for frame in container.decode(video=0):
            keys += [len(kinds)] * frame.key_frame
            kinds += av.video.frame.PictureType(frame.pict_type).name
            vectors = frame.side_data.get('MOTION_VECTORS')
            covered = np.zeros((frame.height, frame.width), bool)
            for v in [] if vectors is None else vectors.to_ndarray():
                left, top = int(v['dst_x']) - v['w'] // 2, int(v['dst_y']) - v['h'] // 2
                covered[max(top, 0) : top + v['h'], max(left, 0) : left + v['w']] = True
            shares.append(covered[::8, ::8].mean())
    return kinds, keys, np.array(shares)


@pytest.mark.parametrize('name', VARIANTS)
@pytest.mark.parametrize('full', [False, True])
def test_facts(clips, name, full):
    path = clips[name]
    health = inspect_video(path, full)
    kinds, keys, shares = count(path)
    end = len(kinds)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert health.codec == stream.codec_context.codec.canonical_name
        assert health.container == container.format.name
        assert health.fps == pytest.approx(float(stream.average_rate))
    assert health.readable and health.problems == () and health.full is full
    assert (health.width, health.height, health.rotation) == (104, 88, 0)
    assert health.num_frames == end == NUM_FRAMES
    assert health.duration_seconds == pytest.approx(NUM_FRAMES / 25, abs=2e-3)
    assert health.file_bytes == os.path.getsize(path)
    assert (health.num_lost, health.num_missing, health.varying_rate) == (0, 0, False)
    assert health.num_checked == NUM_FRAMES if full else 0 < health.num_checked < NUM_FRAMES
    assert health.gop_max == max(np.diff([*keys, end]))
    assert health.gop_median == np.median(np.diff(keys) if len(keys) > 1 else [end])
    assert health.exports_motion is ('vp9' not in name)
    if full or health.exports_motion:
        expected = [kinds.count(kind) / NUM_FRAMES for kind in 'IPB']
        found = [health.i_share, health.p_share, health.b_share]
        np.testing.assert_allclose(found, expected)
    else:
        assert health.b_share is None
    if not health.exports_motion:
        assert health.motion_frames == 0 and health.motion_cells is None
        return
    if health.codec == 'mpeg4':  # B-frames come with vectors, but these are all zero
        shares[np.array(list(kinds)) == 'B'] = 0
    # At the end of the file decoders may give the last frame away without its vectors.
    bare = kinds[-1] != 'I' and not shares[-1]
    assert health.motion_frames == pytest.approx((np.sum(shares > 0) + bare) / NUM_FRAMES)
    tolerance = 1e-6 if full and not bare else 0.1
    assert health.motion_cells == pytest.approx(shares[shares > 0].mean(), abs=tolerance)


def test_usable_for(clips):
    def advice(name):
        return list(usable_for(inspect_video(clips[name])).values())

    assert advice('gop12.avi') == ['yes', 'yes, as it is', 'yes, as it is']
    _, motion, coviar = advice('h264_b.mkv')
    assert motion == 'yes, as it is'
    for part in ('--preset mpeg4-gop12', 'is h264', '% B-frames', 'up to 25 frames', 'per frame'):
        assert part in coviar
    _, motion, coviar = advice('vp9.webm')
    assert "motion='auto'" in motion and 'vp9' in motion and 'per frame' not in coviar
    reasons = coviar_obstacles(inspect_video(clips['gop30.mp4']))
    assert reasons == ['up to 30 frames from one I-frame to the next']


def test_no_vectors_at_all(tmp_path, frames):
    health = inspect_video(encode(tmp_path / 'intra.mp4', frames[:6], gop=1))
    assert health.exports_motion and health.motion_frames == 0 and health.i_share == 1
    assert "motion='auto'" in usable_for(health)['RGB and motion (MVCGC, CoCLR)']


@pytest.mark.parametrize('content', [b'', b'no video at all\n' * 100])
def test_no_video(tmp_path, content):
    path = tmp_path / 'clip.mp4'
    path.write_bytes(content)
    health = inspect_video(path)
    assert not health.readable and health.file_bytes == len(content)
    (problem,) = health.problems
    assert problem == 'is empty' if not content else 'cannot be opened' in problem
    assert usable_for(health) == {'any': 'not usable'}
    assert 'cannot be opened' in check_video(path)


def test_missing_and_audio_only(tmp_path):
    health = inspect_video(tmp_path / 'none.mp4')
    assert not health.readable and 'No such file' in health.problems[0]
    with wave.open(str(tmp_path / 'sound.wav'), 'wb') as sound:
        sound.setparams((1, 2, 8000, 0, 'NONE', ''))
        sound.writeframes(bytes(1600))
    assert 'only audio' in inspect_video(tmp_path / 'sound.wav').problems[0]
    assert 'No such file' in check_video(tmp_path / 'none.mp4')
    assert 'only audio' in check_video(tmp_path / 'sound.wav')


def test_truncated(tmp_path, frames):
    path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    position, _ = packet_places(path)[18]
    path.write_bytes(path.read_bytes()[: position - 8])
    health = inspect_video(path)
    assert health.readable and (health.num_frames, health.num_missing) == (18, 22)
    assert 'truncated: 22 of 40 frames' in health.problems[0]


def test_damage_in_the_middle(tmp_path, frames):
    path = damaged_h264(tmp_path, frames, 17)
    health = inspect_video(path, full=True)
    assert health.readable and health.num_lost == 1 and health.num_frames == NUM_FRAMES
    assert '1 of 40 frames that were read cannot be decoded: 17' in health.problems[0]
    # A few frames from elsewhere do not tell.
    assert inspect_video(path, sample=1).problems == ()


def test_damage_that_the_decoder_conceals(tmp_path, frames):
    path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    position, size = packet_places(path)[15]
    data = bytearray(path.read_bytes())
    data[position + size // 2 : position + size] = bytes(size - size // 2)
    path.write_bytes(data)
    level = av.logging.get_level()
    health = inspect_video(path, full=True)
    assert av.logging.get_level() == level
    assert health.readable and health.num_lost == 0
    (problem,) = health.problems
    assert problem.startswith('damaged between frames 0 and 31: ')


def test_nothing_decodes(tmp_path, frames):
    path = encode(tmp_path / 'clip.mp4', frames[:3])
    for place in packet_places(path):
        damage_slice(path, *place)
    health = inspect_video(path)
    assert not health.readable and 'not one of its frames' in health.problems[0]
    assert check_video(path) == health.problems[0]


def test_size_changes(tmp_path, frames):
    small = encode(tmp_path / 'small.h264', frames[:12])
    large = encode(tmp_path / 'large.h264', translating(12, 4, 2, 160, 192))
    path = tmp_path / 'both.h264'
    path.write_bytes(small.read_bytes() + large.read_bytes())
    health = inspect_video(path, full=True)
    assert health.readable and health.num_frames == 24
    assert any('px, the video' in problem for problem in health.problems)


def test_what_is_readable_passes_the_quick_check(clips, tmp_path, frames):
    damaged = damaged_h264(tmp_path, frames, 0)
    for path in (*clips.values(), damaged):
        assert inspect_video(path).readable and check_video(path) is None


def test_many_videos(clips, monkeypatch):
    paths = [*clips.values()][:2]
    reports = dict(inspect_videos(paths, workers=1))
    assert reports == {number: inspect_video(path) for number, path in enumerate(paths)}

    def crash(function, items, workers):
        yield 1, RuntimeError('the process died')

    monkeypatch.setattr(health_module, 'map_in_processes', crash)
    ((number, report),) = inspect_videos(paths)
    assert number == 1 and report.path == str(paths[1])
    assert not report.readable and report.problems == ('the process died',)


def test_summary_and_reports(clips, tmp_path):
    (tmp_path / 'empty.mp4').touch()
    healths = [inspect_video(path) for path in [*clips.values(), tmp_path / 'empty.mp4']]
    summary = summarize(healths)
    assert summary == json.loads(json.dumps(summary))
    assert [summary[key] for key in ('videos', 'readable', 'unreadable')] == [8, 7, 1]
    assert summary['frames'] == 7 * NUM_FRAMES
    assert summary['hours'] == pytest.approx(7 * NUM_FRAMES / 25 / 3600, rel=2e-3)
    videos = {codec: part['videos'] for codec, part in summary['codecs'].items()}
    assert videos == {'mpeg4': 3, 'h264': 2, 'mpeg2video': 1, 'vp9': 1}
    assert summary['codecs']['h264']['gop_max'] == 25
    assert sum(summary['largest_gop'].values()) == sum(summary['b_frames'].values()) == 7
    assert summary['largest_gop']['2-12'] == 2 and summary['largest_gop']['31-120'] == 1
    assert summary['b_frames']['none'] == 3 and summary['b_frames']['not known'] == 1
    assert (summary['motion_from_codec'], summary['coviar_as_it_is']) == (6, 1)
    text = dataset_report(healths)
    assert '7 readable' in text and f'{tmp_path / "empty.mp4"}: is empty' in text
    assert 'mpeg2video' in text and '1 (14%) as they are' in text
    for health in healths:
        assert health.path in video_report(health)
        facts = json.loads(json.dumps(as_json(health)))
        assert facts['num_frames'] == health.num_frames and facts['usable_for']
    assert summarize([])['videos'] == 0 and '0 videos' in dataset_report([])


def test_real_clips(clips_dir):
    ucf = inspect_video(clips_dir / 'action' / 'v_SoccerJuggling_g23_c01.avi', full=True)
    assert (ucf.codec, ucf.gop_max, ucf.b_share, ucf.problems) == ('mpeg4', 12, 0, ())
    assert coviar_obstacles(ucf) == []
    corrupted = inspect_video(clips_dir / 'odd' / 'corrupted.mp4', full=True)
    assert 'NAL' in corrupted.problems[0]
    turned = inspect_video(clips_dir / 'odd' / 'video_90.mov')
    assert (turned.rotation, turned.width, turned.height) == (270, 320, 568)
