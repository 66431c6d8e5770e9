import random
from collections import Counter

import numpy as np
import pytest
from mmaction.datasets.transforms import SampleFrames

from ssvrl_mm.datasets.transforms.sampling import (
    SampleClips,
    random_starts,
    uniform_starts,
    window_starts,
)
from ssvrl_mm.video import VideoTooShortError


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


@pytest.mark.parametrize(('total', 'interval'), [(32, 1), (33, 1), (100, 1), (100, 3)])
def test_two_random_clips_stay_inside_and_reach_both_ends(total, interval):
    sample = SampleClips(clip_len=32, frame_interval=interval, num_clips=2)
    last_start = total - 1 - 31 * interval
    starts = set()
    for _ in range(600):
        frames = sample(dict(total_frames=total))['frame_inds']
        assert frames.shape == (2, 32)
        assert (np.diff(frames, axis=1) == interval).all()
        starts.update(frames[:, 0].tolist())
    assert starts == set(range(last_start + 1))


def test_starts_are_uniform_over_all_pairs_that_keep_the_gap():
    counts = Counter(tuple(random_starts(2, 5, min_gap=3)) for _ in range(6000))
    allowed = {(a, b) for a in range(6) for b in range(6) if abs(a - b) >= 3}
    assert set(counts) == allowed
    # Draws with repetition count ordered pairs once and equal ones once: 9 draws of (i, j), i, j
    # in 0..2, sorted, so that unequal pairs come twice as often.
    for (a, b), count in counts.items():
        expected = 6000 / 18 if abs(a - b) == 3 else 6000 / 9
        assert count == pytest.approx(expected, rel=0.25), (a, b)


def test_gap_gives_way_to_short_videos():
    for _ in range(50):
        starts = sorted(random_starts(3, 10, min_gap=100))
        assert starts == [0, 5, 10]
    assert random_starts(2, 0, min_gap=8) == [0, 0]


def test_dependent_clips_are_the_same_frames():
    sample = SampleClips(clip_len=4, num_clips=3, independent=False)
    seen = set()
    for _ in range(30):
        frames = sample(dict(total_frames=20))['frame_inds']
        assert (frames == frames[0]).all()
        seen.add(frames[0, 0])
    assert len(seen) > 5


@pytest.mark.parametrize('independent', [0.2, 0.5])
def test_clips_are_drawn_apart_in_the_given_share(independent):
    sample = SampleClips(clip_len=4, num_clips=2, independent=independent, min_gap=1)
    draws = [sample(dict(total_frames=500))['frame_inds'] for _ in range(1000)]
    apart = sum(first[0] != second[0] for first, second in draws)
    # Binomial: standard deviation at most 16.
    assert abs(apart - 1000 * independent) < 55


@pytest.mark.parametrize('total', [16, 17, 40, 121, 300])
@pytest.mark.parametrize('num_clips', [1, 2, 3, 10])
@pytest.mark.parametrize('interval', [1, 2])
def test_uniform_clips_agree_with_mmaction(total, num_clips, interval):
    ours = SampleClips(8, interval, num_clips, test_mode=True)(dict(total_frames=total))
    theirs = SampleFrames(8, interval, num_clips, test_mode=True)(
        dict(total_frames=total, start_index=0)
    )
    assert ours['frame_inds'].ravel().tolist() == theirs['frame_inds'].tolist()
    assert ours['num_clips'] == num_clips


def test_uniform_starts_in_closed_form():
    assert uniform_starts(5, 100) == [0, 25, 50, 75, 100]
    assert uniform_starts(4, 10) == [0, 3, 7, 10]
    assert uniform_starts(1, 9) == [4]


def test_moving_window_covers_every_frame():
    assert window_starts(4, 10) == [0, 4, 8, 10]
    assert window_starts(5, 10) == [0, 5, 10]
    results = SampleClips(8, stride=4, test_mode=True)(dict(total_frames=19))
    assert results['frame_inds'][:, 0].tolist() == [0, 4, 8, 11]
    assert results['num_clips'] == 4
    assert set(results['frame_inds'].ravel()) == set(range(19))
    assert SampleClips(8, stride=1, test_mode=True)(dict(total_frames=10))['num_clips'] == 3
    # A video as short as the window: one clip.
    assert SampleClips(8, stride=4, test_mode=True)(dict(total_frames=8))['num_clips'] == 1


@pytest.mark.parametrize('test_mode', [False, True])
def test_short_videos_are_filled_up(test_mode):
    loop = SampleClips(6, 2, num_clips=2, test_mode=test_mode)(dict(total_frames=5))
    assert loop['frame_inds'].tolist() == [[0, 2, 4, 1, 3, 0]] * 2
    last = SampleClips(6, 2, num_clips=2, test_mode=test_mode, out_of_bound='repeat_last')
    assert last(dict(total_frames=5))['frame_inds'].tolist() == [[0, 2, 4, 4, 4, 4]] * 2


@pytest.mark.parametrize(
    'options',
    [
        dict(clip_len=0),
        dict(clip_len=8, num_clips=0),
        dict(clip_len=8, out_of_bound='stretch'),
        dict(clip_len=8, stride=4),
        dict(clip_len=8, stride=0, test_mode=True),
        dict(clip_len=8, min_gap=-1),
        dict(clip_len=8, independent=1.5),
        dict(clip_len=8, independent=-0.5),
    ],
)
def test_arguments_are_checked(options):
    with pytest.raises(ValueError, match='must be'):
        SampleClips(**options)


