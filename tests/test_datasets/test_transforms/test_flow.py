"""Flow in pipelines: read, cropped and flipped with the pixels, packed."""

import random

import cv2
import numpy as np
import pytest
import torch

from ssvrl_mm.datasets.transforms import (
    ChooseStreams,
    ClipCenterCrop,
    ClipFlip,
    ClipRandomResizedCrop,
    ClipResize,
    ClipTenCrop,
    ClipThreeCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
)
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating

SIZE = (97, 131)
STEPS = [
    [ClipFlip(1.0)],
    [ClipFlip(1.0, direction='vertical')],
    [ClipResize(size=(64, 80))],
    [ClipResize(short_side=80, flow_stride=4)],
    [ClipCenterCrop(56)],
    [ClipResize(short_side=80), ClipCenterCrop((56, 49), flow_stride=2), ClipFlip(0.5)],
    [ClipRandomResizedCrop(56, area_range=(0.4, 0.9)), ClipFlip(0.5)],
    [ClipRandomResizedCrop(57, area_range=(0.4, 0.9), per_clip=False, flow_stride=8)],
    [ClipThreeCrop(64)],
    [ClipTenCrop(48, flow_stride=3)],
]


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.mkv'
    frames = translating(14, 2, -1, *SIZE)
    return str(encode(path, frames, 'ffv1', pix_fmt='bgr0', options={}))


def opened(clip, frame_inds, **options):
    results = OpenCompressedVideo('auto', **options)(dict(filename=clip))
    frame_inds = np.array(frame_inds)
    return dict(results, frame_inds=frame_inds, num_clips=len(frame_inds), clip_len=2)


def decode(results, streams=('rgb', 'flow')):
    return DecodeCompressedVideo(streams)(results)


@pytest.mark.parametrize('cell', [1, 2, 4])
def test_flow_is_that_of_the_reader(clip, cell):
    options = dict(flow_cell=cell, flow_span=-2)
    results = decode(opened(clip, [[3, 4], [4, 9]], **options), ('flow',))
    with CompressedVideoReader(clip, 'auto', **options) as reader:
        batch = reader.get_frames_at([3, 4, 4, 9], ('flow',))
        assert reader.flow_cell == cell
    np.testing.assert_array_equal(results['flow'], batch.flow)
    np.testing.assert_array_equal(results['flow_valid'], batch.flow_valid)
    assert results['flow'].dtype == np.float32 and results['flow_cell'] == cell
    assert 'motion' not in results and 'imgs' not in results
    other = dict(opened(clip, [[3, 4]], **options), motion_inds=np.array([[4, 9]]))
    np.testing.assert_array_equal(decode(other, ('rgb', 'flow'))['flow'], batch.flow[2:])


@pytest.mark.parametrize('steps', STEPS, ids=repr)
@pytest.mark.parametrize('cell', [1, 2])
def test_steps_before_decoding_and_after_it(clip, steps, cell):
    made = []
    for before in (True, False):
        random.seed(3)
        results = opened(clip, [[5, 6], [8, 9]], flow_cell=cell)
        chain = [*steps, decode] if before else [decode, *steps]
        for step in chain:
            results = step(results)
        made.append(results)
    for key in ('flow', 'flow_valid', 'imgs'):
        np.testing.assert_array_equal(made[0][key], made[1][key], err_msg=key)
    for key in ('flow_cell', 'img_shape', 'num_clips'):
        assert made[0][key] == made[1][key], key


