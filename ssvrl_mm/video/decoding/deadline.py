"""A limit to the time that reading a video may take."""

import time

from ssvrl_mm.video.errors import VideoTimeoutError


class Deadline:
    """Counts the seconds that one call takes.

    Args:
        path: the file, for errors.
        seconds: the limit, None for none.
    """

    def __init__(self, path: str, seconds: float | None = None) -> None:
        if seconds is not None and not seconds > 0:
            raise ValueError(f'timeout must be positive, got {seconds}')
        self.seconds = seconds
        self._path = path
        self._end = float('inf')

    def restart(self) -> None:
        """Counts from now on."""
        if self.seconds is not None:
            self._end = time.monotonic() + self.seconds

    def check(self) -> None:
        """Raises if the time is over.

        Raises:
            VideoTimeoutError: it is.
        """
        if self.seconds is not None and time.monotonic() > self._end:
            raise VideoTimeoutError(self._path, f'takes longer than {self.seconds:g} s')
