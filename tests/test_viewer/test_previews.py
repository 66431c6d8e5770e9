"""Previews hold what was decoded in time, in order and from the start."""

from types import SimpleNamespace

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, VideoTimeoutError
from ssvrl_mm.viewer import previews
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.library import Video
from ssvrl_mm.viewer.previews import Previews
from tests.clips import encode, translating


class Slow:
    """A reader whose calls run out of time when they have given these frames."""

    metadata = SimpleNamespace(width=32, height=16)

    def __init__(self, *given):
        self.given = list(given)

    def __len__(self):
        return 45

    def get_frames_at(self, numbers, streams, receive):
        given = self.given.pop(0)
        for number in numbers:
            if given is None or number in given:
                receive('rgb', number, np.full((16, 32, 3), number, np.uint8))
        if given is not None:
            raise VideoTimeoutError('x.mp4', 'takes longer than 10 s')


@pytest.mark.parametrize(
    'calls, count',
    [
        ([None, None, None], 45),
        ([None, {15, 16, 17}], 18),
        ([None, ()], 15),
        ([None, {16, 17}], 15),
        ([{0, 2, 3}], 1),
    ],
)
def test_what_was_decoded_in_time(calls, count):
    frames = list(previews._frames(Slow(*calls), 25.0, 1, float('inf')))
    assert [frame[0, 0, 0] for frame in frames] == list(range(count))
    assert {frame.shape for frame in frames} == {(16, 32, 3)}


@pytest.mark.parametrize('given', [(), {1, 2}])
def test_a_video_without_a_first_frame_in_time(given):
    with pytest.raises(VideoTimeoutError, match='takes longer'):
        list(previews._frames(Slow(given), 25.0, 1, float('inf')))


@pytest.mark.parametrize('deadline, count', [(6.9, 15), (7.0, 45)])
def test_no_call_begins_after_the_deadline(monkeypatch, deadline, count):
    monkeypatch.setattr(previews, 'time', SimpleNamespace(monotonic=lambda: 7.0))
    assert len(list(previews._frames(Slow(None, None, None), 25.0, 1, deadline))) == count


@pytest.mark.parametrize(
    'width, height, shape',
    [(480, 120, (60, 240)), (120, 480, (240, 60)), (2000, 4, (2, 240)), (200, 90, (90, 200))],
)
def test_frames_are_no_larger_than_a_preview(monkeypatch, width, height, shape):
    monkeypatch.setattr(Slow, 'metadata', SimpleNamespace(width=width, height=height))
    first = next(previews._frames(Slow(None), 25.0, 1, float('inf')))
    assert first.shape[:2] == shape


@pytest.mark.parametrize('fps, step, count', [(0.1, 1, 2), (5.0, 1, 30), (7.0, 2, 21), (50, 1, 45)])
def test_the_first_six_seconds(fps, step, count):
    calls = [None] * 3
    assert len(list(previews._frames(Slow(*calls), fps, step, float('inf')))) == count


@pytest.mark.parametrize(
    'rate, shown, step', [(30, 30, 1), (60, 60, 1), (100, 50, 2), (240, 60, 4)]
)
def test_fast_videos_play_at_their_speed_at_a_rate_of_browsers(tmp_path, rate, shown, step):
    content = translating(10, 1, 0, 48, 64)
    file = encode(tmp_path / 'x.mp4', content, fps=rate)
    made = Previews(Limits())
    with CompressedVideoReader(made.make(Video('x', 'x', file))) as reader:
        assert reader.metadata.average_fps == shown
        frames = reader.get_frames_at(range(len(reader)), ('rgb',)).rgb
    # Which of the frames of the file each one is.
    grey = np.stack(content).mean(axis=-1)
    found = [np.abs(grey - frame.mean(axis=-1)).mean(axis=(1, 2)).argmin() for frame in frames]
    assert found == list(range(0, 10, step))
    made.close()
