"""Clips from video files and from JPEG files."""

import numpy as np
import pytest

from ssvrl_mm.inference_benchmark import clips
from ssvrl_mm.inference_benchmark.clips import ClipReader, StoredClipReader, read_gops
from ssvrl_mm.inference_benchmark.networks import context_motion_config, two_stream_config
from ssvrl_mm.inference_benchmark.stored_frames import store_frames
from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError
from tests.clips import encode, translating

FRAMES = 100


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """GOPs of 12."""
    folder = tmp_path_factory.mktemp('video')
    return str(encode(folder / 'a.avi', translating(FRAMES, 1, 0, 72, 96), 'mpeg4'))


@pytest.fixture(scope='module')
def two_streams():
    return two_stream_config(0.125)


@pytest.mark.parametrize(
    ('protocol', 'views'),
    # Windows that move by 16: from 0 to 64, and the last one.
    [('one_clip', 1), ('ten_clips', 10), ('three_crops', 3), ('ten_crops', 6 * 10)],
)
def test_frames_and_vectors(protocol, views, video, two_streams):
    read = ClipReader(clips.two_stream_steps(two_streams, protocol), ('rgb', 'motion'))
    inputs = read(video)['inputs']
    assert inputs['rgb'].shape == (views, 3, 32, 128, 128)
    assert inputs['motion'].shape[:3] == (views, 2, 32)


def test_stored_frames_are_cropped_and_packed_alike(video, two_streams, tmp_path):
    store_frames(video, tmp_path, 'dis')
    steps = clips.two_stream_steps(two_streams, 'three_crops')
    loaded = StoredClipReader(steps)(tmp_path, FRAMES)['inputs']
    read = clips.flow_as_motion(ClipReader(steps, ('rgb', 'flow'))(video))['inputs']
    assert loaded.keys() == read.keys() == {'rgb', 'motion'}
    for name, atol in (('rgb', 12), ('motion', 0.2)):
        assert loaded[name].shape == read[name].shape and loaded[name].dtype == read[name].dtype
        assert (loaded[name].float() - read[name].float()).abs().mean() < atol
    # Enlarged from 72 px to 144.
    assert loaded['motion'][:, 0].float().median() == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(('protocol', 'count'), [('one_clip', 1), ('ten_crops', 10)])
def test_context_motion(protocol, count, video):
    steps = clips.context_motion_steps(context_motion_config(1.0), protocol)
    inputs = ClipReader(steps, ('rgb', 'motion', 'iframe'))(video)['inputs']
    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    assert shapes['rgb'] == (count, 3, 16, 112, 112)
    assert shapes['iframe'] == (count, 3, 112, 112)
    assert shapes['motion'][:3] == (count, 2, 8)


def test_readers_meet_files_as_if_for_the_first_time(video, two_streams, monkeypatch):
    steps = clips.two_stream_steps(two_streams, 'one_clip')
    known = []
    monkeypatch.setattr(clips, 'run', lambda *_: known.append(len(clips.known_videos)))
    with CompressedVideoReader(video) as reader:
        len(reader)
    ClipReader(steps, ('rgb',))(video)
    assert known == [0]


def test_options_of_the_reader(video, two_streams, tmp_path):
    vp9 = {'deadline': 'realtime', 'cpu-used': '8'}
    frames = translating(4, 1, 0, 48, 64)
    other = str(encode(tmp_path / 'b.webm', frames, 'libvpx-vp9', options=vp9))
    read = ClipReader(clips.two_stream_steps(two_streams, 'one_clip'), ('rgb', 'motion'))
    with pytest.raises(MotionUnavailableError, match='b.webm'):
        read(other)
    assert set(read(other, motion='estimate')['inputs']) == {'rgb', 'motion'}


def test_gops_of_imrnet(video, tmp_path):
    # 8 whole GOPs, of which the middle five begin with the second.
    (batch,) = read_gops(video, 'one_clip')
    assert batch.indices.tolist() == [12, 24, 36, 48, 60]
    assert set(batch.frame_types.tolist()) == {'I'}
    expected = [12 * gop + p for gop in range(1, 6) for p in (2, 4, 6, 8, 10)]
    with CompressedVideoReader(video, accumulate=True) as reader:
        apart = reader.get_frames_at(expected, ('motion', 'residual'))
    assert np.array_equal(batch.motion, apart.motion)
    assert np.array_equal(batch.residual, apart.residual)
    # Since the I-frame.
    assert np.median(batch.motion[::5, ..., 0]) == pytest.approx(2, abs=0.3)
    assert np.median(batch.motion[4::5, ..., 0]) == pytest.approx(10, abs=0.5)
    firsts = [batch.indices[0] for batch in read_gops(video, 'ten_clips')]
    assert len(firsts) == 10 and firsts[0] == 0 and firsts[-1] == 36


def test_short_videos_start_over(tmp_path):
    for length, iframes in ((30, [0, 12, 0, 12, 0]), (7, [0] * 5)):
        path = encode(tmp_path / f'{length}.avi', translating(length, 1, 0, 48, 64), 'mpeg4')
        (batch,) = read_gops(str(path), 'one_clip')
        assert batch.indices.tolist() == iframes and len(batch.motion) == 25


def test_width(two_streams):
    for classifier in two_streams.model.classifiers.values():
        assert (classifier.backbone.width, classifier.cls_head.in_channels) == (0.125, 128)
    assert {b.width for b in context_motion_config(0.5).model.backbones.values()} == {0.5}
