"""Shuffled segments: frames from where the labels say, and everything as likely as it should be."""

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import SampleShuffledSegments
from ssvrl_mm.datasets.transforms.segment_sampling import random_lengths

LABELS = ('segment_order', 'segment_lengths', 'sampling_rates')


def draw(total, start_index=0, **options):
    """Clips (V, T) and their labels, of a video without a reader."""
    sample = SampleShuffledSegments(**options)
    results = sample(dict(total_frames=total, start_index=start_index))
    frames = results['frame_inds'].reshape(results['num_clips'], results['clip_len'])
    return frames, *(results[name] for name in LABELS)


def in_the_video(frames, order, lengths, rates):
    """Segments of a clip as the video has them: their frames, lengths and rates."""
    parts = np.split(frames, np.cumsum(lengths)[:-1])
    seen = list(itertools.permutations(range(len(lengths))))[order]
    back = [seen.index(i) for i in range(len(seen))]
    return [parts[i] for i in back], lengths[back], rates[back]


@pytest.mark.parametrize('n', [2, 3, 4, 5])
@pytest.mark.parametrize('gap', ['next', 1, 5])
def test_frames_are_where_the_labels_say(n, gap):
    random.seed(n)
    for _ in range(40):
        clips = draw(400, num_segments=n, num_clips=2, gap=gap)
        assert [part.shape for part in clips] == [(2, 16), (2,), (2, n), (2, n)]
        for clip in zip(*clips, strict=True):
            segments, lengths, rates = in_the_video(*clip)
            assert lengths.sum() == 16 and lengths.min() >= 3
            assert rates.min() >= 1 and rates.max() <= 8
            expected = [segments[0][0]]
            for length, rate in zip(lengths, rates, strict=True):
                expected += [expected[-1] + rate * i for i in range(1, length)]
                expected.append(expected[-1] + (rate if gap == 'next' else gap))
            assert np.concatenate(segments).tolist() == expected[:-1]
            assert expected[0] >= 0 and expected[-2] < 400


def surprise(counts, expected):
    """Chi-square statistic beside its mean + 4.5 standard deviations."""
    found = sum((counts[key] - wanted) ** 2 / wanted for key, wanted in expected.items())
    assert set(counts) <= set(expected)
    freedom = len(expected) - 1
    return found, freedom + 4.5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize('total, n, least', [(16, 2, 3), (16, 3, 3), (16, 5, 3), (9, 3, 2)])
def test_lengths_are_uniform_over_all_that_add_up(total, n, least):
    random.seed(0)
    every = [x for x in itertools.product(range(least, total), repeat=n) if sum(x) == total]
    draws = 100 * len(every)
    counts = Counter(tuple(random_lengths(total, n, least).tolist()) for _ in range(draws))
    found, limit = surprise(counts, dict.fromkeys(every, 100))
    assert found < limit


def test_orders_rates_and_starts_are_uniform():
    random.seed(1)
    frames, orders, lengths, rates = draw(150, num_clips=4800)
    for values, kinds in ((orders, range(6)), (rates.ravel(), range(1, 9))):
        counts = Counter(values.tolist())
        found, limit = surprise(counts, dict.fromkeys(kinds, len(values) / len(kinds)))
        assert found < limit
    # Nothing tells of the rest: not of the order, and not of each other.
    told = np.column_stack([orders, lengths[:, 0], rates])
    assert np.abs(np.corrcoef(told.T) - np.eye(5)).max() < 0.06
    # The same span starts anywhere; that of rates of 1 or 2 has at least 120 places.
    low = frames[(rates <= 2).all(axis=1)].min(axis=1)
    assert low.min() < 15 and low.max() > 105 and abs(low.mean() - 63) < 12


def spans(most):
    """Every composition and rates in the order of the video, and the frames that they span."""
    lengths = [x for x in itertools.product(range(3, 11), repeat=3) if sum(x) == 16]
    for length, rate in itertools.product(lengths, itertools.product(range(1, most + 1), repeat=3)):
        yield rate, 1 + np.dot(length, rate) - rate[-1], len(lengths)


@pytest.mark.parametrize('total, cap', [(31, 2), (46, 3)])
def test_short_videos_draw_rates_again_under_the_highest_that_always_fits(total, cap):
    expected = Counter()
    for rate, span, lengths in spans(4):
        share = 1 / (lengths * 4**3)
        if span <= total:
            expected[rate] += share
        else:
            for again in itertools.product(range(1, cap + 1), repeat=3):
                expected[again] += share / cap**3
    draws = 4000
    random.seed(2)
    clips = draw(total, max_rate=4, num_clips=draws)
    shown = [in_the_video(*clip) for clip in zip(*clips, strict=True)]
    counts = Counter(tuple(rates.tolist()) for *_, rates in shown)
    found, limit = surprise(counts, {rate: draws * share for rate, share in expected.items()})
    assert found < limit
    # All of them fit, up to the last frame.
    assert clips[0].min() == 0 and clips[0].max() == total - 1
    for segments, _, rates in shown:
        for frames, rate in zip(segments, rates, strict=True):
            assert (np.diff(frames) == rate).all()


@pytest.mark.parametrize('total', [1, 2, 5, 11, 15, 16])
def test_videos_shorter_than_a_clip_start_over(total):
    random.seed(3)
    for clip in zip(*draw(total, num_clips=20), strict=True):
        segments, lengths, rates = in_the_video(*clip)
        assert rates.tolist() == [1, 1, 1] and lengths.sum() == 16
        assert np.concatenate(segments).tolist() == [i % total for i in range(16)]


