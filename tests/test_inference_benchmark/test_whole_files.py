"""Frames per second of whole files."""

import pytest

from ssvrl_mm.inference_benchmark import whole_files
from ssvrl_mm.inference_benchmark.measuring import Clock
from ssvrl_mm.inference_benchmark.videos import check_video
from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError
from tests.clips import encode, translating


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    frames = translating(70, 1, 0, 48, 64)
    vp9 = {'deadline': 'realtime', 'cpu-used': '8'}
    return [
        check_video(str(encode(folder / 'a.avi', frames, 'mpeg4', gop=30))),
        check_video(str(encode(folder / 'b.webm', frames[:4], 'libvpx-vp9', options=vp9))),
    ]


def test_every_frame_is_read_once(videos, monkeypatch):
    asked = []
    read = CompressedVideoReader.get_frames_at

    def record(reader, indices, streams, **options):
        batch = read(reader, indices, streams, **options)
        asked.append((list(indices), streams, list(options.get('motion_indices', indices))))
        assert 'motion' not in streams or len(batch.motion) == len(asked[-1][2])
        return batch

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', record)
    for name, read_file in whole_files.READERS.items():
        asked.clear()
        read_file(videos[0].path)
        shown = [number for frames, _, _ in asked for number in frames]
        moving = [number for _, _, frames in asked for number in frames]
        assert shown == ([0, 30, 60] if name == whole_files.CONTEXT_MOTION else list(range(70)))
        assert moving == list(range(70))
        expected = ('rgb',) if name == 'frames' else ('rgb', 'motion')
        assert {streams for _, streams, _ in asked} == {expected}
        # Long videos do not fill the memory.
        assert max(len(frames) for _, _, frames in asked) == 32


def test_frames_per_second(videos, monkeypatch):
    seconds = [0.0]
    # The first round does not count.
    costs = iter([100.0, 100.0, 0.5, 0.25, 0.25, 0.125])

    def spend(path):
        seconds[0] += next(costs)

    monkeypatch.setattr(whole_files, 'READERS', {'one': spend, 'two': spend})
    rates, failed = whole_files.measure_whole_files(videos[:1], 2, Clock(lambda: seconds[0]))
    assert rates == {
        'one': {'median': 210.0, 'q1': 175.0, 'q3': 245.0},
        'two': {'median': 420.0, 'q1': 350.0, 'q3': 490.0},
    }
    assert failed == []


def test_videos_without_vectors_are_named(videos):
    rates, failed = whole_files.measure_whole_files(videos[1:], 1)
    assert list(rates) == ['frames'] and rates['frames']['median'] > 0
    assert [type(error) for error in failed] == [MotionUnavailableError] * 2
    assert all(error.path == videos[1].path for error in failed)


def test_files_are_met_as_if_for_the_first_time(videos, monkeypatch):
    known = []
    monkeypatch.setattr(
        whole_files, 'READERS', {'one': lambda path: known.append(len(whole_files.known_videos))}
    )
    check_video(videos[0].path)
    whole_files.measure_whole_files(videos[:1], 1)
    assert known == [0, 0]