@pytest.mark.parametrize('steps', STEPS, ids=repr)
@pytest.mark.parametrize('cell', [1, 2, 4])
def test_flow_says_where_the_pixels_went(clip, steps, cell):
    """A picture of places stands for the frame, and flow tells the place of its cells."""
    random.seed(5)
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    image = np.stack([x, y, np.zeros_like(x)], -1).astype(np.float32) + 0.5
    rows, cols = -(-height // cell), -(-width // cell)
    y, x = (
        np.minimum((np.arange(n) + 0.5) * cell, (n * cell - cell + side) / 2)
        for n, side in ((rows, height), (cols, width))
    )
    places = np.stack(np.meshgrid(x, y), -1).astype(np.float32)
    results = dict(
        imgs=[image] * 2,
        flow=np.stack([places] * 2),
        flow_valid=np.ones((2, rows, cols), bool),
        flow_cell=cell,
        num_clips=2,
        img_shape=SIZE,
        frame_inds=np.array([[0], [1]]),
    )
    for step in steps:
        results = step(results)
    stride = results['flow_cell']
    grid = tuple(-(-side // stride) for side in results['img_shape'])
    assert results['flow'].shape == (len(results['imgs']), *grid, 2)
    assert results['flow_valid'].shape == results['flow'].shape[:-1] and results['flow_valid'].all()
    most = len(steps) * cell / 2 + 0.6  # the cell under the centre of the new one, step by step
    for shown, flow in zip(results['imgs'], results['flow'], strict=True):
        # Vectors are scaled and mirrored: px of the new frame per px of the old one.
        wide = np.median(np.diff(shown[..., 0], axis=1))
        high = np.median(np.diff(shown[..., 1], axis=0))
        for row, col in np.ndindex(*grid):
            block = shown[row * stride :, col * stride :][:stride, :stride]
            away = flow[row, col] * (wide, high) - block.mean(axis=(0, 1))[:2]
            assert np.abs(away).max() <= most


def test_vectors_follow_crop_and_flip(clip):
    """What moves by (2, -1) in a frame enlarged twice along x and mirrored moves by (-4, -1)."""
    results = opened(clip, [[5, 6]], flow_method='farneback')
    results['num_clips'] = 1
    for step in (ClipResize(size=(97, 262)), ClipFlip(1.0), decode):
        results = step(results)
    assert results['flow'].shape == (2, 97, 262, 2)
    assert np.median(results['flow'], axis=(0, 1, 2)) == pytest.approx((-4, -1), abs=0.1)


def test_flow_is_packed_as_halves(clip):
    results = decode(opened(clip, [[5, 6, 7], [8, 9, 10]], flow_span=2, flow_cell=2))
    results = ClipCenterCrop(56)(results)
    flow, valid = results['flow'], results['flow_valid']
    inputs = PackSSLInputs(with_valid=True)(results)['inputs']
    assert set(inputs) == {'rgb', 'flow', 'flow_valid'}
    assert inputs['flow'].shape == (2, 2, 3, 28, 28) and inputs['flow'].dtype == torch.float16
    assert inputs['flow'].is_contiguous()
    expected = flow.astype(np.float16).reshape(2, 3, 28, 28, 2).transpose(0, 4, 1, 2, 3)
    np.testing.assert_array_equal(inputs['flow'], expected)
    np.testing.assert_array_equal(inputs['flow_valid'], valid.reshape(2, 1, 3, 28, 28))
    alone = PackSSLInputs()(dict(flow=flow, num_clips=2))['inputs']
    assert set(alone) == {'flow'}


def test_clips_of_flow_may_be_others_than_those_of_rgb(clip):
    """Three clips of flow, two of which share the view of the clip of RGB."""
    results = opened(clip, [[2, 3]], flow_cell=1)
    results |= dict(
        motion_inds=np.array([[2, 3], [5, 6], [2, 3]]), stream_views=dict(flow=[0, 1, 0])
    )
    random.seed(2)
    for step in (ClipRandomResizedCrop(40), decode, PackSSLInputs()):
        results = step(results)
    flow = results['inputs']['flow']
    assert flow.shape == (3, 2, 2, 40, 40) and results['inputs']['rgb'].shape[0] == 1
    assert torch.equal(flow[0], flow[2]) and not torch.equal(flow[0], flow[1])


@pytest.mark.parametrize(
    ('options', 'error', 'told'),
    [
        (dict(flow_method='tvl2'), ValueError, 'tvl2'),
        (dict(flow_span=0), ValueError, 'flow_span'),
        (dict(flow='dis'), TypeError, "no option 'flow'"),
        (dict(flow_metod='dis'), TypeError, r"'flow_metod'; did you mean flow_method\b"),
        (dict(flow_rot='a'), TypeError, 'did you mean flow_root'),
        (dict(iframe_motion='hald'), ValueError, 'hald'),
        (dict(on_error='raize'), ValueError, 'raize'),
        (dict(on_size_change='crop'), ValueError, 'crop'),
        (dict(motion='estimate', flow_method='vectors'), ValueError, "'vectors'"),
    ],
)
def test_wrong_options_end_the_building_of_a_pipeline(options, error, told):
    with pytest.raises(error, match=told):
        OpenCompressedVideo(**options)
    with pytest.raises(error, match=told):
        ChooseStreams(('flow',), options)


def test_tvl1_without_contrib_ends_it_too(monkeypatch):
    options = dict(flow_method='tvl1')
    OpenCompressedVideo(**options)
    monkeypatch.delattr(cv2, 'optflow')
    for build in (
        lambda: OpenCompressedVideo(**options),
        lambda: ChooseStreams(reader_options=options),
        lambda: TRANSFORMS.build(dict(type='OpenCompressedVideo', **options)),
    ):
        with pytest.raises(ImportError, match='opencv-contrib-python'):
            build()
    OpenCompressedVideo()
    with pytest.raises(ValueError, match='flow_stride.*0'):
        ClipResize(short_side=8, flow_stride=0)
