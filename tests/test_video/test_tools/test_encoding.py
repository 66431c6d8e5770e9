"""Settings, times and pictures of encoders."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.tools.encoding import EncoderSettings, PictureConverter, plan_rate, plan_times
from tests.clips import texture


def test_settings_out_of_range():
    for wrong in (
        {'preset': 'mpeg2'},
        {'quality': 0},
        {'quality': 32},
        {'gop': 0},
        {'short_side': 8},
        {'fps': 0},
        {'fps': 1001},
        {'fps': float('nan')},
        {'preset': 'h264-nob', 'quality': 52},
    ):
        name = list(wrong)[-1]
        with pytest.raises(ValueError, match=f'{name}.*{wrong[name]}'):
            EncoderSettings(**wrong)


def test_plan_times():
    ntsc = Fraction(30000, 1001)
    rounded = np.round(np.arange(200) / float(ntsc), 3)  # as Matroska keeps them
    unit, ticks = plan_times(rounded + 7, ntsc, 'mp4')
    assert unit == 1 / ntsc and ticks.tolist() == list(range(200))
    # The rate in the header is wrong.
    unit, ticks = plan_times(np.arange(50) / 24, Fraction(30), 'avi')
    assert unit == Fraction(1, 24) and ticks.tolist() == list(range(50))
    # A gap of two frames.
    unit, ticks = plan_times(np.array([0, 1, 4, 5]) / 25, Fraction(25), 'avi')
    assert unit == Fraction(1, 25) and ticks.tolist() == [0, 1, 4, 5]
    # Times that do not rise.
    unit, ticks = plan_times(np.array([0.0, 0.5, 0.5, 0.5]), Fraction(25), 'mp4')
    assert np.all(np.diff(ticks) > 0) and ticks[1] * unit == Fraction(1, 2)
    assert plan_times(np.array([3.0]), Fraction(25), 'mp4')[1].tolist() == [0]


def test_plan_rate():
    at_25 = np.arange(50) / 25
    unit, repeats = plan_rate(at_25 + 3, Fraction(25), 30)
    assert unit == Fraction(1, 30) and repeats.sum() == 60 and set(repeats.tolist()) == {1, 2}
    shown = np.repeat(np.arange(50), repeats)
    assert np.abs(at_25[shown] - np.arange(60) / 30).max() <= 0.02 + 1e-9
    # The rate that it has, in times that a container has rounded.
    rounded = np.round(at_25, 3)
    assert (plan_rate(rounded, Fraction(25), 25.0)[1] == 1).all()
    # Half way between two frames, it is the later one.
    assert plan_rate(at_25[:4], Fraction(25), 50)[1].tolist() == [1, 2, 2, 3]
    assert plan_rate(at_25[:4], Fraction(25), Fraction(25, 2))[1].tolist() == [1, 0, 1, 0]
    # One that varies: a frame that is shown for long is repeated.
    assert plan_rate(np.array([0, 0.1, 0.5]), Fraction(10), 10)[1].tolist() == [1, 2, 3]
    assert plan_rate(np.array([2.0]), Fraction(25), 5)[1].tolist() == [1]
    assert plan_rate(at_25, Fraction(25), 29.97)[0] == Fraction(100, 2997)
    # A gap is filled from both sides, but not without end.
    gap = np.array([0, 0.5, 19.5, 20.0])
    assert plan_rate(gap, Fraction(2), 2)[1].tolist() == [1, 19, 20, 1]
    for late, number in ((gap + [0, 0, 1, 1], 1), (gap + [0, 0, 0, 1e14], 2), (gap * 2, 1)):
        with pytest.raises(ValueError, match=rf'frame {number}, .*repeated for \d+ s'):
            plan_rate(late, Fraction(2), 2)
    with pytest.raises(ValueError, match='frame 0, shown at 0.0 s, would be repeated for 20 s'):
        plan_rate(np.array([2.0]), Fraction(1, 20), 5)


@pytest.mark.parametrize('turns', range(4))
def test_turned_pictures_of_odd_size(turns):
    image = cv2.GaussianBlur(texture(65, 91, seed=1), (0, 0), 4)
    frame = av.VideoFrame.from_ndarray(image, format='rgb24')
    convert = PictureConverter((65, 91), Orientation(quarter_turns=turns))
    picture = convert(frame)
    expected = np.rot90(image[:64, :90], turns)
    assert (picture.height, picture.width) == convert.size == expected.shape[:2]
    assert cv2.PSNR(picture.to_ndarray(format='rgb24'), expected.copy()) > 36
