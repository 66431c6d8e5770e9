"""Stored flow in a pipeline: where its files are looked for, and what is said without them."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.datasets.transforms import ChooseStreams, OpenCompressedVideo
from ssvrl_mm.video import FlowFileError
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.files import find_videos
from ssvrl_mm.video.tools.flow_extraction import extract_flow_tree
from tests.clips import encode, translating

LOW = dict(flow_scale=0.5, flow_cell=2)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A data root with `videos`, the flow of which is in `low`."""
    root = tmp_path_factory.mktemp('data')
    for name, velocity in (('a/b.avi', (2, 0)), ('c.mp4', (0, -3))):
        path = root / 'videos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(path, translating(8, *velocity, 48, 64), 'mpeg4')
    (root / 'list.txt').write_text('a/b.avi 0\nc.mp4 1\n')
    options = FlowOptions(scale=0.5, cell=2)
    names = find_videos(root / 'videos')
    extract_flow_tree(root / 'videos', root / 'low', names, options, workers=0, progress=False)
    return root


@pytest.fixture
def computes_nothing(monkeypatch):
    monkeypatch.setattr('ssvrl_mm.video.flow_stream.ComputedFlow', None)


def dataset(root, data_root=None, prefix='videos', **options):
    pipeline = options.pop('pipeline', [dict(type='OpenCompressedVideo', **LOW), read_flow])
    return CompressedVideoDataset(
        'list.txt' if data_root is None else str(root / 'list.txt'),
        pipeline,
        data_root=str(root) if data_root is None else data_root,
        data_prefix=dict(video=prefix),
        test_mode=True,
        **options,
    )


def read_flow(results):
    return results['video_reader'].get_frames_at([4], ('flow',)).flow[0]


def check(found):
    np.testing.assert_allclose(np.median(found[0], axis=(0, 1)), (2, 0), atol=0.25)
    np.testing.assert_allclose(np.median(found[1], axis=(0, 1)), (0, -3), atol=0.25)
    assert len(found) == 2 and (found[0] * 8 == np.rint(found[0] * 8)).all()


@pytest.mark.usefixtures('computes_nothing')
def test_by_option_of_the_transform(root):
    pipeline = [dict(type='OpenCompressedVideo', flow_root='low', **LOW), read_flow]
    check(list(map(dataset(root, pipeline=pipeline).__getitem__, range(2))))


@pytest.mark.usefixtures('computes_nothing')
def test_by_option_of_the_dataset(root):
    for flow_root in ('low', str(root / 'low'), '../' + root.name + '/low'):
        videos = dataset(root, reader_options=dict(flow_root=flow_root))
        check([videos[0], videos[1]])


@pytest.mark.usefixtures('computes_nothing')
def test_without_data_root(root, monkeypatch):
    monkeypatch.chdir(root)
    for prefix in ('videos', 'videos/', str(root / 'videos')):
        videos = dataset(root, '', prefix, reader_options=dict(flow_root='low'))
        check([videos[0], videos[1]])


@pytest.mark.usefixtures('computes_nothing')
def test_without_dataset(root, monkeypatch):
    monkeypatch.chdir(root / 'videos')
    results = OpenCompressedVideo(flow_root='../low', **LOW)(dict(filename='c.mp4'))
    with results['video_reader']:
        assert read_flow(results).any()
    with pytest.raises(FlowFileError, match='is not below the working directory'):
        OpenCompressedVideo(flow_root='../low')(dict(filename=str(root / 'list.txt')))


@pytest.mark.usefixtures('computes_nothing')
def test_from_a_backend(root):
    pipeline = [
        dict(type='OpenCompressedVideo', backend_args=dict(backend='local'), **LOW),
        read_flow,
    ]
    videos = dataset(root, pipeline=pipeline, reader_options=dict(flow_root='low'))
    check([videos[0], videos[1]])
    missing = dataset(root, pipeline=pipeline, reader_options=dict(flow_root='nowhere'))
    with pytest.raises(FlowFileError, match='nowhere/a/b.avi.flow: LocalBackend does not give it'):
        missing[0]


