"""Flow of a dataset from vectors, from pixels and from files: what moves where, and when."""

import numpy as np
import pytest
import torch

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.models import FlowColouring, SSLDataPreprocessor
from ssvrl_mm.video import FlowFileError, VideoTooShortError
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.files import find_videos
from ssvrl_mm.video.tools.flow_extraction import extract_flow_tree
from tests.clips import encode, texture
from tests.test_models.test_utils.test_flow_colouring import middlebury

SIZE = 64, 96
# Room for one clip of 8 frames and its flow: at a stride of 4, of 2, of 1, of none; no flow at all.
LENGTHS = {'long': 45, 'middle': 20, 'short': 11, 'shorter': 8, 'shortest': 3}
SPANS = 3, -3
LOW = dict(flow_scale=0.5, flow_cell=2)
SOURCES = {
    'vectors': dict(flow_method='vectors'),
    'computed': dict(flow_method='dis', flow_cell=1),
    'stored': dict(flow_method='dis', **LOW),
}


def place(time: int) -> np.ndarray:
    """Where the picture is: it goes right, down, and back up to the left, in turn."""
    velocities = [(3, 0)] * 5 + [(0, 2)] * 5 + [(-2, -1)] * 5
    return np.sum([velocities[t % 15] for t in range(time)] or [(0, 0)], axis=0)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    (root / 'videos').mkdir()
    canvas, (height, width) = texture(224, 256, 1, scale=8), SIZE
    for name, length in LENGTHS.items():
        corners = [(80 - y, 80 - x) for x, y in map(place, range(length))]
        frames = [canvas[y : y + height, x : x + width] for y, x in corners]
        encode(root / 'videos' / f'{name}.avi', np.stack(frames), 'mpeg4', gop=60)
    names = find_videos(root / 'videos')
    for span in SPANS:
        options = FlowOptions('dis', scale=0.5, cell=2, span=span)
        folder = root / f'flow{span}'
        extract_flow_tree(root / 'videos', folder, names, options, workers=0, progress=False)
    return root


def dataset(root, name, source, span, flip=0, **options):
    reader_options = dict(SOURCES[source], flow_span=span)
    if source == 'stored':
        reader_options['flow_root'] = f'flow{span}'
    (root / f'{name}.txt').write_text(''.join(f'{n}.avi 0\n' for n in name.split('-')))
    pipeline = [
        dict(type='OpenCompressedVideo'),
        dict(
            type='SampleClips', clip_len=8, frame_interval=4, motion_offset=span, shorten='stride'
        ),
        dict(type='ClipFlip', flip_ratio=flip),
        dict(type='DecodeCompressedVideo', flow_peak=True),
        dict(type='PackSSLInputs'),
    ]
    return CompressedVideoDataset(
        f'{name}.txt',
        pipeline,
        data_root=str(root),
        data_prefix=dict(video='videos'),
        streams=('rgb', 'flow'),
        reader_options=reader_options,
        seed=0,
        **options,
    )


def inner(flow: torch.Tensor) -> torch.Tensor:
    """Away from the border, where content comes into view: (V, 2, T, h, w) -> (V, T, 2, n)."""
    height, width = flow.shape[-2:]
    flow = flow[..., height // 4 : -height // 4, width // 4 : -width // 4]
    return flow.flatten(3).transpose(1, 2).float()


@pytest.mark.parametrize('span', SPANS)
@pytest.mark.parametrize('name', ['long', 'middle', 'short', 'shorter'])
def test_sources_agree_on_where_what_is_seen_moves_next(root, name, span):
    strides = dict(long=4, middle=2, short=1, shorter=1)
    for source in SOURCES:
        sample = dataset(root, name, source, span)[0]
        frames = sample['data_samples'].frame_inds
        assert sample['data_samples'].frame_interval == strides[name]
        assert frames.shape == (2, 8) and frames.max() + 3 < LENGTHS[name]
        # From the frame of RGB at this time to the one a span later, whatever the stride.
        truth = np.array([[place(i + 3) - place(i) for i in clip] for clip in frames])
        found = inner(sample['inputs']['flow'])
        np.testing.assert_allclose(found.median(-1).values, truth, atol=0.4, err_msg=source)
        error = (found - torch.tensor(truth)[..., None]).abs().amax(2)
        assert (error < 1).float().mean() > 0.9, source
        lengths = sample['inputs']['flow'].float().norm(dim=1).amax((-2, -1))
        assert (lengths <= sample['inputs']['flow_peak'] + 0.01).all()


@pytest.mark.parametrize('source', SOURCES)
def test_colours_tell_the_direction_and_flips_turn_it_round(root, source):
    """Mirrored pictures of flow would have the colours of what moves to the other side."""
    batch = {}
    for flip in (0, 1):
        sample = dataset(root, 'long', source, 3, flip)[0]
        data = {'inputs': {name: [clips] for name, clips in sample['inputs'].items()}}
        clips = SSLDataPreprocessor(flow=dict(normalize='peak', size='rgb'))(data)['inputs']
        assert set(clips) == {'rgb', 'flow'}
        batch[flip] = clips['flow'][0]
    assert batch[0].shape == (2, 2, 8, *SIZE)
    mirrored = batch[0].flip(-1) * torch.tensor([-1, 1]).view(2, 1, 1, 1)
    colour = FlowColouring()
    if source != 'vectors':  # whose cells lie otherwise from the right
        torch.testing.assert_close(colour(batch[1]), colour(mirrored), atol=0.1, rtol=0)
    frames = sample['data_samples'].frame_inds
    for flip, sign in ((0, 1), (1, -1)):
        for clip, time in np.ndindex(2, 8):
            truth = place(frames[clip, time] + 3) - place(frames[clip, time])
            dx, dy = truth / np.hypot(*truth)
            seen = inner(batch[flip])[clip, time].median(-1).values
            length = seen.norm()
            assert 0.3 < length <= 1
            found = inner(colour(batch[flip]))[clip, time].median(-1).values
            hue = middlebury(np.array(sign * dx), np.array(dy))
            np.testing.assert_allclose(found, 1 - length * (1 - hue), atol=0.15)


def test_videos_without_flow_are_left_out_in_training_alone(root):
    for source in ('vectors', 'computed'):
        with pytest.raises(VideoTooShortError, match=r'shortest.avi.* 3 frames, at least 4'):
            dataset(root, 'shortest', source, 3, test_mode=True)[0]
        videos = dataset(root, 'shortest-short', source, -3)
        assert [videos[n]['data_samples'].video_id for n in range(2)] == [1, 1]
        assert len(videos.too_short) == 1 and not videos.failures.tried - 2


def test_stored_flow_has_the_span_it_has(root):
    """Another one is refused, whatever room clips leave: the stride alone is ever lowered."""
    videos = dataset(root, 'long', 'stored', 3, test_mode=True)
    videos.pipeline.transforms[0].reader_options['flow_root'] = 'flow-3'
    with pytest.raises(FlowFileError, match=r'span is -3, not 3.*--span 3'):
        videos[0]
