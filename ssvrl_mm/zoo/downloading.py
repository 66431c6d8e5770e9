"""Fetches one file: whole, verified and under its name, or not at all."""

import errno
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from ssvrl_mm.zoo.errors import DownloadError, NoSpaceError, StorageError, WrongHashError
from ssvrl_mm.zoo.origins import (
    BrokenOffError,
    RangeRefusedError,
    open_origin,
)
from ssvrl_mm.zoo.places import CACHE_VARIABLE, shown
from ssvrl_mm.zoo.verification import ExpectedFile

_LOG = logging.getLogger(__name__)
# Seconds to wait before each further attempt.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_CHUNK = 1 << 18
_ELSEWHERE = f'make room, or choose another folder: {CACHE_VARIABLE}, or --dest'


def download(
    origin: Path | str, target: Path, expected: ExpectedFile, progress: bool | None = None
) -> None:
    """Fetches a file.

    It arrives as ``TARGET.part``, which stays behind when the transfer ends early, and which the
    next call goes on with where the server can. Of several processes that want the same file one
    fetches it, the others wait.

    Args:
        origin: Path of a file, or an ``http(s)://`` URL.
        target: Where it goes.
        expected: What it has to be.
        progress: Whether to show a progress bar; None: on a terminal.

    Raises:
        WeightsNotFoundError: There is no such file.
        WrongHashError: There is another one under its name.
        DownloadError: It cannot be had from there, or not in several attempts.
        NoSpaceError: The disk has no room for it.
        StorageError: It cannot be written for another reason.
    """
    with _storing(target), _locked(target):
        if target.is_file() and expected.fits(target):
            return  # another process was first
        part = target.with_name(f'{target.name}.part')
        hidden = None if progress is None else not progress
        with tqdm(
            desc=target.name, unit='B', unit_scale=True, unit_divisor=1024, disable=hidden
        ) as bar:
            _Transfer(origin, part, expected, bar).run()
        os.replace(part, target)


class _Transfer:
    """One file on its way."""

    def __init__(self, origin: Path | str, part: Path, expected: ExpectedFile, bar: tqdm) -> None:
        self.origin = origin
        self.part = part
        self.expected = expected
        self.bar = bar

    def run(self) -> None:
        """Fetches the file, in several attempts."""
        for pause in (*_PAUSES, None):
            try:
                return self._attempt()
            except BrokenOffError as error:
                if pause is None:
                    raise DownloadError(
                        f'{shown(self.origin)}: {error}, at the last of {len(_PAUSES) + 1} '
                        f'attempts; {self._arrived()} bytes are kept, from which the next call '
                        'goes on'
                    ) from error
                _LOG.warning('%s: %s; next attempt in %g s', shown(self.origin), error, pause)
                time.sleep(pause)

    def _attempt(self) -> None:
        arrived = self._arrived()
        if arrived:
            if self.expected.fits(self.part):
                return None
            try:
                return self._receive(arrived)
            except (RangeRefusedError, WrongHashError) as error:
                # What had arrived is of no use: another file's, or too much.
                _LOG.warning('%s: %s; from the beginning', shown(self.origin), error)
                self.part.unlink(missing_ok=True)
        return self._receive(0)

    def _receive(self, start: int) -> None:
        """Writes what comes from a byte on; then the file is the expected one."""
        with open_origin(self.origin, start) as content:
            self._check_room(content.length)
            end = None if content.length is None else content.start + content.length
            self.bar.total, self.bar.initial = end, content.start
            self.bar.n = content.start
            self.bar.refresh()
            with open(self.part, 'ab' if content.start else 'wb') as file:
                while data := content.read(_CHUNK):
                    file.write(data)
                    self.bar.update(len(data))
                file.flush()
                os.fsync(file.fileno())
        try:
            self.expected.check(self.part, shown(self.origin))
        except WrongHashError:
            arrived = self._arrived()
            if end is not None and arrived < end:
                raise BrokenOffError(f'the transfer ended after {arrived} of {end} bytes') from None
            self.part.unlink()
            raise

    def _check_room(self, needed: int | None) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed is not None and needed > free:
            raise NoSpaceError(
                f'{self.part.parent}: {needed} bytes are to come from {shown(self.origin)}, '
                f'{free} are free; {_ELSEWHERE}'
            )

    def _arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


@contextmanager
def _storing(target: Path) -> Iterator[None]:
    """Tells what the system says when it cannot write."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        kind = NoSpaceError if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
        raise kind(f'{target}: cannot be written ({error.strerror}); {_ELSEWHERE}') from error


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keeps other processes away from a file until it is there."""
    lock = FileLock(f'{target}.lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _LOG.warning('%s: another process fetches it; waiting for that', target)
        lock.acquire()
    try:
        yield
        # Whoever waits for it finds the file.
        with suppress(OSError):
            os.unlink(lock.lock_file)
    finally:
        lock.release()
