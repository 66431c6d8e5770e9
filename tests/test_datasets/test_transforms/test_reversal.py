"""Clips shown backwards: every stream, with its motion negated, and a label that says so."""

import random

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import (
    ClipCenterCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    ReverseClips,
    SampleContextMotion,
)
from ssvrl_mm.video.motion.flow import estimate_motion
from tests.clips import encode, translating

STREAMS = ('rgb', 'motion', 'residual', 'iframe', 'flow')


@pytest.fixture(scope='module')
def decoded(tmp_path_factory):
    """Two clips, with the motion that follows each and one elsewhere, and an I-frame each."""
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    encode(path, translating(24, 3, -1, 96, 128, seed=2), gop=6)
    sample = SampleContextMotion(4, 1, motion_len=3, num_clips=2, num_negatives=1, motion_gap=1)
    results = dict(filename=str(path), streams=STREAMS)
    random.seed(0)
    steps = [sample, ClipCenterCrop(88), DecodeCompressedVideo()]
    for step in [OpenCompressedVideo(flow_method='dis'), *steps]:
        results = step(results)
    return results


def reversed_clips(results, seed, probability=0.5):
    random.seed(seed)
    return ReverseClips(probability)(dict(results))


def test_what_a_view_shows_comes_in_reverse_order(decoded):
    seen = set()
    lengths = dict(imgs=4, residuals=3, iframes=1, motion=3, motion_valid=3, flow=3, flow_valid=3)
    for seed in range(16):
        results = reversed_clips(decoded, seed)
        backwards = results['backwards']
        assert backwards.shape == (5,) and backwards.dtype == np.int64
        seen |= {tuple(backwards[:2].tolist())}
        for key, length in lengths.items():
            views = decoded['stream_views'].get(key.removesuffix('_valid'), range(2))
            assert isinstance(results[key], type(decoded[key]))
            for number, view in enumerate(views):
                clip = slice(number * length, (number + 1) * length)
                before, after = np.stack(decoded[key][clip]), np.stack(results[key][clip])
                expected = before[::-1] if backwards[view] else before
                if key in ('motion', 'flow') and backwards[view]:
                    expected = -expected
                assert (after == expected).all(), key
                assert after.dtype == before.dtype
        for key, views in (('frame_inds', (0, 1)), ('motion_inds', (0, 1, 2))):
            for row, view in enumerate(views):
                step = -1 if backwards[view] else 1
                assert (results[key][row] == decoded[key][row][::step]).all()
    assert seen == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_motion_is_what_the_clip_shows_backwards(decoded):
    results = reversed_clips(decoded, 0, probability=1)
    assert results['backwards'].tolist() == [1] * 5
    shown = estimate_motion(*results['imgs'][:2], scale=1, grid=False)
    median = np.median(results['motion'][0].reshape(-1, 2), 0)
    np.testing.assert_allclose(median, (-3, 1), atol=0.26)
    np.testing.assert_allclose(np.median(shown.reshape(-1, 2), 0), median, atol=0.3)
    again = ReverseClips(1)(dict(results))
    assert all((a == b).all() for a, b in zip(again['imgs'], decoded['imgs'], strict=True))
    assert (again['motion'] == decoded['motion']).all()


def test_iframes_of_a_clip_too():
    iframes = list(np.arange(10)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8))
    numbers = np.arange(10).reshape(2, 5)
    results = dict(iframes=iframes, iframe_inds=numbers, num_clips=2)
    results = PackSSLInputs(extra_keys=('backwards',))(reversed_clips(results, 1, 1))
    assert results['inputs']['iframe'][:, 0, :, 0, 0].tolist() == numbers[:, ::-1].tolist()
    assert results['data_samples'].iframe_inds.tolist() == numbers[:, ::-1].tolist()
    assert results['data_samples'].backwards.tolist() == [1, 1]


def test_as_often_as_asked(decoded):
    assert reversed_clips(decoded, 0, 0)['backwards'].tolist() == [0] * 5
    for probability in (0.5, 0.2):
        random.seed(0)
        draws = ReverseClips(probability)(dict(num_clips=4000))['backwards']
        assert draws.mean() == pytest.approx(probability, abs=0.03)
    assert ReverseClips().probability == 0.5
    assert repr(ReverseClips(0.2)) == 'ReverseClips(probability=0.2)'


def test_what_is_wrong_is_said():
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=str(wrong)):
            ReverseClips(wrong)
    with pytest.raises(ValueError, match='ReverseClips .* after DecodeCompressedVideo'):
        ReverseClips()(dict(video_reader=None, num_clips=1))
