"""Which files of scores clips are drawn by: of this video, this flow and these options."""

from dataclasses import replace

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import SampleMotionClips
from ssvrl_mm.video import ScoreFileError

from .motion_scores import (
    HEADER,
    above,
    frame_scores,  # noqa: F401 - a fixture
    of_clips,
    write,
)


@pytest.mark.parametrize(
    ('changes', 'options', 'words'),
    [
        ({}, dict(span=4), 'span is 2, not 4; distance is 2, not 4; `python '),
        ({}, dict(distance=1), 'distance is 2, not 1; `python '),
        ({}, dict(weight='max'), "weight is 'softmax', not 'max'"),
        ({}, dict(flow_method='raft'), "method is 'vectors', not 'raft'"),
        ({}, dict(frame_interval=3), 'span is 2, not 3'),
        (dict(num_frames=61), {}, 'the video is another one, or has changed (num_frames is 61'),
    ],
)
def test_other_scores_are_told(tmp_path, values, changes, options, words):
    write(tmp_path, [*values[:56], 0, np.nan], replace(HEADER, **changes))
    given = dict(clip_len=4, frame_interval=2, scores_root=str(tmp_path)) | options
    step = SampleMotionClips(**given)
    with pytest.raises(ScoreFileError) as caught:
        step(dict(filename='a/b.avi', total_frames=60))
    text = str(caught.value)
    assert text.startswith(f'{tmp_path}/a/b.avi.scores: holds other scores than are asked for of a')
    assert words in text
    assert text.endswith(' --overwrite` makes it anew')


class Estimator:
    """Stands for RAFT: a function that says what it is."""

    def __init__(self, updates):
        self.updates = updates

    def __call__(self, first, second):
        raise AssertionError('nothing is computed')

    def describe(self):
        return dict(method='raft', updates=self.updates)


READ = dict(streams=('rgb', 'flow'))


@pytest.mark.parametrize(
    ('stored', 'options', 'reader', 'words'),
    [
        ({}, {}, dict(flow_method='dis', flow_cell=8), "method is 'vectors', not 'dis'"),
        ({}, {}, dict(flow_method='vectors', flow_cell=16), 'cell is 8, not 16'),
        (dict(method='raft'), {}, dict(flow_method='raft', flow_root='x'), 'cell is 8, not 1'),
        (
            dict(method='dis', cell=1),
            dict(flow_method='dis'),
            dict(flow_method='dis', flow_scale=0.5),
            'scale is 1.0, not 0.5',
        ),
        (
            dict(method='raft', cell=1, method_options=dict(updates=12)),
            {},
            dict(flow_method=Estimator(6)),
            "method_options is {'updates': 12}, not {'updates': 6}",
        ),
    ],
)
def test_scores_are_of_the_flow_that_the_sample_reads(
    tmp_path, values, stored, options, reader, words
):
    write(tmp_path, values, replace(HEADER, **stored))
    step = SampleMotionClips(4, 2, scores_root=str(tmp_path), **options)
    results = dict(filename='a/b.avi', total_frames=60, reader_options=reader, **READ)
    with pytest.raises(ScoreFileError) as caught:
        step(dict(results))
    assert f'of a/b.avi: {words}; `' in str(caught.value)


def test_scores_may_be_of_other_flow_where_that_is_asked_for_or_none_is_read(tmp_path, values):
    write(tmp_path, values)
    dense = dict(flow_method='dis', flow_cell=1)
    for options, given in (
        (dict(flow_method='vectors'), dict(READ, reader_options=dense)),
        ({}, dict(streams=('rgb',), reader_options=dense)),
        ({}, dict(reader_options=dense)),
        ({}, dict(READ, reader_options=dict(flow_method=lambda first, second: None))),
        ({}, dict(READ, reader_options=dict(flow_method='vectors'))),
    ):
        step = SampleMotionClips(4, 2, scores_root=str(tmp_path), **options)
        assert step(dict(filename='a/b.avi', total_frames=60, **given))['frame_inds'].shape[0] == 2


