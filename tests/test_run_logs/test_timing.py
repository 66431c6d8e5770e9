"""How long steps took, by hand."""

import math

import pytest

from ssvrl_mm.run_logs import timing_of, training_seconds
from tests.test_run_logs.logs import evaluated, step


def test_seconds_are_those_of_the_steps():
    lines = [step(10, time=2.0), evaluated(1, 0.5), step(20, time=4.0), step(30, time=math.nan)]
    # 10 steps of 2 s, 25 of 4 s: of what is not known, as long as before.
    assert training_seconds(lines, 35) == 10 * 2 + 25 * 4
    assert training_seconds(lines) == 10 * 2 + 10 * 4
    assert training_seconds([]) == 0


def test_times_and_what_is_left():
    # 10 iterations of 1 s, 20 of 2 s, 10 of 9 s; a quarter of each is waiting.
    lines = [step(10, time=1.0, length=30), step(30, time=2.0, length=30), evaluated(1, 0.5)]
    lines.append(step(40, time=9.0, length=30))
    timing = timing_of(lines, 140)
    assert (timing.iterations, timing.median, timing.total) == (40, 2.0, 10 + 40 + 90)
    assert (timing.low, timing.high) == pytest.approx((1.2, 7.6))
    assert timing.waiting == pytest.approx(0.25)
    assert (timing.fastest, timing.slowest) == ((1, 1.5), (2, 9.0))
    assert timing.eta == pytest.approx((200, 120, 760))
    assert timing_of(lines, None).eta is None
    assert timing_of(lines, 30).eta == (0, 0, 0)


def test_times_that_are_missing():
    lines = [{'loss': 1.0, 'iter': 10, 'step': 10}, {'time': 'long', 'iter': 20, 'step': 20}]
    assert timing_of(lines, 40) is None
    timing = timing_of([*lines, {'time': 3.0, 'iter': 30, 'step': 30}], 40)
    # The time is that of all steps since the last one of which there was any.
    assert (timing.total, timing.fastest, timing.left) == (90, None, 10)
    assert math.isnan(timing.waiting)
