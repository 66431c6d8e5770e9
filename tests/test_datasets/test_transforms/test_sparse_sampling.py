"""One clip of frames from all over a video, beside mmaction2's clips of one frame."""

import random

import numpy as np
import pytest
from mmaction.datasets.transforms import SampleFrames

from ssvrl_mm.datasets.transforms import SampleSparseClips


@pytest.mark.parametrize('clip_len', [8, 16])
@pytest.mark.parametrize('total', [16, 33, 100, 297])
def test_in_tests_it_takes_the_frames_that_mmaction2_takes(total, clip_len):
    results = SampleSparseClips(clip_len, test_mode=True)(dict(total_frames=total))
    theirs = SampleFrames(clip_len=1, num_clips=clip_len, test_mode=True)
    expected = theirs(dict(total_frames=total, start_index=0))['frame_inds']
    assert results['frame_inds'].shape == (1, clip_len)
    assert results['frame_inds'].ravel().tolist() == expected.tolist()
    assert (results['num_clips'], results['clip_len']) == (1, clip_len)
    assert results['frame_inds'].dtype == np.int64


def test_in_training_each_frame_is_anywhere_in_its_part():
    random.seed(0)
    sample = SampleSparseClips(4)
    drawn = np.concatenate([sample(dict(total_frames=40))['frame_inds'] for _ in range(2000)])
    for part, frames in enumerate(drawn.T):
        assert set(frames) == set(range(10 * part, 10 * part + 10))
        assert np.bincount(frames - 10 * part).min() > 140
    # Each by itself.
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.1


def test_short_videos_repeat_frames_in_order():
    for sample in (SampleSparseClips(8), SampleSparseClips(8, test_mode=True)):
        frames = sample(dict(total_frames=3))['frame_inds'][0]
        assert set(frames) == {0, 1, 2} and (np.diff(frames) >= 0).all()
        assert sample(dict(total_frames=1))['frame_inds'].tolist() == [[0] * 8]


def test_the_largest_draw_stays_in_the_video(monkeypatch):
    monkeypatch.setattr(random, 'random', lambda: 1 - 2**-53)
    for total in (8, 100):
        assert SampleSparseClips(8)(dict(total_frames=total))['frame_inds'].max() == total - 1


def test_arguments():
    assert SampleSparseClips(1, test_mode=True)(dict(total_frames=9))['frame_inds'] == [[4]]
    with pytest.raises(ValueError, match='clip_len must be 1 or more, got 0'):
        SampleSparseClips(0)
    assert repr(SampleSparseClips(4)) == 'SampleSparseClips(clip_len=4, test_mode=False)'