@pytest.mark.parametrize('test_mode', [False, True])
def test_parts_of_a_video_share_no_frame(test_mode):
    halves = [
        SampleClips(clip_len=4, num_clips=3, test_mode=test_mode, part=part)
        for part in ((0, 0.5), (0.5, 1))
    ]
    for total in (1, 2, 7, 9, 40):
        first, second = (half(dict(total_frames=total))['frame_inds'] for half in halves)
        assert first.min() >= 0 and second.max() <= total - 1
        if total > 1:
            assert first.max() < total // 2 <= second.min()
    with pytest.raises(ValueError, match='part'):
        SampleClips(clip_len=4, part=(0.5, 0.5))


@pytest.mark.parametrize('offset', [8, -8])
@pytest.mark.parametrize('part', [(0, 1), (0.25, 0.75)])
def test_clips_leave_room_for_the_flow_behind_them(offset, part):
    sample = SampleClips(8, 4, num_clips=2, motion_offset=offset, part=part)
    begin, end = (int(200 * share) for share in part)
    starts = set()
    for _ in range(400):
        results = sample(dict(total_frames=200))
        frames, motion = results['frame_inds'], results['motion_inds']
        assert frames.shape == motion.shape == (2, 8)
        assert (motion - frames == max(offset, 0)).all() and results['motion_offset'] == offset
        starts.update(frames[:, 0].tolist())
    # 7 * 4 frames from the first to the last, and 8 more.
    assert (min(starts), max(starts)) == (begin, end - 1 - 28 - 8)
    test = dict(num_clips=3, test_mode=True, motion_offset=offset, part=part)
    found = SampleClips(8, 4, **test)(dict(total_frames=200))['frame_inds']
    last = end - begin - 37
    assert found[:, 0].tolist() == [begin, begin + round(last / 2), begin + last]
    window = SampleClips(8, 4, stride=50, **test)(dict(total_frames=200))['frame_inds']
    assert window[[0, -1], 0].tolist() == [begin, begin + last]


def test_without_offset_no_frames_of_motion_are_named():
    assert SampleClips(4)(dict(total_frames=9)).keys().isdisjoint({'motion_inds', 'motion_offset'})


@pytest.mark.parametrize('offset', [8, -8, None])
@pytest.mark.parametrize('test_mode', [False, True])
def test_the_stride_is_lowered_to_what_fits(offset, test_mode):
    options = dict(num_clips=2, test_mode=test_mode, motion_offset=offset)
    needed = 8 if offset else 0
    for total in range(needed + 1, 140):
        results = SampleClips(8, 16, shorten='stride', **options)(dict(total_frames=total))
        fitting = [n for n in range(1, 17) if 7 * n + 1 + needed <= total]
        assert results['frame_interval'] == max(fitting, default=1)
        frames = results['frame_inds']
        assert frames.min() >= 0 and frames.max() + needed < total
        if fitting:
            assert (np.diff(frames, axis=1) == fitting[-1]).all()
        else:
            # Over the frames that have their flow in the video.
            assert frames.tolist() == [[n % (total - needed) for n in range(8)]] * 2


def test_videos_that_are_too_short_for_a_clip_repeat_frames_that_have_flow():
    sample = SampleClips(4, 3, num_clips=1, motion_offset=4)
    results = sample(dict(total_frames=9))
    assert results['frame_inds'].tolist() == [[0, 3, 1, 4]] and results['frame_interval'] == 3
    assert results['motion_inds'].tolist() == [[4, 7, 5, 8]]
    last = SampleClips(4, 3, num_clips=1, motion_offset=4, out_of_bound='repeat_last')
    assert last(dict(total_frames=9))['motion_inds'].tolist() == [[4, 7, 8, 8]]
    # One frame takes no stride.
    one = SampleClips(1, 3, num_clips=1, motion_offset=4, shorten='stride')(dict(total_frames=5))
    assert one['motion_inds'].tolist() == [[4]] and one['frame_interval'] == 3


def test_videos_without_any_flow_are_named():
    for offset in (4, -4):
        sample = SampleClips(8, motion_offset=offset, shorten='stride')
        with pytest.raises(VideoTooShortError, match='a.mp4.*4 frames, at least 5') as caught:
            sample(dict(total_frames=4, filename='a.mp4'))
        assert (caught.value.num_frames, caught.value.needed) == (4, 5)
        with pytest.raises(VideoTooShortError):
            SampleClips(8, motion_offset=offset, part=(0, 0.5))(dict(total_frames=8))


def test_arguments_of_flow_are_checked():
    for options, told in (
        (dict(motion_offset=0), 'motion_offset.*0'),
        (dict(motion_offset=1.5), 'motion_offset.*1.5'),
        (dict(motion_offset=8, shorten='span'), "shorten.*'span'"),
    ):
        with pytest.raises(ValueError, match=told):
            SampleClips(8, **options)
    shown = repr(SampleClips(8, motion_offset=-3, shorten='stride'))
    assert "motion_offset=-3, shorten='stride'" in shown
