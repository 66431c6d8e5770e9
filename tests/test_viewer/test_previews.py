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
    frames = list(previews._frames(Slow(*calls), 25.0, float('inf')))
    assert [frame[0, 0, 0] for frame in frames] == list(range(count))
    assert {frame.shape for frame in frames} == {(16, 32, 3)}


@pytest.mark.parametrize('given', [(), {1, 2}])
def test_a_video_without_a_first_frame_in_time(given):
    with pytest.raises(VideoTimeoutError, match='takes longer'):
        list(previews._frames(Slow(given), 25.0, float('inf')))


def test_no_call_begins_after_the_deadline(monkeypatch):
    monkeypatch.setattr(previews, 'time', SimpleNamespace(monotonic=lambda: 7.0))
    assert len(list(previews._frames(Slow(None), 25.0, 6.9))) == 15


@pytest.mark.parametrize('rate, shown', [(30, 30), (120, 60)])
def test_rates_that_browsers_play(tmp_path, rate, shown):
    file = encode(tmp_path / 'x.mp4', translating(4, 1, 0, 48, 64), fps=rate)
    made = Previews(Limits())
    with CompressedVideoReader(made.make(Video('x', 'x', file))) as reader:
        assert reader.metadata.average_fps == shown
    made.close()
