"""The longest vector of whole frames' flow: against scaling whole maps by hand."""

import random

import numpy as np
import pytest
import torch

from ssvrl_mm.datasets.transforms import (
    ClipFlip,
    ClipRandomResizedCrop,
    ClipResize,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    PMSPLabels,
    ReverseClips,
    RotateClips,
)
from ssvrl_mm.datasets.transforms.flow_peak import WholeFlow
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.flow_extraction import extract_flow
from tests.clips import encode, texture
from tests.test_datasets.test_transforms.test_flow import SIZE, STEPS

NUMBERS = [[5, 6, 7], [8, 9, 9]]
SOURCES = {
    'vectors': dict(flow_method='vectors', flow_span=3),
    'dense': dict(flow_cell=1, flow_span=-2),
    'stored': dict(flow_scale=0.5, flow_cell=2, flow_root='flow'),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A clip that zooms in: its vectors are longest at the border, which crops cut off."""
    folder = tmp_path_factory.mktemp('clip')
    height, width = SIZE
    canvas = texture(2 * height, 2 * width, 1, scale=8)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    frames = []
    for t in range(14):
        rows = height + (y - height / 2) * 0.97**t
        cols = width + (x - width / 3) * 0.97**t
        frames.append(canvas[np.rint(rows).astype(int), np.rint(cols).astype(int)])
    encode(folder / 'clip.avi', np.stack(frames), 'mpeg4')
    options = FlowOptions('dis', scale=0.5, cell=2)
    (folder / 'flow').mkdir()
    extract_flow(folder / 'clip.avi', folder / 'flow' / 'clip.avi.flow', options)
    return folder


def opened(folder, options, monkeypatch):
    monkeypatch.chdir(folder)
    results = OpenCompressedVideo(**options)(dict(filename='clip.avi'))
    return dict(results, frame_inds=np.array(NUMBERS), num_clips=2, clip_len=3)


def run(results, steps, seed=3):
    random.seed(seed)
    for step in steps:
        results = step(results)
    return results


def scales(steps, shape=SIZE, seed=3):
    """What the steps scale vectors by: two fields of one px, along x and along y."""
    ones = np.ones((6, *shape, 2), np.float32)
    results = dict(
        flow=ones, flow_cell=1, num_clips=2, img_shape=shape, frame_inds=np.zeros((2, 3))
    )
    return np.abs(run(results, steps, seed)['flow'][:, 0, 0])


@pytest.mark.parametrize('steps', STEPS, ids=repr)
@pytest.mark.parametrize('source', SOURCES)
def test_peaks_are_those_of_whole_frames_whatever_crops_cut(folder, steps, source, monkeypatch):
    options = SOURCES[source]
    decode = DecodeCompressedVideo(('rgb', 'flow'), flow_peak=True)
    before, after = (
        run(opened(folder, options, monkeypatch), chain)
        for chain in ([*steps, decode], [decode, *steps])
    )
    for key in ('flow', 'flow_valid', 'flow_peak', 'imgs'):
        np.testing.assert_array_equal(before[key], after[key], err_msg=key)
    with opened(folder, options, monkeypatch)['video_reader'] as reader:
        whole = reader.get_frames_at(np.ravel(NUMBERS), ('flow',)).flow
    factors = scales(steps)
    whole = np.tile(whole, (len(factors) // 6, 1, 1, 1)) * factors[:, None, None]
    expected = np.hypot(whole[..., 0], whole[..., 1]).max(axis=(1, 2))
    assert before['flow_peak'].dtype == np.float32 and expected.min() > 1
    np.testing.assert_allclose(before['flow_peak'], expected, rtol=1e-5)
    lengths = np.hypot(*np.moveaxis(before['flow'], -1, 0)).max(axis=(1, 2))
    assert (lengths <= before['flow_peak'] * (1 + 1e-5)).all()


def test_steps_on_both_sides_of_decoding(folder, monkeypatch):
    steps = [ClipResize((80, 64)), ClipRandomResizedCrop(40), ClipFlip(1)]
    decode = DecodeCompressedVideo(('flow',), flow_peak=True)
    made = [
        run(opened(folder, SOURCES['vectors'], monkeypatch), [*steps[:n], decode, *steps[n:]])
        for n in range(4)
    ]
    for other in made[1:]:
        np.testing.assert_array_equal(made[0]['flow_peak'], other['flow_peak'])


def test_peaks_are_packed_and_only_if_asked_for(folder, monkeypatch):
    chain = [ClipRandomResizedCrop(40), DecodeCompressedVideo(('rgb', 'flow'), flow_peak=True)]
    results = run(opened(folder, SOURCES['vectors'], monkeypatch), chain)
    inputs = PackSSLInputs()(results)['inputs']
    assert inputs['flow_peak'].shape == (2, 3) and inputs['flow_peak'].dtype == torch.float32
    np.testing.assert_array_equal(inputs['flow_peak'].ravel(), results['flow_peak'])
    plain = run(opened(folder, SOURCES['vectors'], monkeypatch), [DecodeCompressedVideo(('flow',))])
    assert plain.keys().isdisjoint({'flow_peak', 'whole_flow'})
    assert set(PackSSLInputs()(plain)['inputs']) == {'flow'}
    # Without flow there is nothing to tell.
    rgb = DecodeCompressedVideo(('rgb',), flow_peak=True)
    rgb = run(opened(folder, SOURCES['vectors'], monkeypatch), [rgb])
    assert set(PackSSLInputs()(rgb)['inputs']) == {'rgb'}
    assert 'flow_peak=True' in repr(chain[1])


def test_clips_of_flow_may_be_others_than_those_of_rgb(folder, monkeypatch):
    results = opened(folder, SOURCES['vectors'], monkeypatch)
    views = dict(flow=[0, 1, 0], motion=[0, 1, 0])
    results |= dict(motion_inds=np.array([[5], [9], [5]]), stream_views=views)
    steps = [ClipRandomResizedCrop(40), ReverseClips(1.0), RotateClips()]
    decode = DecodeCompressedVideo(('rgb', 'flow'), flow_peak=True)
    made = run(results, [decode, *steps])
    first, second, third = made['flow_peak']
    assert first == third != second
    assert PackSSLInputs()(made)['inputs']['flow_peak'].shape == (3, 1)


def test_peaks_go_with_clips_that_are_reversed_turned_and_thinned_out(folder, monkeypatch):
    """Turned by a quarter, what was scaled along x is scaled along y from then on."""
    options = dict(SOURCES['vectors'], flow_cell=4)
    decode = DecodeCompressedVideo(('motion', 'flow'), flow_peak=True)

    def peaks(*steps):
        return run(opened(folder, options, monkeypatch), [decode, *steps])['flow_peak']

    plain = peaks()
    np.testing.assert_array_equal(peaks(ReverseClips(1.0)), plain.reshape(2, 3)[:, ::-1].ravel())
    np.testing.assert_array_equal(peaks(ReverseClips(0.0)), plain)
    thinned = peaks(PMSPLabels(num_gops=1, keep=(2,), grids=(1,), windows=(1,)))
    np.testing.assert_array_equal(thinned, plain[[2, 5]])

    square = ClipResize((96, 96), motion_stride=8)
    for turns in range(4):
        monkeypatch.setattr('random.randrange', lambda _, turns=turns: turns)
        wide, high = ClipResize((96, 192)), ClipResize((192, 96))
        expected = peaks(square, high if turns % 2 else wide)
        np.testing.assert_allclose(peaks(square, RotateClips(), wide), expected, rtol=1e-6)
        assert (expected > peaks(square)).all()


def test_vectors_that_are_none():
    maps = np.zeros((4, 2, 3, 2), np.float32)
    maps[0, 0, 0] = 3, -4
    maps[1, 0, :2] = [[np.nan, 90], [6, 8]]
    maps[2, 0, :2] = [[1, np.inf], [5, 12]]
    assert WholeFlow(maps).peaks() == [5, 10, 13, 0]
    scaled = [np.hypot(12, 3), np.hypot(24, 6), np.hypot(20, 9), 0]
    assert WholeFlow(maps, (4.0, 0.75)).peaks() == pytest.approx(scaled)


@pytest.mark.parametrize(('span', 'offset'), [(3, 2), (1, 8), (3, -3)])
def test_room_and_span_have_to_agree(folder, span, offset, monkeypatch):
    options = dict(flow_method='vectors', flow_span=span)
    results = dict(opened(folder, options, monkeypatch), motion_offset=offset)
    with pytest.raises(ValueError, match=f'motion_offset={offset}, the reader flow_span={span}'):
        DecodeCompressedVideo(('flow',))(results)
    results = dict(opened(folder, options, monkeypatch), motion_offset=offset)
    assert 'imgs' in DecodeCompressedVideo(('rgb', 'motion'))(results)
    with CompressedVideoReader('clip.avi', **options) as reader:
        assert reader.flow_span == span
