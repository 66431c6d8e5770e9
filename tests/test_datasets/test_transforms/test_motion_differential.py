"""Clips drawn by their scores: exactly those above the median, for query and key."""

import os
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.datasets.motion_scores import clip_scores, starts_above_median
from ssvrl_mm.datasets.transforms import SampleMotionClips
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import ScoreFileError
from ssvrl_mm.video.motion.differential import MotionDifferential
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion_score_files import write_scores
from ssvrl_mm.video.tools.motion_scoring import score_motion
from tests.clips import encode, translating

from .motion_scores import (
    HEADER,
    above,
    frame_scores,  # noqa: F401 - a fixture
    of_clips,
    write,
)


def sample(folder, count=300, total=60, **options):
    """Starts (count, V) of clips that are sampled again and again."""
    given = dict(clip_len=4, frame_interval=2, scores_root='.', **options)
    step = TRANSFORMS.build(dict(type='SampleMotionClips', **given))
    random.seed(0)
    found = []
    for _ in range(count):
        results = dict(
            filename='videos/a/b.avi',
            video_root='videos',
            data_root=str(folder),
            total_frames=total,
        )
        found.append(step(results)['frame_inds'])
    frames = np.stack(found)
    np.testing.assert_array_equal(frames, frames[..., :1] + 2 * np.arange(4))
    return frames[..., 0]


def test_query_and_key_are_all_starts_above_the_median_and_no_others(tmp_path, values):
    write(tmp_path, values)
    chosen = above(of_clips(values, 53))
    starts = sample(tmp_path, 2000)
    assert starts.shape == (2000, 2)
    assert set(starts[:, 0].tolist()) == set(starts[:, 1].tolist()) == set(chosen)
    assert len(chosen) == 27
    # Queries are drawn alike: 74 of each on average.
    assert min(Counter(starts[:, 0].tolist()).values()) > 45


@pytest.mark.parametrize('missing', ['skip', 'zero'])
@pytest.mark.parametrize('function', ['d', 'dw'])
def test_functions_and_missing_scores(tmp_path, values, function, missing):
    write(tmp_path, values)
    if function == 'd':
        values[:56] = values[:56][::-1].copy()
    chosen = above(of_clips(values, 53, missing=missing))
    starts = sample(tmp_path, 800, missing=missing, function=function)
    assert set(starts.ravel().tolist()) == set(chosen)


def test_scores_of_clips():
    rng = np.random.default_rng(1)
    values = rng.random(40)
    values[35:] = np.nan
    for missing in ('skip', 'zero'):
        for interval in (1, 4):
            expected = of_clips(values, 39, interval, 5, missing)
            found = clip_scores(values, 39, 5, interval, missing)
            np.testing.assert_allclose(found, expected)
            assert starts_above_median(found).tolist() == above(expected)


def test_ties_and_single_clips_are_all_kept():
    assert starts_above_median(np.full(5, 2.0)).tolist() == [0, 1, 2, 3, 4]
    assert starts_above_median(np.array([1.0])).tolist() == [0]
    assert starts_above_median(np.array([np.nan, np.nan])).tolist() == [0, 1]
    # Not those that are as high as the median.
    assert starts_above_median(np.array([2.0, 2.0, 2.0, 3.0, np.nan])).tolist() == [3]


