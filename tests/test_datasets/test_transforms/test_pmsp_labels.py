"""Labels of motion statistics in the pipeline: of the clips as they are shown."""

import random

import cv2
import numpy as np
import pytest

from ssvrl_mm.datasets.motion_statistics import pmsp_labels
from ssvrl_mm.datasets.transforms import (
    ClipCenterCrop,
    ClipFlip,
    ClipMultiScaleCrop,
    ClipThreeCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    PMSPLabels,
    RotateClips,
    SampleClips,
)
from tests.clips import encode, texture

STREAMS = ('rgb', 'motion', 'residual')


def moving_object(row, col, num_frames=21, size=128):
    """A texture in which a square of 24 px about (row, col) moves to and fro by 3 px a frame."""
    still, patch = texture(size, size, seed=1), texture(48, 48, seed=2)
    frames = []
    for t in range(num_frames):
        frame, shift = still.copy(), 3 * (t % 8 - 4) if t % 8 < 4 else 3 * (4 - t % 8)
        frame[row - 12 : row + 12, col - 12 : col + 12] = cv2.warpAffine(
            patch, np.float32([[1, 0, shift - 12], [0, 1, -12]]), (24, 24), flags=cv2.INTER_NEAREST
        )
        frames.append(frame)
    return np.stack(frames)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """Of 4 x 4 cells its object is in the middle of one, in the third row and second column."""
    path = tmp_path_factory.mktemp('clip') / 'clip.avi'
    return str(encode(path, moving_object(80, 48), codec='mpeg4', gop=12))


def run(path, steps, streams=STREAMS, clip_len=4, seed=0, **sample):
    random.seed(seed)
    results = dict(filename=path, streams=streams)
    for step in [OpenCompressedVideo(), SampleClips(clip_len, num_clips=2, **sample), *steps]:
        results = step(results)
    return results


LABELS = PMSPLabels(num_gops=2, windows=(1, 2))
#: Frames 4 to 7 and 13 to 16, in which the object moves one way.
MIDDLE = dict(test_mode=True, stride=9, part=(4 / 21, 17 / 21))


@pytest.mark.parametrize('before', [True, False])
def test_labels_are_where_the_object_is_seen(clip, before):
    decode = DecodeCompressedVideo()
    for crop, expected in (
        ([], [2, 4, 9]),
        ([ClipFlip(1.0)], [3, 4, 10]),
        ([ClipFlip(1.0, 'vertical')], [0, 4, 5]),
        # Of the middle 64 px it fills most of the lower left quarter.
        ([ClipCenterCrop(64)], [2]),
        ([ClipCenterCrop(64), ClipFlip(1.0)], [3]),
    ):
        steps = [*crop, decode] if before else [decode, *crop]
        labels = run(clip, [*steps, LABELS], **MIDDLE)['pmsp_labels']
        assert labels.shape == (2, 3, 3) and labels.dtype == np.int64
        assert labels[:, 0, : len(expected)].tolist() == [expected] * 2


def test_crops_before_decoding_give_the_same_labels(clip):
    crop, decode = [ClipMultiScaleCrop(48, (0.6, 0.9)), ClipFlip()], DecodeCompressedVideo()
    seen = set()
    for seed in range(4):
        before = run(clip, [*crop, decode, LABELS], seed=seed)['pmsp_labels']
        after = run(clip, [decode, *crop, LABELS], seed=seed)['pmsp_labels']
        assert (before == after).all()
        seen |= {before.tobytes()}
    assert len(seen) == 4


def test_labels_turn_with_the_clips(clip):
    cells = np.arange(16).reshape(4, 4)
    seen = set()
    for seed in range(3):
        results = run(clip, [DecodeCompressedVideo(), RotateClips(), LABELS], seed=seed, **MIDDLE)
        for turns, labels in zip(results['rotation'], results['pmsp_labels'], strict=True):
            assert np.rot90(cells, turns).ravel()[labels[0, 2]] == 9
            seen.add(int(turns))
    assert len(seen) > 2