def test_gaps_count_for_what_fits():
    random.seed(4)
    # 13 steps within segments and 2 x 20 between them: 26 + 40 + 1 frames at a rate of 2.
    frames, *_, rates = draw(67, gap=20, num_clips=300)
    assert frames.max() == 66
    # An eighth of those drawn again, as nearly all are; one frame less, and it hardly comes.
    assert (rates == 2).all(axis=1).sum() > 20
    assert (draw(66, gap=20, num_clips=300)[3] == 2).all(axis=1).sum() < 10
    assert draw(54, gap=20, num_clips=50)[3].max() == 1
    assert draw(20, gap=20, num_clips=50)[3].max() == 1


def test_no_rate_is_above_the_highest():
    random.seed(5)
    # As long as it takes for every rate, but for one frame: the second draw ends at 8 as well.
    assert draw(120, num_clips=4000)[3].max() == 8
    assert draw(10**4, num_clips=500, max_rate=1)[3].max() == 1
    # Clips too long for their video by the gaps alone.
    assert draw(200, num_clips=500, max_rate=2, gap=90)[3].max() == 2


def test_in_test_mode_a_video_is_always_sampled_alike_and_each_in_its_own_way():
    sample = SampleShuffledSegments(num_clips=3, test_mode=True)
    video = dict(total_frames=300, filename='data/a/b.mp4', video_root='data')
    random.seed(6)
    state = random.getstate()
    first = sample(dict(video))
    assert random.getstate() == state
    random.seed(7)
    for again in (sample(dict(video)), sample({**video, 'filename': 'b.mp4', 'video_root': ''})):
        same = all((again[name] == first[name]).all() for name in ('frame_inds', *LABELS))
        assert same is (again['filename'] == video['filename'])
    # Wherever it is kept.
    moved = sample({**video, 'filename': '/disk/a/b.mp4', 'video_root': '/disk'})
    assert (moved['frame_inds'] == first['frame_inds']).all()
    # From the first frame, in the middle, up to the last one.
    frames = first['frame_inds'].reshape(3, 16)
    assert frames[0].min() == 0 and frames[2].max() == 299
    assert abs(frames[1].min() + frames[1].max() - 299) <= 1
    orders = [sample({**video, 'filename': f'data/{i}.mp4'})['segment_order'] for i in range(200)]
    counts = Counter(np.concatenate(orders).tolist())
    found, limit = surprise(counts, dict.fromkeys(range(6), 100))
    assert found < limit


def test_ordered_clips_follow_and_ask_nothing():
    options = dict(num_clips=2, num_ordered=3)
    for test_mode in (True, False):
        random.seed(8)
        frames, orders, *numbers = draw(100, test_mode=test_mode, **options)
        assert frames.shape == (5, 16) and orders.min() == -1
        assert [(orders >= 0).tolist()] == [[True, True, False, False, False]]
        for labels in numbers:
            assert (labels[:2] > 0).all() and (labels[2:] == -1).all()
        assert (np.diff(frames[2:]) == 1).all()
        assert (frames[2:, 0].tolist() == [0, 42, 84]) is test_mode
    assert draw(10, **options)[0][2:].tolist() == [[i % 10 for i in range(16)]] * 3


def test_a_part_of_the_video_alone():
    random.seed(9)
    frames, *_ = draw(200, num_clips=200, num_ordered=50, part=(0.25, 0.75))
    assert frames.min() >= 50 and frames.max() < 150
    short = draw(20, part=(0.5, 1))[0]
    assert set(short.ravel()) == set(range(10, 20))


def test_the_layout_of_mmaction_and_stored_frames_that_count_from_one():
    results = SampleShuffledSegments(num_clips=2)(dict(total_frames=16, start_index=1))
    assert results['frame_inds'].shape == (32,) and results['frame_inds'].dtype == np.int32
    assert sorted(set(results['frame_inds'])) == list(range(1, 17))
    assert (results['num_clips'], results['clip_len']) == (2, 16)
    assert results['frame_interval'] is None
    assert {results[name].dtype for name in LABELS} == {np.dtype(np.int64)}


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(num_segments=1), 'num_segments and min_length must be 2 or more.*got 1 and 3'),
        (dict(min_length=1), 'one frame no rate; got 3 and 1'),
        (dict(clip_len=8), '3 segments of 3 frames or more do not fit into a clip of 8'),
        (dict(max_rate=0), 'max_rate and num_clips must be 1 or more.*got 0, 1 and 0'),
        (dict(num_clips=0), 'got 8, 0 and 0'),
        (dict(num_ordered=-1), 'num_ordered 0 or more, got 8, 1 and -1'),
        (dict(gap=0), "gap must be a number of frames from 1 on, or 'next', got 0"),
        (dict(gap='own'), "or 'next', got 'own'"),
        (dict(part=(0.5, 0.5)), 'part must be two increasing shares'),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        SampleShuffledSegments(**options)


def test_a_clip_that_the_shortest_segments_fill_is_allowed():
    assert draw(100, clip_len=9)[2].tolist() == [[3, 3, 3]]
    assert draw(100, clip_len=4, num_segments=2, min_length=2)[2].tolist() == [[2, 2]]
    assert repr(SampleShuffledSegments(gap=2)) == (
        'SampleShuffledSegments(clip_len=16, num_segments=3, max_rate=8, min_length=3, '
        'num_clips=1, gap=2, test_mode=False, num_ordered=0, part=(0.0, 1.0))'
    )
