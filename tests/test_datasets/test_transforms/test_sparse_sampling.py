"""One clip of frames from all over a video, beside mmaction2's clips of one frame."""

import numpy as np
import pytest
from mmaction.datasets.transforms import SampleFrames

from ssvrl_mm.datasets.transforms import SampleSparseClips


@pytest.mark.parametrize('test_mode', [True, False])
@pytest.mark.parametrize('clip_len', [1, 8, 16])
def test_it_takes_the_frames_that_mmaction2_takes(clip_len, test_mode):
    theirs = SampleFrames(clip_len=1, num_clips=clip_len, test_mode=test_mode)
    ours = SampleSparseClips(clip_len, test_mode)
    for total in [*range(1, 50), 100, 297]:
        np.random.seed(total)  # noqa: NPY002 - mmaction2 draws from the global generator
        expected = theirs(dict(total_frames=total, start_index=0))['frame_inds']
        np.random.seed(total)  # noqa: NPY002
        results = ours(dict(total_frames=total))
        assert results['frame_inds'].shape == (1, clip_len)
        assert results['frame_inds'].ravel().tolist() == expected.tolist()
        assert (results['num_clips'], results['clip_len']) == (1, clip_len)
        assert results['frame_inds'].dtype == np.int64


def test_in_training_each_frame_is_anywhere_in_its_part():
    np.random.seed(0)  # noqa: NPY002
    sample = SampleSparseClips(4)
    # Parts of 10 frames; three are left over.
    drawn = np.concatenate([sample(dict(total_frames=43))['frame_inds'] for _ in range(2000)])
    for part, frames in enumerate(drawn.T):
        assert set(frames) == set(range(10 * part, 10 * part + 10))
        assert np.bincount(frames - 10 * part).min() > 140
    # Each by itself.
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.1


def test_short_videos_repeat_frames():
    found = SampleSparseClips(8)(dict(total_frames=3))['frame_inds'].tolist()
    assert found == [[0, 0, 1, 1, 2, 2, 2, 0]]
    found = SampleSparseClips(8, test_mode=True)(dict(total_frames=3))['frame_inds'].tolist()
    assert found == [[0, 0, 0, 1, 1, 2, 2, 2]]


def test_arguments():
    assert SampleSparseClips(1, test_mode=True)(dict(total_frames=9))['frame_inds'] == [[4]]
    with pytest.raises(ValueError, match='clip_len must be 1 or more, got 0'):
        SampleSparseClips(0)
    assert repr(SampleSparseClips(4)) == 'SampleSparseClips(clip_len=4, test_mode=False)'