def test_each_clip_is_labelled_by_its_own_motion_and_mask(clip):
    size = (100, 92)  # cells of 8 px overhang it
    results = run(clip, [ClipThreeCrop(size, motion_stride=8), DecodeCompressedVideo(), LABELS])
    assert results['pmsp_labels'].shape == (6, 3, 3)
    motion = results['motion'].reshape(6, 4, 13, 12, 2)
    valid = results['motion_valid'].reshape(6, 4, 13, 12)
    for number in range(6):
        expected = pmsp_labels(motion[number], valid[number], 2, size, windows=(1, 2))
        assert (results['pmsp_labels'][number] == expected).all()
    results['motion_valid'][:4] = False
    again = LABELS(results)['pmsp_labels']
    assert (again[0] == -1).all() and (again[1:] == results['pmsp_labels'][1:]).all()
    del results['motion_valid']
    assert (LABELS(results)['pmsp_labels'][0] >= 0).any()


def test_views_that_streams_name_have_labels_each():
    motion = np.zeros((12, 8, 8, 2), np.float32)
    motion[8:, 6, 1] = 2
    results = dict(motion=motion, img_shape=(64, 64), num_clips=1)
    results |= dict(stream_views=dict(motion=[0, 1, 2], residuals=[0, 1, 2]))
    labels = LABELS(results)['pmsp_labels']
    assert (labels[:2] == -1).all() and labels[2, 0].tolist() == [2, 6, 12]


def test_labels_of_more_maps_than_the_network_sees(clip):
    sampled = run(clip, [DecodeCompressedVideo()], clip_len=6)
    sampled['motion_inds'] = sampled['frame_inds'] + 100
    sampled['flow'], sampled['flow_valid'] = sampled['motion'] * 2, sampled['motion_valid']
    whole = LABELS(dict(sampled))
    keep = PMSPLabels(2, windows=(1, 2), keep=(0, 2))
    results = keep(dict(sampled, residuals=list(sampled['residuals'])))
    assert (results['pmsp_labels'] == whole['pmsp_labels']).all()
    places = [0, 2, 3, 5, 6, 8, 9, 11]
    for key in ('motion', 'motion_valid', 'flow', 'flow_valid', 'residuals'):
        assert (np.stack(results[key]) == np.stack(sampled[key])[places]).all(), key
        assert isinstance(results[key], type(sampled[key]))
    assert (results['motion_inds'] == sampled['motion_inds'][:, [0, 2, 3, 5]]).all()
    assert len(results['imgs']) == 12
    packed = PackSSLInputs(extra_keys=('pmsp_labels',))(results)
    assert packed['inputs']['motion'].shape[:3] == (2, 2, 4)
    assert packed['data_samples'].pmsp_labels.tolist() == results['pmsp_labels'].tolist()
    del sampled['motion_inds'], sampled['residuals'], sampled['flow'], sampled['flow_valid']
    assert 'motion_inds' not in keep(sampled)


def test_what_is_wrong_is_said(clip):
    with pytest.raises(ValueError, match='PMSPLabels .* after DecodeCompressedVideo'):
        run(clip, [LABELS, DecodeCompressedVideo()])
    with pytest.raises(KeyError, match="'motion'.*'imgs'"):
        run(clip, [DecodeCompressedVideo(), LABELS], ('rgb',))
    with pytest.raises(ValueError, match='4 maps of motion are no 5 groups'):
        run(clip, [DecodeCompressedVideo(), PMSPLabels()])
    with pytest.raises(ValueError, match=r'keep=\(1, 2\): groups have 2 maps'):
        run(clip, [DecodeCompressedVideo(), PMSPLabels(2, windows=(1,), keep=(1, 2))])
    for wrong in (
        dict(num_gops=2),
        dict(num_gops=0),
        dict(grids=(0,)),
        dict(windows=(6,)),
        dict(keep=()),
        dict(keep=(-1,)),
    ):
        with pytest.raises(ValueError):  # noqa: B017, PT011
            PMSPLabels(**wrong)
    assert PMSPLabels(num_gops=1, windows=[1], grids=[2], keep=[0]).keep == (0,)
    assert 'grids=(2, 3, 4)' in repr(PMSPLabels())