@pytest.mark.parametrize(
    ('options', 'reader', 'arguments'),
    [
        ({}, dict(flow_method='raft', flow_root='my raft'), "raft --flow-root 'data/my raft'"),
        (dict(flow_method='raft'), dict(flow_method='raft', flow_root='/r'), 'raft --flow-root /r'),
        (dict(flow_method='raft'), {}, 'raft --flow-root FOLDER'),
        (dict(flow_method='raft'), dict(flow_method='dis'), 'raft --flow-root FOLDER'),
        ({}, dict(flow_method='dis', flow_root='s3://flow'), 'dis --flow-root FOLDER'),
        ({}, dict(flow_method='dis', flow_scale=0.5, flow_cell=2), 'dis --scale 0.5 --cell 2'),
        ({}, dict(flow_method='vectors', flow_cell=16), 'vectors --cell 16'),
        (dict(flow_method='vectors'), dict(flow_method='vectors'), 'vectors'),
    ],
)
def test_the_command_makes_the_scores_of_this_flow(tmp_path, options, reader, arguments):
    step = SampleMotionClips(4, 2, scores_root='scores', **options)
    results = dict(filename='v/b.avi', video_root='v', data_root='data', total_frames=60)
    with pytest.raises(ScoreFileError) as caught:
        step(dict(results, reader_options=reader, **READ))
    command = f'score_motion.py v --out data/scores --span 2 --method {arguments}` makes it'
    assert str(caught.value).endswith(command)


@pytest.mark.parametrize(('score_interval', 'counted'), [(None, 3), (2, 1), (1, 1)])
def test_scores_that_count_come_closer_as_the_frames_do(tmp_path, score_interval, counted):
    # A clip of 3 frames, 4 apart, does not fit into 8; 3 apart, it may start at 0 and 1.
    values = np.array([0.5, 0.2, 0, 0.1, 0.9, 1.15, 0, np.nan])
    write(tmp_path, values, replace(HEADER, num_frames=8, span=1, distance=1))
    values[6:] = np.nan
    given = dict(frame_interval=4, shorten='stride', span=1, score_interval=score_interval)
    step = SampleMotionClips(3, scores_root=str(tmp_path), **given)
    found = set()
    for _ in range(30):
        results = step(dict(filename='a/b.avi', total_frames=8))
        assert results['frame_interval'] == 3
        found |= set(results['frame_inds'][:, 0].tolist())
    (expected,) = above(of_clips(values, 1, counted, 3))
    assert found == {expected}
    # As lowered, it tells another clip than as it stands.
    if score_interval != counted:
        assert above(of_clips(values, 1, score_interval or 4, 3)) == [1 - expected]


def test_missing_and_damaged_scores_name_the_command(tmp_path, values):
    step = SampleMotionClips(4, 2, scores_root='scores', distance=1, weight='max', span=-2)
    results = dict(
        filename='data/my videos/a/b.avi',
        video_root='data/my videos',
        data_root=str(tmp_path),
        total_frames=60,
    )
    with pytest.raises(ScoreFileError, match='cannot be read: No such file') as caught:
        step(results)
    command = (
        f"tools/data/score_motion.py 'data/my videos' --out {tmp_path}/scores --span -2 "
        '--distance 1 --weight max` makes it'
    )
    assert str(caught.value).endswith(command)
    path = tmp_path / 'scores/a/b.avi.scores'
    path.parent.mkdir(parents=True)
    path.write_bytes(b'nothing')
    with pytest.raises(ScoreFileError, match=r'b\.avi\.scores: is no file of motion scores; `py'):
        step(results)
    with pytest.raises(ScoreFileError, match='is not below videos: scores does not tell where'):
        step(results | dict(video_root='videos', filename='b.avi'))