def test_through_a_pipeline(root):
    """Crops and flips do to stored flow what they do to flow that is computed."""
    pipeline = [
        dict(type='OpenCompressedVideo', **LOW),
        dict(type='SampleClips', clip_len=4, num_clips=2),
        dict(type='DecodeCompressedVideo', streams=('rgb', 'flow')),
        dict(type='ClipFlip', flip_ratio=1),
        dict(type='ClipCenterCrop', size=32),
        dict(type='PackSSLInputs'),
    ]
    computed = dataset(root, pipeline=pipeline, seed=0)[0]['inputs']
    given = dict(pipeline=pipeline, seed=0, reader_options=dict(flow_root='low'))
    stored = dataset(root, **given)[0]['inputs']
    assert (stored['rgb'] == computed['rgb']).all()
    assert stored['flow'].shape == computed['flow'].shape
    assert 0 < (stored['flow'].float() - computed['flow'].float()).abs().max() <= 1 / 16 + 1e-3


def test_computed_without(root):
    found = dataset(root)[0]
    assert not (found * 8 == np.rint(found * 8)).all()


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(flow_root='nowhere'), 'nowhere/a/b.avi.flow: cannot be read'),
        (dict(flow_root='low', flow_cell=1), 'cell is 2, not 1'),
        (dict(flow_root='low', flow_span=2), 'span is 1, not 2'),
    ],
)
def test_flow_that_is_not_there(root, options, words):
    with pytest.raises(FlowFileError, match=words):
        dataset(root, reader_options=options)[0]


@pytest.mark.parametrize('streams', [('flow',), ('rgb', 'flow')])
def test_a_folder_without_flow_is_found_before_training(root, streams):
    decode = [dict(type='OpenCompressedVideo', **LOW), dict(type='DecodeCompressedVideo')]
    options = dict(flow_method='tvl1', flow_root='nowhere')
    given = dict(pipeline=decode, reader_options=options)
    with pytest.raises(FlowFileError, match='there is no flow of the videos in') as caught:
        dataset(root, streams=streams, **given)
    places = f'{root}/videos --out {root}/nowhere'
    command = f'extract_flow.py {places} --method tvl1 --scale 0.5 --cell 2'
    assert command in caught.value.reason and 'a/b.avi.flow' in caught.value.reason
    assert f'of the videos in {root}/videos; looked for' in caught.value.reason
    # No flow is asked for, it is somewhere else, or one of the two is there.
    assert len(dataset(root, streams=('rgb',), **given)) == 2
    options['flow_root'] = 's3://nowhere'
    assert len(dataset(root, streams=streams, **given)) == 2
    (root / 'one').mkdir(exist_ok=True)
    (root / 'one/c.mp4.flow').touch()
    options['flow_root'] = 'one'
    assert len(dataset(root, streams=streams, **given)) == 2


def test_the_pipeline_itself_may_ask_for_flow_that_is_not_there(root):
    steps = [
        dict(type='OpenCompressedVideo', flow_root='nowhere', flow_cell=4),
        dict(type='DecodeCompressedVideo', streams=('flow',)),
    ]
    with pytest.raises(FlowFileError, match='--out .*nowhere --method dis --scale 1 --cell 4'):
        dataset(root, pipeline=steps)
    # What the dataset says counts first.
    assert len(dataset(root, pipeline=steps, reader_options=dict(flow_root='low'))) == 2


@pytest.mark.parametrize('build', [OpenCompressedVideo, lambda **given: ChooseStreams(None, given)])
def test_contrib_is_asked_for_when_the_pipeline_is_built(monkeypatch, build):
    monkeypatch.delattr(cv2, 'optflow', raising=False)
    with pytest.raises(ImportError, match='install opencv-contrib-python'):
        build(flow_method='tvl1')
    build(flow_method='tvl1', flow_root='tvl1')
    build(flow_method='dis')


@pytest.mark.parametrize('build', [OpenCompressedVideo, lambda **given: ChooseStreams(None, given)])
@pytest.mark.parametrize(
    'options',
    [
        dict(flow_method='tvl2'),
        dict(flow_scale=0),
        dict(flow_cell=0.5),
        dict(flow_span=0),
        dict(flow_method='vectors', flow_root='low'),
        dict(flow_method='raft'),
    ],
)
def test_wrong_options_are_refused_when_built(build, options):
    with pytest.raises(ValueError):
        build(**options)
