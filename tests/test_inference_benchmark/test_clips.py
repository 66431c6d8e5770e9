"""Clips from video files and from JPEG files."""

import pytest

from ssvrl_mm.inference_benchmark import clips
from ssvrl_mm.inference_benchmark.clips import ClipReader, StoredClipReader
from ssvrl_mm.inference_benchmark.networks import (
    context_motion_config,
    coviar_config,
    imrnet_config,
    two_stream_config,
)
from ssvrl_mm.inference_benchmark.stored_frames import store_frames
from ssvrl_mm.video import CompressedVideoReader, GOPStructureError, MotionUnavailableError
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


def test_frames_that_follow_one_another(video, two_streams):
    steps = clips.rgb_steps(two_streams, 'one_clip', 7, 64, 48)
    (clip,) = ClipReader(steps, ('rgb',))(video)['inputs']['rgb']
    assert clip.shape == (3, 7, 48, 48)
    with CompressedVideoReader(video) as reader:
        middle = (FRAMES - 7) // 2
        whole = reader.get_frames_at(range(middle, middle + 7), ('rgb',)).rgb
    # As bright as these frames, which move; made smaller, and cut.
    centre = whole[:, 9:63, 21:75].mean((1, 2, 3))
    assert clip.float().mean((0, 2, 3)).numpy() == pytest.approx(centre, abs=4)


@pytest.mark.parametrize(
    ('protocol', 'views'),
    [('one_clip', 1), ('three_crops', 3), ('ten_clips', 30), ('ten_crops', 30)],
)
def test_protocols_of_gops(protocol, views):
    opened, sample, *_ = clips.gop_steps(imrnet_config(18, 0.05), protocol)
    crops = 1 if protocol == 'one_clip' else 3
    assert opened['type'] == 'OpenCompressedVideo'
    assert sample['num_clips'] * crops == views and sample['mode'] == 'real'


def test_gops_of_imrnet(video, tmp_path):
    steps = clips.gop_steps(imrnet_config(18, 0.05), 'one_clip')
    inputs = ClipReader(steps, ('iframe', 'motion', 'residual'))(video)['inputs']
    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    assert shapes['iframe'] == (1, 3, 5, 224, 224) and shapes['residual'] == (1, 3, 25, 224, 224)
    assert shapes['motion'][:3] == (1, 2, 25)
    other = str(encode(tmp_path / 'b.avi', translating(30, 1, 0, 48, 64), 'mpeg4', gop=10))
    with pytest.raises(GOPStructureError, match='b.avi'):
        ClipReader(steps, ('iframe', 'motion', 'residual'))(other)


def test_only_coviar_accumulates(video):
    moved = {}
    for name, config in (('imrnet', imrnet_config(18, 0.05)), ('coviar', coviar_config())):
        dataset = config.test_dataloader.dataset
        read = ClipReader(clips.gop_steps(config, 'one_clip'), dataset.streams)
        motion = read(video, **dataset.reader_options)['inputs']['motion'][0, 0].float()
        moved[name] = [float(motion[place].median()) for place in (0, 4)]
    # The 2nd and the 10th P-frame of a group move by one px of 72, here 256, each.
    assert moved['imrnet'] == pytest.approx([3.6, 3.6], abs=0.5)
    assert moved['coviar'] == pytest.approx([7.1, 35.6], abs=1)


def test_width(two_streams):
    for classifier in two_streams.model.classifiers.values():
        assert (classifier.backbone.width, classifier.cls_head.in_channels) == (0.125, 128)
    assert {b.width for b in context_motion_config(0.5).model.backbones.values()} == {0.5}
