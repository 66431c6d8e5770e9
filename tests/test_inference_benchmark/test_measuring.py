"""Times of set-ups, on a clock that they move themselves."""

import os
from pathlib import Path

import pytest

from ssvrl_mm.inference_benchmark.base import Setup
from ssvrl_mm.inference_benchmark.measuring import (
    Clock,
    Run,
    measure,
    per_frame_ms,
    spread,
    summarise,
)
from ssvrl_mm.inference_benchmark.videos import Video
from ssvrl_mm.video import VideoDecodeError


class Time:
    """A clock that stands still unless somebody spends time."""

    def __init__(self):
        self.seconds, self.log = 0.0, []

    def spend(self, name, *costs):
        """A function that takes so many seconds, one call after the other."""
        left = list(costs)

        def run(*_):
            self.log.append(name)
            self.seconds += left.pop(0)
            return name

        return run

    def clock(self):
        return Clock(lambda: self.seconds, lambda: self.log.append('wait'))


@pytest.fixture
def videos(tmp_path):
    found = []
    for name, size in (('a', 700), ('b', 90)):
        (tmp_path / name).write_bytes(bytes(size))
        found.append(Video(str(tmp_path / name), 10, 64, 48, 'mpeg4', size))
    return found


def test_each_part_has_its_time_and_the_first_run_warms_up(videos, tmp_path):
    time, scratch = Time(), tmp_path / 'scratch'
    scratch.mkdir()
    # Reading and forwarding once more at the start, which does not count.
    fly = Setup(
        'fly',
        time.spend('read', 50, 2, 3, 4, 5),
        time.spend('forward', 60, 0.5, 0.25, 0.125, 1),
    )
    runs = [run for _, run in measure({'fly': fly}, videos, 2, scratch, time.clock())]
    assert [run.read_s for run in runs] == [2, 3, 4, 5]
    assert [run.network_s for run in runs] == [0.5, 0.25, 0.125, 1]
    assert [run.pre_processing_s for run in runs] == [2, 3, 4, 5]
    assert [run.inference_s for run in runs] == [0.5, 0.25, 0.125, 1]
    assert [run.total_s for run in runs] == [2.5, 3.25, 4.125, 6]
    assert [(Path(run.video).name, run.round) for run in runs] == [
        ('a', 0),
        ('b', 0),
        ('a', 1),
        ('b', 1),
    ]
    assert [run.store_s for run in runs] == [0] * 4 and not any(run.stores for run in runs)
    # Only the video is read.
    assert [run.bytes for run in runs] == [700, 90, 700, 90]
    # What runs elsewhere is waited for before the clock is looked at.
    assert time.log[:6] == ['read', 'forward', 'wait', 'read', 'wait', 'wait']


