"""Clips turned by quarter turns: vectors must follow the pixels, and the label tell the turn."""

import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import (
    ClipCenterCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    RotateClips,
    SampleClips,
    SampleContextMotion,
)
from tests.clips import encode, translating

MOTION = np.array([3.0, -1.0])
STREAMS = ('rgb', 'motion', 'residual', 'iframe')


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    return str(encode(path, translating(24, *MOTION, 96, 128, seed=2), gop=12))


def decoded(path, streams=STREAMS, crop=88):
    """A square that 8 px divide not evenly where crop is not a multiple of them."""
    sample = SampleContextMotion(4, 1, motion_len=3, num_clips=2, num_negatives=1, motion_gap=1)
    results = dict(filename=path, streams=streams)
    steps = [sample, ClipCenterCrop(crop, motion_stride=8, flow_stride=4), DecodeCompressedVideo()]
    for step in [OpenCompressedVideo(flow_method='dis'), *steps]:
        results = step(results)
    return results


def rotated(results, seed):
    random.seed(seed)
    return RotateClips()(dict(results))


@pytest.mark.parametrize('crop', [88, 86])
def test_all_streams_of_a_view_turn_alike(clip, crop):
    before = decoded(clip, (*STREAMS, 'flow'), crop)
    views = {'imgs': 4, 'residuals': 3, 'iframes': 1, 'motion': 3, 'flow': 3}
    seen = Counter()
    for seed in range(5):
        after = rotated(before, seed)
        turns = after['rotation']
        # Two clips with their motion, a negative, and two I-frames with views of their own.
        assert turns.shape == (5,) and turns.dtype == np.int64
        seen.update(turns.tolist())
        for key, length in views.items():
            numbers = before['stream_views'].get(key, range(2))
            assert len(after[key]) == len(before[key]) == length * len(numbers)
            for place, view in enumerate(np.repeat(list(numbers), length)):
                turned = np.rot90(before[key][place], turns[view])
                if key not in ('motion', 'flow'):
                    assert (after[key][place] == turned).all()
                    assert after[key][place].flags.c_contiguous
                elif crop == 88:
                    dx, dy = np.moveaxis(turned, -1, 0)
                    expected = [(dx, dy), (dy, -dx), (-dx, -dy), (-dy, dx)][turns[view]]
                    assert (after[key][place] == np.stack(expected, -1)).all()
                    mask = f'{key}_valid'
                    assert (after[mask][place] == np.rot90(before[mask][place], turns[view])).all()
    assert set(seen) == {0, 1, 2, 3}


@pytest.mark.parametrize('crop', [88, 86])
def test_motion_is_what_the_turned_pictures_show(clip, crop):
    for seed in range(4):
        results = rotated(decoded(clip, ('rgb', 'motion'), crop), seed)
        packed = PackSSLInputs(extra_keys=('rotation',))(results)
        assert packed['data_samples'].rotation.tolist() == results['rotation'].tolist()
        for view, turns in enumerate(results['rotation'][:3]):
            field = results['motion'].reshape(3, 3, 11, 11, 2)[view]
            valid = results['motion_valid'].reshape(3, 3, 11, 11)[view]
            angle = np.pi / 2 * turns  # anticlockwise, y down
            dx, dy = MOTION
            expected = (
                dx * np.cos(angle) + dy * np.sin(angle),
                dy * np.cos(angle) - dx * np.sin(angle),
            )
            np.testing.assert_allclose(np.median(field[valid], 0), expected, atol=0.26)


def test_every_turn_is_as_likely():
    random.seed(0)
    results = RotateClips()(dict(img_shape=(8, 8), num_clips=4000))
    assert min(Counter(results['rotation'].tolist()).values()) > 900


def test_what_cannot_be_turned_is_refused(clip):
    steps = [OpenCompressedVideo(), SampleClips(2), RotateClips()]
    results = dict(filename=clip, streams=('motion',))
    with pytest.raises(ValueError, match='RotateClips .* after DecodeCompressedVideo'):
        for step in steps:
            results = step(results)
    results = DecodeCompressedVideo()(results)
    with pytest.raises(ValueError, match=r'\(96, 128\) .* crop squares'):
        RotateClips()(results)
    results = ClipCenterCrop(96, motion_stride=None)(results)
    with pytest.raises(ValueError, match='12 x 16 cells of motion .* motion_stride'):
        RotateClips()(results)
    assert repr(RotateClips()) == 'RotateClips()'
