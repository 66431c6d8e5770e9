import pickle
import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import SampleContextMotion
from ssvrl_mm.video import VideoDecodeError, VideoError, VideoTooShortError


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


class Reader:
    """As much of a reader as sampling looks at."""

    def __init__(self, keyframes):
        self.metadata = self
        self.keyframes = tuple(keyframes)


def sampled(total, keyframes=None, **options):
    results = dict(total_frames=total, filename='a.mp4')
    if keyframes is None:
        options.setdefault('iframe_window', None)
    else:
        results['video_reader'] = Reader(keyframes)
    return SampleContextMotion(**options)(results)


def test_no_iframe_is_chosen_where_none_is_read():
    def with_streams(*streams):
        results = dict(total_frames=100, video_reader=Reader([0, 50]), streams=streams)
        random.seed(1)
        return SampleContextMotion()(results)

    chosen, none = with_streams('rgb', 'iframe'), with_streams('rgb', 'motion')
    assert 'iframe_inds' in chosen and 'iframe_inds' not in none
    assert (chosen['frame_inds'] == none['frame_inds']).all()
    assert 'iframes' not in none['stream_views']


def test_the_motion_follows_the_clip_and_both_are_anywhere():
    starts = Counter()
    for _ in range(800):
        results = sampled(73)
        (clip,), motions = results['frame_inds'], results['motion_inds']
        assert clip.tolist() == list(range(clip[0], clip[0] + 61, 4)) and len(clip) == 16
        assert motions.shape == (4, 8) and (np.diff(motions) == 1).all()
        assert motions[0, 0] == clip[-1] + 2
        starts[int(clip[0])] += 1
    # 60 frames on, 2 to the motion, 8 of it: the last of 73 is reached from 3.
    assert set(starts) == {0, 1, 2, 3}
    assert all(count == pytest.approx(200, abs=45) for count in starts.values())
    assert results['num_clips'] == 1 and results['clip_len'] == 16
    assert results['frame_interval'] == 4


def test_current_motion_is_in_the_middle_of_the_clip():
    starts = set()
    for _ in range(200):
        results = sampled(64, target='current', num_negatives=0)
        first, last = results['frame_inds'][0, [0, -1]]
        (motion,) = results['motion_inds']
        # 26 frames before, 8, 27 after.
        assert motion.tolist() == list(range(first + 26, first + 34)) and last == first + 60
        starts.add(int(first))
    assert starts == {0, 1, 2, 3}
    # Motion longer than the clip surrounds it.
    seen = set()
    for _ in range(60):
        results = sampled(
            10, clip_len=2, frame_interval=1, motion_len=8, target='current', num_negatives=0
        )
        first = results['frame_inds'][0, 0]
        assert results['motion_inds'][0].tolist() == list(range(first - 3, first + 5))
        seen.add(int(first))
    assert seen == {3, 4, 5}


def test_negatives_keep_their_distance_and_are_anywhere_else():
    seen = Counter()
    for _ in range(2000):
        motions = sampled(70, num_negatives=2)['motion_inds'][:, 0]
        assert motions[0] == 62  # the only place for the clip
        assert motions[1] != motions[2] and abs(motions[1:] - 62).min() >= 8
        seen.update(motions[1:].tolist())
    assert set(seen) == set(range(55))
    assert all(count == pytest.approx(4000 / 55, rel=0.55) for count in seen.values())


@pytest.mark.parametrize('options', [dict(), dict(target='current')])
def test_negatives_are_as_far_as_a_short_video_allows(options):
    options.update(clip_len=3, frame_interval=1, motion_len=6, num_negatives=4)
    for total in (7, 8, 9, 10, 11):
        for _ in range(30):
            if total < 10 and 'target' not in options:
                continue  # the future needs 2 + 2 + 6
            starts = sampled(total, **options)['motion_inds'][:, 0].tolist()
            farthest = max(starts[0], total - 6 - starts[0])
            distances = {abs(start - starts[0]) for start in starts[1:]}
            assert distances == {min(farthest, 6)} or min(distances) >= 6
            assert 0 not in distances and max(starts) <= total - 6


def test_several_clips():
    for _ in range(100):
        results = sampled(100, [0, 12, 24, 36, 48], num_clips=3, num_negatives=2)
        clips, motions = results['frame_inds'], results['motion_inds']
        assert clips.shape == (3, 16) and motions.shape == (5, 8)
        assert (motions[:3, 0] == clips[:, -1] + 2).all()
        assert np.abs(motions[3:, 0, None] - motions[:3, 0]).min() >= 8
        assert results['iframe_inds'].shape == (3, 1) and results['num_clips'] == 3
        assert results['stream_views'] == dict(
            motion=[0, 1, 2, 3, 4],
            residuals=[0, 1, 2, 3, 4],
            flow=[0, 1, 2, 3, 4],
            iframes=[5, 6, 7],
        )


def test_iframes_come_from_around_the_clip():
    seen = Counter()
    for _ in range(900):
        # The clip is always 0, 4, ..., 60 and its motion 62..69.
        results = sampled(70, [0, 30, 65, 66, 69], iframe_window=5, num_negatives=3)
        seen[results['iframe_inds'].item()] += 1
        assert results['iframe_distance'].item() == (
            5 if results['iframe_inds'].item() == 65 else 0
        )
    assert set(seen) == {0, 30, 65}
    assert all(count == pytest.approx(300, abs=60) for count in seen.values())
    assert results['stream_views']['iframes'] == [4]


