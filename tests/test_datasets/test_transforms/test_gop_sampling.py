"""Which frames make groups of pictures, and what is refused."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import SampleGOPs
from ssvrl_mm.video import GOPStructureError, MotionUnavailableError, VideoTooShortError

COMMAND = r'python -m ssvrl_mm\.video transcode SOURCE TARGET --preset mpeg4-gop12'


def sampled(
    num_frames, average_fps=25.0, keyframes=None, has_b=False, exports=True, streams=None, **how
):
    """The results of sampling a made-up video; ``how`` are options, those of the reader first."""
    reader = SimpleNamespace(
        path='videos/a.avi',
        motion=how.pop('motion', 'codec'),
        accumulate=how.pop('accumulate', False),
        metadata=SimpleNamespace(
            num_frames=num_frames,
            keyframes=tuple(range(0, num_frames, 12)) if keyframes is None else keyframes,
            has_b_frames=has_b,
            exports_motion=exports,
            codec='vp9',
        ),
    )
    results = dict(total_frames=num_frames, avg_fps=average_fps, video_reader=reader)
    if streams:
        results['streams'] = streams
    return SampleGOPs(**how)(results)


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


def test_a_clip_of_the_paper():
    results = sampled(60)
    assert results['num_clips'] == 1
    for key in ('frame_inds', 'iframe_inds'):
        assert results[key].dtype == np.int64
        assert results[key].tolist() == [[0, 12, 24, 36, 48]]
    assert not np.shares_memory(results['frame_inds'], results['iframe_inds'])
    assert results['motion_inds'].dtype == np.int64
    expected = [[12 * g + p for g in range(5) for p in (2, 4, 6, 8, 10)]]
    assert results['motion_inds'].tolist() == expected


def test_training_begins_with_any_group():
    """12 whole groups: a clip of five may begin with the first eight."""
    starts = {sampled(12 * 12 + 11)['iframe_inds'][0, 0] for _ in range(300)}
    assert starts == {12 * n for n in range(8)}


def test_clips_of_one_video_are_drawn_apart():
    drawn = [tuple(sampled(144, num_clips=2)['iframe_inds'][:, 0].tolist()) for _ in range(200)]
    assert any(a != b for a, b in drawn) and any(a == b for a, b in drawn)
    results = sampled(144, num_clips=2)
    assert results['num_clips'] == 2 and results['motion_inds'].shape == (2, 25)
    shown = results['motion_inds'].reshape(2, 5, 5) - results['iframe_inds'][..., None]
    assert (shown == [2, 4, 6, 8, 10]).all()


def test_tests_take_even_groups():
    (start,) = sampled(15 * 12, test_mode=True)['iframe_inds'][:, 0]
    assert start == 5 * 12  # five groups before it, and five after it
    starts = sampled(32 * 12, test_mode=True, num_clips=10)['iframe_inds'][:, 0]
    assert starts.tolist() == [12 * n for n in range(0, 28, 3)]


def test_a_part_of_a_video():
    """Twelve groups, halved: clips of five begin with group 0 or 1, and with 6 or 7."""
    for part, first in (((0, 0.5), 0), ((0.5, 1), 6)):
        starts = {sampled(144, part=part)['iframe_inds'][0, 0] for _ in range(50)}
        assert starts == {12 * first, 12 * (first + 1)}
    # Four groups have two in each half, which start over.
    groups = sampled(48, part=(0.5, 1), test_mode=True)['iframe_inds'] // 12
    assert groups.tolist() == [[2, 3, 2, 3, 2]]
    # Of fewer groups than parts, two parts would have the same one.
    assert sampled(24, part=(0, 0.5))['iframe_inds'].tolist() == [[0] * 5]
    assert sampled(24, part=(0.5, 1))['iframe_inds'].tolist() == [[12] * 5]
    thirds = [sampled(36, part=(n / 3, (n + 1) / 3))['iframe_inds'][0, 0] for n in range(3)]
    assert thirds == [0, 12, 24]
    for num_frames, part, needed in ((23, (0, 0.5), 24), (12, (0.5, 1), 24), (35, (0, 1 / 3), 36)):
        with pytest.raises(VideoTooShortError, match=f'{num_frames} frames, at least {needed} are'):
            sampled(num_frames, part=part)
    with pytest.raises(VideoTooShortError, match='19 frames, at least 20 are'):
        sampled(19, part=(0, 0.5), fps=30)
    with pytest.raises(ValueError, match='part must be two increasing shares'):
        SampleGOPs(part=(0.5, 0.5))


@pytest.mark.parametrize('test_mode', [False, True])
def test_short_videos_repeat_whole_groups(test_mode):
    results = sampled(30, test_mode=test_mode)
    assert results['iframe_inds'].tolist() == [[0, 12, 0, 12, 0]]
    assert results['motion_inds'][0, 10:15].tolist() == [2, 4, 6, 8, 10]
    assert sampled(12)['iframe_inds'].tolist() == [[0] * 5]


def test_videos_without_a_group():
    with pytest.raises(VideoTooShortError, match='videos/a.avi: .* 11 frames, at least 12'):
        sampled(11)
    with pytest.raises(VideoTooShortError, match='9 frames, at least 10'):
        sampled(9, fps=30)
    with pytest.raises(VideoTooShortError, match='10 frames, at least 11'):
        sampled(10, 25.1, fps=30)  # 11.95 frames
    # Ten frames at 25 per second last as long as twelve at 30.
    assert sampled(10, fps=30)['motion_inds'][0, :5].tolist() == [2, 3, 5, 7, 8]


def test_other_groups():
    results = sampled(64, num_gops=2, gop_size=8, positions=range(1, 8), test_mode=True)
    assert results['iframe_inds'].tolist() == [[24, 32]]
    assert results['motion_inds'].tolist() == [[*range(25, 32), *range(33, 40)]]
    everything = sampled(60, positions=range(1, 12))
    assert everything['motion_inds'].shape == (1, 55)


@pytest.mark.parametrize(('average', 'fps'), [(25, 30), (29.97, 30), (60, 30), (24, 30), (30, 7.5)])
def test_the_frames_nearest_to_a_rate(average, fps):
    """Of all frames none is nearer to the time at which the frame of the other rate is shown."""
    for num_frames in (97, 150, 311):
        results = sampled(num_frames, average, fps=fps, num_clips=3)
        first = results['iframe_inds'][:, 0]
        times = np.arange(num_frames) / average
        total = int(num_frames * fps / average + 1e-6) // 12
        for clip, begin in enumerate(first):
            shown = [
                [results['iframe_inds'][clip, g], *results['motion_inds'][clip, 5 * g : 5 * g + 5]]
                for g in range(5)
            ]
            # Which group the clip begins with: the one whose first frame this is.
            (group,) = (
                n for n in range(total) if abs(begin / average - 12 * n / fps) < 0.51 / average
            )
            for g, frames in enumerate(shown):
                asked = (12 * ((group + g) % total) + np.array([0, 2, 4, 6, 8, 10])) / fps
                nearest = np.abs(times[:, None] - asked).min(axis=0)
                np.testing.assert_allclose(np.abs(times[frames] - asked), nearest, atol=1e-9)


def test_a_rate_that_the_video_has_changes_nothing():
    assert sampled(97, 30, fps=30, test_mode=True)['motion_inds'].tolist() == (
        sampled(97, 30, test_mode=True)['motion_inds'].tolist()
    )


@pytest.mark.parametrize('keyframes', [(0, 10, 20), (0,), (0, 12, 24, 30), (12, 24), (0, 12, 36)])
def test_real_groups_are_those_of_the_file(keyframes):
    assert sampled(60, mode='real')['iframe_inds'].tolist() == [[0, 12, 24, 36, 48]]
    reason = (
        r'videos/a\.avi: its keyframes are not every 12th frame, and mode=.real. takes GOPs of 12'
    )
    with pytest.raises(GOPStructureError, match=f'{reason} frames without B-frames; .*{COMMAND}'):
        sampled(40, keyframes=keyframes, mode='real')
    sampled(40, keyframes=keyframes)


def test_real_groups_have_no_b_frames():
    with pytest.raises(GOPStructureError, match=rf'a\.avi: it has B-frames, .*{COMMAND}\)$'):
        sampled(60, has_b=True, mode='real')
    sampled(60, has_b=True)
    with pytest.raises(GOPStructureError, match=rf'not every 8th .*{COMMAND} --gop 8\)'):
        sampled(60, gop_size=8, positions=(2, 4), mode='real')


@pytest.mark.parametrize('mode', ['virtual', 'real'])
def test_accumulated_motion_needs_real_groups(mode):
    """It is that since the last I-frame of the file, which has to be the one that is shown."""
    sampled(60, accumulate=True, mode=mode)
    for wrong in (dict(keyframes=(0,)), dict(has_b=True)):
        with pytest.raises(GOPStructureError, match=COMMAND):
            sampled(60, accumulate=True, mode=mode, **wrong)
    with pytest.raises(GOPStructureError, match='and accumulated motion takes GOPs of 12'):
        sampled(60, accumulate=True, keyframes=(0,))
    # I-frames alone do not move.
    sampled(60, accumulate=True, keyframes=(0,), streams=('iframe',))
    for stream in ('motion', 'residual'):
        with pytest.raises(GOPStructureError):
            sampled(60, accumulate=True, keyframes=(0,), streams=(stream,))


def test_accumulated_motion_has_the_rate_of_its_video():
    with pytest.raises(ValueError, match='which fps passes over'):
        sampled(60, accumulate=True, fps=30)
    sampled(60, accumulate=True, fps=30, streams=('iframe',))


@pytest.mark.parametrize(
    ('wrong', 'reason'),
    [
        (dict(exports=False), 'FFmpeg does not export the motion vectors of vp9'),
        (dict(keyframes=tuple(range(60))), 'all frames are I-frames'),
    ],
)
def test_motion_needs_vectors(wrong, reason):
    match = rf"a\.avi: .*{reason}; estimate motion \(motion='estimate'\), or encode .*{COMMAND}"
    with pytest.raises(MotionUnavailableError, match=match):
        sampled(60, **wrong)
    with pytest.raises(MotionUnavailableError, match=rf'{reason}; encode .*{COMMAND}'):
        sampled(60, mode='real', **wrong)
    for motion in ('auto', 'estimate'):
        sampled(60, motion=motion, **wrong)
    sampled(60, streams=('iframe',), **wrong)
    with pytest.raises(MotionUnavailableError):
        sampled(60, streams=('iframe', 'residual'), **wrong)


@pytest.mark.parametrize(
    ('wrong', 'match'),
    [
        (dict(num_gops=0), 'must be 1 or more'),
        (dict(num_clips=0), 'must be 1 or more'),
        (dict(gop_size=1, positions=(1,)), 'gop_size 2 or more'),
        (dict(positions=()), r'rise within 1\.\.11'),
        (dict(positions=(0, 2)), 'got'),
        (dict(positions=(2, 12)), 'got'),
        (dict(positions=(4, 2)), 'rise'),
        (dict(positions=(2, 2)), 'rise'),
        (dict(mode='reel'), "'virtual' or 'real', got 'reel'"),
        (dict(fps=0), 'fps must be positive'),
        (dict(fps=30, mode='real'), "needs mode='virtual'"),
    ],
)
def test_arguments_out_of_range(wrong, match):
    with pytest.raises(ValueError, match=match):
        SampleGOPs(**wrong)


def test_the_least_arguments():
    results = sampled(2, num_gops=1, gop_size=2, positions=(1,))
    assert results['iframe_inds'].tolist() == [[0]] and results['motion_inds'].tolist() == [[1]]


def test_says_what_it_does():
    text = repr(SampleGOPs(fps=30))
    assert text.startswith('SampleGOPs(num_gops=5, gop_size=12') and 'fps=30' in text