def test_what_is_stored_is_pre_processing_counted_and_deleted(videos, tmp_path):
    time, folders = Time(), []

    def store(video, folder):
        assert not list(folder.iterdir())
        folders.append(folder)
        (folder / 'one').write_bytes(bytes(11))
        (folder / 'two').write_bytes(bytes(video.bytes // 10))
        time.seconds += 8

    def read(video, folder):
        assert sorted(os.listdir(folder)) == ['one', 'two'] and folder == folders[-1]
        time.seconds += 2

    setups = {
        'beside': Setup('', read, time.spend('', 1, 1, 1), store),
        'instead': Setup('', read, None, store, needs_video=False),
    }
    runs = list(measure(setups, videos, 1, tmp_path, time.clock()))
    for name, run in runs:
        assert (run.store_s, run.read_s, run.pre_processing_s, run.stores) == (8, 2, 8, True)
        video = 700 if run.video.endswith('a') else 90
        stored = 11 + video // 10
        if name == 'beside':
            assert (run.inference_s, run.total_s) == (3, 11) and run.bytes == stored + video
        else:
            assert run.network_s is run.inference_s is run.total_s is None
            assert run.bytes == stored
    assert len(runs) == 4 and not any(folder.exists() for folder in folders)
    assert {folder.parent for folder in folders} == {tmp_path}


def test_set_ups_take_turns(videos, tmp_path):
    setups = {name: Setup(name, lambda *_: None) for name in 'abc'}
    names = [name for name, _ in measure(setups, videos, 4, tmp_path)]
    turns = [tuple(names[i : i + 3]) for i in range(0, 24, 3)]
    assert all(sorted(turn) == ['a', 'b', 'c'] for turn in turns) and len(set(turns)) > 1


def test_a_video_that_a_set_up_cannot_read_is_told_once(videos, tmp_path):
    calls = []

    def read(video, _):
        calls.append(video.path)
        if video.path.endswith('a'):
            raise VideoDecodeError(video.path, 'is broken')

    setups = {'fails': Setup('', read), 'other': Setup('', lambda *_: None)}
    outcomes = list(measure(setups, videos, 3, tmp_path))
    errors = [(name, str(run)) for name, run in outcomes if isinstance(run, VideoDecodeError)]
    assert errors == [('fails', f'{videos[0].path}: is broken')]
    assert calls.count(videos[0].path) == 1
    counts = [name for name, run in outcomes if isinstance(run, Run)]
    assert (counts.count('fails'), counts.count('other')) == (3, 6)
    assert sorted(os.listdir(tmp_path)) == ['a', 'b']


def test_wall_time_is_the_default(monkeypatch):
    ticks = iter([3.0, 7.5])
    monkeypatch.setattr('time.perf_counter', lambda: next(ticks))
    result, seconds = Clock(__import__('time').perf_counter).measure(divmod, 7, 2)
    assert (result, seconds) == ((3, 1), 4.5)
    assert Clock().measure(int)[1] >= 0


def test_median_and_quartiles():
    assert spread([5, 1, 4, 2, 3]) == {'median': 3, 'q1': 2, 'q3': 4}
    assert spread([1, 2]) == {'median': 1.5, 'q1': 1.25, 'q3': 1.75}


def make(video, number, store, read, network, size=0):
    return Run(video, number, store, read, network, bool(store), size)


def test_ratios_are_those_of_the_same_video_and_round():
    ours = [make('a', 0, 0, 1, 1), make('b', 0, 0, 10, 30), make('a', 1, 0, 2, 2)]
    # Pre-processing 3, 20, 8 and 9; total 6, 80, 12 and 12.
    runs = [
        make('a', 0, 3, 2, 1, 100),
        make('b', 0, 20, 20, 40, 300),
        make('a', 1, 8, 2, 2, 100),
        make('b', 1, 9, 2, 1, 300),
    ]
    summary = summarise(runs, ours)
    assert summary['store_s'] == summary['pre_processing_s'] == spread([3, 8, 9, 20])
    assert summary['read_s'] == spread([2, 2, 2, 20])
    assert summary['network_s'] == spread([1, 1, 2, 40])
    assert summary['inference_s'] == spread([3, 3, 4, 60])
    assert summary['total_s'] == spread([6, 12, 12, 80])
    # Where ours was not measured there is no ratio.
    assert summary['x_pre_processing'] == spread([3, 2, 4])
    assert summary['x_total'] == spread([3, 2, 3])
    assert summary['bytes'] == 200


def test_without_networks_there_is_no_total():
    ours = [make('a', 0, 0, 2, 1)]
    summary = summarise([make('a', 0, 6, 1, None)], ours)
    assert summary['network_s'] is summary['inference_s'] is summary['total_s'] is None
    assert summary['x_total'] is None and summary['x_pre_processing']['median'] == 3
    assert summarise(ours, [])['x_total'] is None


def test_a_frame_takes_its_share_without_storing():
    runs = [make('a', 0, 9, 0.05, 0.2), make('b', 0, 9, 0.1, 0.1), make('a', 1, 9, 0.4, 0.4)]
    own = per_frame_ms(runs, 25)
    assert own['pre_processing_ms'] == pytest.approx(spread([2, 4, 16]))
    assert own['inference_ms'] == pytest.approx(spread([8, 4, 16]))
    assert own['total_ms'] == pytest.approx(spread([10, 8, 32]))
    own = per_frame_ms([make('a', 0, 9, 0.05, None)], 10)
    assert own['pre_processing_ms']['median'] == pytest.approx(5)
    assert own['inference_ms'] is own['total_ms'] is None