def test_the_nearest_iframe_stands_in_where_none_is_near():
    counts = Counter()
    for _ in range(100):
        results = sampled(200, [0, 150], iframe_window=0)
        first, last = results['frame_inds'][0, [0, -1]]
        outside = {k: max(first - k, k - last, 0) for k in (0, 150)}
        assert results['iframe_distance'].item() == outside[results['iframe_inds'].item()]
        assert results['iframe_distance'].item() == min(outside.values())
        counts[results['iframe_distance'].item() > 0] += 1
    assert min(counts[False], counts[True]) > 10
    with pytest.raises(VideoDecodeError, match='no keyframe'):
        sampled(200, [])
    assert 'iframe_inds' not in sampled(200)


def test_parts_of_a_video_share_no_frame():
    for _ in range(50):
        options = dict(clip_len=4, frame_interval=2, motion_len=4)
        first = sampled(100, [0, 20, 60], part=(0, 0.5), **options)
        second = sampled(100, [0, 20, 60], part=(0.5, 1), **options)
        for key in ('frame_inds', 'motion_inds', 'iframe_inds'):
            assert first[key].max() < 50 <= second[key].min()
    # Rather an I-frame of the other part than none.
    assert sampled(100, [0, 20], part=(0.5, 1), **options)['iframe_inds'].item() == 20
    with pytest.raises(VideoTooShortError, match='50 frames'):
        sampled(100, part=(0, 0.5))


def test_tests_are_centred_and_draw_nothing():
    state = random.getstate()
    options = dict(test_mode=True, num_clips=3, num_negatives=3)
    results = sampled(170, [0, 70, 81, 140], **options)
    assert random.getstate() == state
    assert results['frame_inds'][:, 0].tolist() == [0, 50, 100]
    assert (results['motion_inds'] == [[f + i for i in range(62, 70)] for f in (0, 50, 100)]).all()
    # Middles 30, 80, 130; of two as near the earlier would win.
    assert results['iframe_inds'].ravel().tolist() == [0, 81, 140]
    assert results['iframe_distance'].tolist() == [0, 0, 0]
    assert set(map(tuple, results['stream_views'].values())) == {(0, 1, 2)}
    (start,) = sampled(170, test_mode=True)['frame_inds'][:, 0]
    assert start == 50


def test_short_videos_start_over_in_tests():
    results = sampled(50, [40], test_mode=True, num_clips=2)
    assert results['frame_inds'].tolist() == [[4 * t % 50 for t in range(16)]] * 2
    assert results['motion_inds'].tolist() == [list(range(12, 20))] * 2
    results = sampled(65, test_mode=True)  # room for the clip, not for what follows
    assert results['frame_inds'][0, -1] == 60
    assert results['motion_inds'].tolist() == [[62, 63, 64, 0, 1, 2, 3, 4]]
    assert sampled(1, test_mode=True)['frame_inds'].max() == 0


@pytest.mark.parametrize(
    ('options', 'needed'),
    [
        (dict(), 60 + 2 + 8),
        (dict(target='current'), 61),
        (dict(clip_len=8, frame_interval=1, motion_len=4, motion_gap=3), 7 + 3 + 4),
        # One more than the motion that is predicted takes: or there would be no other.
        (dict(clip_len=4, frame_interval=1, target='current'), 8 + 1),
        (dict(clip_len=4, frame_interval=1, target='current', num_clips=3), 8 + 3),
        (dict(clip_len=4, frame_interval=1, target='current', num_negatives=0), 8),
    ],
)
def test_training_needs_the_clip_and_its_motion(options, needed):
    for _ in range(10):
        results = sampled(needed, **options)
        assert max(results['frame_inds'].max(), results['motion_inds'].max()) < needed
        clips = results['num_clips']
        positives, negatives = np.split(results['motion_inds'][:, 0], [clips])
        assert not set(positives) & set(negatives)
    state = random.getstate()
    with pytest.raises(VideoTooShortError, match=r'^a\.mp4: is too short: ') as caught:
        sampled(needed - 1, **options)
    error = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(error, VideoError)
    assert (error.path, error.num_frames, error.needed) == ('a.mp4', needed - 1, needed)
    assert str(error) == str(caught.value) and random.getstate() == state


@pytest.mark.parametrize('test_mode', [False, True])
@pytest.mark.parametrize(
    'total, interval', [(200, 4), (70, 4), (69, 3), (55, 3), (54, 2), (40, 2), (39, 1), (25, 1)]
)
def test_clips_of_short_videos_are_denser_where_that_is_allowed(total, interval, test_mode):
    """A clip of 16 and its motion take 15 * interval + 1 + 1 + 8 frames."""
    results = sampled(total, min_frame_interval=1, test_mode=test_mode)
    (clip,) = results['frame_inds']
    assert (np.diff(clip) == interval).all() and results['frame_interval'] == interval
    assert results['motion_inds'][0].tolist() == list(range(clip[-1] + 2, clip[-1] + 10))
    assert results['motion_inds'].max() < total


def test_denser_clips_end_at_the_distance_that_is_allowed():
    with pytest.raises(VideoTooShortError) as caught:
        sampled(39, min_frame_interval=2)
    assert (caught.value.num_frames, caught.value.needed) == (39, 40)


@pytest.mark.parametrize(
    'options',
    [
        dict(clip_len=0),
        dict(motion_gap=0),
        dict(num_negatives=-1),
        dict(iframe_window=-1),
        dict(target='past'),
        dict(part=(0.5, 0.5)),
        dict(min_frame_interval=5),
        dict(min_frame_interval=0),
    ],
)
def test_arguments_are_checked(options):
    with pytest.raises(ValueError, match='must be'):
        SampleContextMotion(**options)
