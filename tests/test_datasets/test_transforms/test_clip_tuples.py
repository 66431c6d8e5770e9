import itertools
import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import SampleClipTuples
from ssvrl_mm.video import VideoTooShortError

ORDERS = list(itertools.permutations(range(3)))


def draw(total, filename='a.mp4', **options):
    results = SampleClipTuples(**options)(dict(total_frames=total, filename=filename))
    assert results['clip_order'].shape == (1,) and results['clip_order'].dtype == np.int64
    assert (results['frame_interval'], results['frame_inds'].dtype) == (1, np.int32)
    frames = results['frame_inds'].reshape(results['num_clips'], results['clip_len'])
    return frames, int(results['clip_order'][0])


def test_clips_are_where_the_label_says_and_every_order_and_start_comes():
    random.seed(0)
    found = [draw(70) for _ in range(1400)]
    for frames, index in found:
        starts = frames[:, 0]
        assert frames.shape == (3, 16)
        assert (frames == starts[:, None] + np.arange(16)).all()
        # The order that the authors' code looks for among itertools'.
        assert (starts - starts.min()).tolist() == [24 * i for i in ORDERS[index]]
    orders = Counter(index for _, index in found)
    assert set(orders) == set(range(6)) and min(orders.values()) > 180
    # 64 frames of 70.
    begins = Counter(int(frames.min()) for frames, _ in found)
    assert set(begins) == set(range(7)) and min(begins.values()) > 150


def test_other_tuples():
    random.seed(1)
    frames, index = draw(100, clip_len=4, num_clips=4, gap=0)
    order = list(itertools.permutations(range(4)))[index]
    assert (frames[:, 0] - frames.min()).tolist() == [4 * i for i in order]
    frames, _ = draw(128, part=(0.5, 1))
    assert (frames.min(), frames.max()) == (64, 127)


def test_videos_without_room_are_left_out_of_training():
    random.seed(2)
    assert sorted(draw(64)[0].ravel()) == [*range(16), *range(24, 40), *range(48, 64)]
    with pytest.raises(VideoTooShortError, match=r'a\.mp4.*63 frames.*64'):
        draw(63)


def test_in_test_mode_they_are_in_the_middle_and_short_videos_close_the_gap():
    for total, starts in ((100, (18, 42, 66)), (64, (0, 24, 48)), (63, (0, 23, 46))):
        frames, index = draw(total, test_mode=True)
        assert frames[:, 0].tolist() == [starts[i] for i in ORDERS[index]], total
    frames, index = draw(49, test_mode=True)
    assert sorted(frames.ravel()) == list(range(48))
    frames, index = draw(20, test_mode=True)
    expected = (np.array(ORDERS[index])[:, None] * 16 + np.arange(16)) % 20
    assert (frames == expected).all()
    frames, _ = draw(20, num_clips=2, test_mode=True)
    assert sorted(frames[:, 0]) == [0, 16]


def test_in_test_mode_the_order_goes_with_the_video():
    random.seed(3)
    state = random.getstate()
    orders = [draw(80, f'{i}.mp4', test_mode=True)[1] for i in range(120)]
    assert random.getstate() == state
    random.seed(4)
    assert [draw(80, f'{i}.mp4', test_mode=True)[1] for i in range(120)] == orders
    assert min(Counter(orders)[i] for i in range(6)) > 8


@pytest.mark.parametrize('options', [dict(clip_len=0), dict(num_clips=1), dict(gap=-1)])
def test_arguments(options):
    with pytest.raises(ValueError, match='clip_len must be 1 or more, num_clips 2 or more, gap 0'):
        SampleClipTuples(**options)
    assert repr(SampleClipTuples(gap=0, clip_len=1, num_clips=2)) == (
        'SampleClipTuples(clip_len=1, num_clips=2, gap=0, test_mode=False, part=(0.0, 1.0))'
    )
