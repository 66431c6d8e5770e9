"""A line that tells people how far something is. Standard library only: set-up uses it too."""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

_ON_TERMINAL = 0.5
_current: 'Progress | None' = None


def end_line() -> None:
    """Ends the line that is being updated, so that something else can be printed."""
    if _current is not None:
        _current.end_line()


def duration(seconds: float) -> str:
    """Minutes and seconds, hours before them where there are any.

    Example:
        >>> duration(187), duration(3671)
        ('3:07', '1:01:11')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f'{minutes}:{rest:02d}'
    return f'{minutes // 60}:{minutes % 60:02d}:{rest:02d}'


class Progress:
    """One line that says what happens, how far it is and how long it takes.

    On a terminal the line updates; elsewhere a new one comes every ``interval`` seconds. A thread
    sees to it, so that the line goes on while the work says nothing, as an import or pip does.

    Args:
        title: What happens.
        total: Number of steps; None where it is not known.
        unit: What the steps are called.
        interval: Seconds between two lines where there is no terminal.
        stream: Where to write; standard error by default.
        note: Says more about the current step; called when a line is written.

    Example:
        >>> with Progress('checking videos', total=2, unit='videos') as progress:
        ...     progress.advance()
    """

    def __init__(
        self,
        title: str,
        total: int | None = None,
        unit: str = '',
        interval: float = 10.0,
        stream: TextIO | None = None,
        note: Callable[[], str] | None = None,
    ) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.done = 0
        self.note = note
        self.stream = stream or sys.stderr
        self.updates = self.stream.isatty()
        self.interval = min(interval, _ON_TERMINAL) if self.updates else interval
        self._open = False
        self._first, self._first_at = 0, 0.0
        self._start = time.monotonic()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        global _current
        _current = self
        self._start = time.monotonic()
        if self.updates:
            self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _current
        self._stop.set()
        self._thread.join()
        _current = None
        if kind is None:
            self._write(last=True)
        self.end_line()

    def advance(self, steps: int = 1) -> None:
        """Notes that steps are done."""
        if not self.done:
            # What comes before the first step, such as workers that start, is not to be repeated.
            self._first, self._first_at = steps, time.monotonic()
        self.done += steps

    def end_line(self) -> None:
        """Ends the line that is being updated; the next update starts a new one."""
        with self._lock:
            if self._open:
                self.stream.write('\n')
                self.stream.flush()
            self._open = False

    def _tick(self) -> None:
        while not self._stop.wait(self.interval):
            self._write()

    def _write(self, last: bool = False) -> None:
        with self._lock:
            line = self._line(last)
            if self.updates:
                # Back to the start of the line, and nothing left of a longer one. A line wider than
                # the terminal would leave its first half behind each time.
                width = shutil.get_terminal_size().columns - 1
                self.stream.write(f'\r{line[:width]}\033[K')
                self._open = True
            else:
                self.stream.write(f'{line}\n')
            self.stream.flush()

    def _line(self, last: bool) -> str:
        elapsed = time.monotonic() - self._start
        parts = []
        if self.total:
            unit = f' {self.unit}' if self.unit else ''
            parts.append(f'{self.done} of {self.total}{unit}')
        note = self.note() if self.note is not None else ''
        if note:
            parts.append(note)
        if last:
            parts.append(f'done in {duration(elapsed)}')
        else:
            parts.append(duration(elapsed))
            if self.total and self._first < self.done < self.total:
                pace = (time.monotonic() - self._first_at) / (self.done - self._first)
                left = pace * (self.total - self.done)
                parts.append(f'about {duration(left)} to go')
        return f'{self.title}: {", ".join(parts)}'
