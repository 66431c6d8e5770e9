"""The windows of PMSP against the paper's Algorithm 1, read line by line."""

import pytest

from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS, gop_windows


def test_windows_are_those_of_algorithm_1():
    expected, t = [], 1
    while t <= 5:
        for n in range(t):
            expected.append(list(range(n, n + 5 - t + 1)))
        t += 2
    assert [list(range(5))[window] for window in gop_windows()] == expected


def test_there_are_27_labels_per_clip():
    assert len(gop_windows()) * len(GRIDS) == 27
    assert len(gop_windows(3, (1, 3))) == 4


@pytest.mark.parametrize('windows', [(), (0, 1), (1, 6)])
def test_a_scale_beyond_the_clip_is_refused(windows):
    with pytest.raises(ValueError, match=r'within 1\.\.5'):
        gop_windows(5, windows)
    assert WINDOWS == (1, 3, 5)
