import io
import re
import time

from ssvrl_mm import progress
from ssvrl_mm.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_work_that_says_nothing_still_has_lines():
    stream = io.StringIO()
    with Progress('importing', interval=0.05, stream=stream):
        time.sleep(0.4)
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 4 and all(line.startswith('importing: 0:0') for line in lines[:-1])
    assert lines[-1] == 'importing: done in 0:00'
    assert not set('\r\033') & set(stream.getvalue())


def test_short_work_has_one_line_without_a_terminal():
    stream = io.StringIO()
    with Progress('checking', 3, 'videos', stream=stream) as line:
        for _ in range(3):
            line.advance()
    assert stream.getvalue() == 'checking: 3 of 3 videos, done in 0:00\n'


def test_a_terminal_has_one_line_that_updates():
    stream = Terminal()
    with Progress('training', 4, 'steps', interval=0.05, stream=stream, note=lambda: 'x') as line:
        line.advance(2)
        time.sleep(0.3)
    written = stream.getvalue()
    assert written.count('\n') == 1 and written.endswith('\n')
    assert written.count('\r') >= 3 and 'training: 2 of 4 steps, x, 0:00' in written


def test_a_line_is_no_wider_than_the_terminal(monkeypatch):
    monkeypatch.setenv('COLUMNS', '40')
    stream = Terminal()
    with Progress('x' * 100, interval=60, stream=stream):
        pass
    shown = re.findall(r'\r(x+)\033', stream.getvalue())
    assert shown == ['x' * 39] * 2


def test_the_time_to_go_follows_from_the_steps_after_the_first(monkeypatch):
    now = 0.0
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now)
    line = Progress('training', 41, 'steps')
    # The first step waits for workers to start.
    now = 30.0
    line.advance()
    assert line._line(last=False) == 'training: 1 of 41 steps, 0:30'
    now = 50.0
    line.advance(10)
    assert line._line(last=False) == 'training: 11 of 41 steps, 0:50, about 1:00 to go'


def test_what_else_is_printed_gets_a_line_of_its_own():
    stream = Terminal()
    with Progress('training', interval=60, stream=stream):
        progress.end_line()
        stream.write('a warning\n')
    first, second, _ = stream.getvalue().split('\n')[:3]
    assert 'training' in first and second == 'a warning'
    progress.end_line()
    assert stream.getvalue().endswith('\n')


def test_an_error_ends_the_line_and_is_not_called_done():
    stream = Terminal()
    try:
        with Progress('training', stream=stream):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert stream.getvalue().endswith('\n') and 'done' not in stream.getvalue()


def test_duration():
    assert (duration(0), duration(59.7), duration(187)) == ('0:00', '1:00', '3:07')
    assert (duration(3599), duration(3671), duration(36e4)) == ('59:59', '1:01:11', '100:00:00')