def test_key_is_the_nearest_to_a_shift(tmp_path):
    # Clips of one frame: the starts 0, 20 and 50 are chosen.
    values = np.zeros(60)
    values[[0, 20, 50]] = 1
    write(tmp_path, values)
    given = dict(clip_len=1, frame_interval=2, scores_root='.', num_clips=3)
    step = SampleMotionClips(**given, key_shift=18)
    random.seed(0)
    found = set()
    for _ in range(800):
        results = dict(
            filename='videos/a/b.avi',
            video_root='videos',
            data_root=str(tmp_path),
            total_frames=60,
        )
        query, *keys = step(results)['frame_inds'][:, 0].tolist()
        found |= {(query, key) for key in keys}
    # 50 - 18 is nearer to 20, as is 20 - 18 to 0; 20 + 18 is nearer to 50, and 0 + 18 to 20.
    assert found == {(a, b) for a in (0, 20, 50) for b in (0, 20, 50)} - {(0, 50), (50, 0)}
    step = SampleMotionClips(**given, key_shift=9)
    assert step.key_shift == 9 and SampleMotionClips(**given).key_shift == 2
    for _ in range(100):
        inds = step(dict(results))['frame_inds'][:, 0]
        assert (inds == inds[0]).all()


def test_without_scores(tmp_path):
    step = SampleMotionClips(clip_len=2, frame_interval=1, function='none', num_clips=2)
    starts = [step(dict(total_frames=6))['frame_inds'][:, 0].tolist() for _ in range(400)]
    assert {query for query, _ in starts} == {0, 1, 2, 3, 4}
    assert max(abs(query - key) for query, key in starts) == 2


def test_a_part_and_a_short_video(tmp_path, values):
    write(tmp_path, values)
    # The second half: starts from 30 on, scored and compared among themselves.
    chosen = [30 + start for start in above(of_clips(values[30:], 23))]
    starts = sample(tmp_path, 500, part=(0.5, 1))
    assert set(starts.ravel().tolist()) == set(chosen)
    write(tmp_path, [1, 1, 1], replace(HEADER, num_frames=7))
    step = SampleMotionClips(4, 2, scores_root=str(tmp_path))
    results = dict(filename='a/b.avi', total_frames=7)
    assert step(results)['frame_inds'].tolist() == [[0, 2, 4, 6]] * 2


@pytest.mark.parametrize('offset', [2, -2])
def test_the_flow_of_every_frame_is_in_the_video(tmp_path, values, offset):
    write(tmp_path, values, replace(HEADER, span=offset))
    step = SampleMotionClips(4, 2, scores_root=str(tmp_path), motion_offset=offset)
    assert (step.span, step.distance) == (offset, 2)
    found = []
    for _ in range(600):
        results = step(dict(filename='a/b.avi', total_frames=60))
        frames = results['frame_inds']
        np.testing.assert_array_equal(results['motion_inds'], frames + max(offset, 0))
        found += frames[:, 0].tolist()
    # The last clip's last frame is two frames before the last of the video.
    assert set(found) == set(above(of_clips(values, 51)))


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(function='z'), "function must be one of .'none', 'w', 'd', 'dw'., got 'z'"),
        (dict(missing='mean'), "missing must be one of .* got 'mean'"),
        (dict(weight='sum'), "weight must be one of .* got 'sum'"),
        (dict(function='none'), "function='none' does not go with scores_root='scores'"),
        (dict(scores_root=None), "function='dw' does not go with scores_root=None"),
        (dict(key_shift=-1), 'key_shift must be 0 or more, got -1'),
        (dict(score_interval=0), 'score_interval must be 1 or more, got 0'),
        (dict(distance=0), 'distance must be 1 or more, got 0'),
        (dict(span=0), 'span must be a number of frames other than 0'),
        (dict(flow_method='vector'), "got 'vector'; did you mean vectors"),
        (
            dict(flow_method='optical'),
            "flow_method must be one of .*'raft'. or None, got 'optical'$",
        ),
        (dict(test_mode=True), "'test_mode'. say how clips are drawn.*take SampleClips"),
        (dict(min_gap=4), "'min_gap'. say how clips are drawn"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        SampleMotionClips(**{'clip_len': 4, 'scores_root': 'scores', **options})


def test_shown():
    text = repr(SampleMotionClips(4, 2, scores_root='scores'))
    assert text.startswith('SampleMotionClips(clip_len=4, frame_interval=2, num_clips=2')
    assert "shorten=None, scores_root='scores', function='dw', key_shift=8" in text
    assert text.endswith("span=2, distance=2, weight='softmax', flow_method=None)")


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Two videos that turn round in their middle, and the scores of one."""
    root = tmp_path_factory.mktemp('data')
    (root / 'videos').mkdir()
    there = translating(24, 3, 0, 96, 128)
    back = translating(24, 0, 3, 96, 128, seed=1)
    frames = np.concatenate([there, back])
    for name in ('a.avi', 'b.avi'):
        encode(root / 'videos' / name, frames, 'mpeg4', gop=48)
    return root


def dataset(root, **options):
    return CompressedVideoDataset(
        data_root=str(root),
        data_prefix=dict(video='videos'),
        seed=0,
        max_retries=0,
        pipeline=[
            dict(type='OpenCompressedVideo'),
            dict(type='SampleMotionClips', clip_len=3, frame_interval=2, scores_root='scores'),
        ],
        **options,
    )


def test_from_the_tool_to_the_dataset(videos):
    with pytest.raises(
        ScoreFileError, match=r'there are no motion scores of the videos in .*videos'
    ) as e:
        dataset(videos)[0]
    assert f'--out {videos}/scores --span 2` makes them' in str(e.value)
    options = dict(flow_method='raft', flow_root='raft')
    (videos / 'raft').mkdir()
    (videos / 'raft/a.avi.flow').touch()
    with pytest.raises(ScoreFileError) as caught:
        dataset(videos, streams=('rgb', 'flow'), reader_options=options)
    assert f'--span 2 --method raft --flow-root {videos}/raft` makes them' in str(caught.value)
    for name in ('a.avi', 'b.avi'):
        options = FlowOptions('vectors', span=2)
        target = videos / 'scores' / f'{name}.scores'
        score_motion(videos / 'videos' / name, target, options=options)
    ready = dataset(videos)
    starts = []
    for epoch in range(40):
        ready.set_epoch(epoch)
        starts += ready[0]['frame_inds'][:, 0].tolist()
    # Motion that goes on as it is scores next to nothing; the turn is at frame 24.
    assert min(starts) > 10 and np.median(starts) == pytest.approx(20, abs=3)
    # A video that has changed in the meantime.
    stamp = os.stat(videos / 'videos/a.avi')
    with open(videos / 'videos/a.avi', 'r+b') as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert os.path.getsize(videos / 'videos/a.avi') == stamp.st_size
    with pytest.raises(
        ScoreFileError, match='the video is another one, or has changed .video_sha2'
    ):
        dataset(videos, test_mode=True)[0]


def test_scores_of_synthetic_flow(tmp_path):
    """Flow that turns between frames 20 and 30 alone: those clips, and no others, are kept."""
    rng = np.random.default_rng(0)
    field = np.cumsum(np.cumsum(rng.normal(0, 1, (12, 15, 2)), 0), 1).astype(np.float32)
    angles = np.zeros(58)
    angles[20:30] = np.linspace(0, np.pi, 10)
    angles[30:] = np.pi
    turn = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], np.float32) for a in angles]
    differential = MotionDifferential((96, 120), 8, 2)
    differential.add(np.stack([field @ matrix for matrix in turn]))
    write_scores(tmp_path / 'b.avi.scores', HEADER, differential.values)
    step = SampleMotionClips(4, 2, scores_root=str(tmp_path))
    starts = {
        int(start)
        for _ in range(600)
        for start in step(dict(filename='b.avi', total_frames=60))['frame_inds'][:, 0]
    }
    # A clip's frames 0, 2, 4 and 6 are compared 2 frames later; maps differ from 19 to 29.
    changing = {
        t
        for t in range(54)
        if any(angles[t + k] != angles[t + k + 2] for k in (0, 2, 4, 6) if t + k + 2 < 58)
    }
    assert starts == changing and len(changing) < 27
