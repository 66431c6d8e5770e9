"""Fetches one file: whole, verified and under its name, or not at all."""

import errno
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ssvrl_mm.zoo.errors import DownloadError, NoSpaceError, StorageError, WrongHashError
from ssvrl_mm.zoo.origins import (
    BrokenOffError,
    Content,
    RangeRefusedError,
    open_origin,
)
from ssvrl_mm.zoo.places import CACHE_VARIABLE, shown
from ssvrl_mm.zoo.verification import ExpectedFile

_LOG = logging.getLogger(__name__)
# Seconds to wait before each further attempt.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_CHUNK = 1 << 18
# So many bytes at least have to come in so many seconds.
_SLOWEST = 1 << 16
_WINDOW = 60.0
_ELSEWHERE = f'choose another folder: {CACHE_VARIABLE}, or --dest'


def download(
    origin: Path | str, target: Path, expected: ExpectedFile, progress: bool | None = None
) -> None:
    """Fetches a file.

    It arrives as ``TARGET.part``, which stays behind when the transfer ends early, and which the
    next call goes on with where the server can. Not more is taken than the index says that the file
    has, or 2 GB where it does not say. Of several processes that want the same file one fetches it,
    the others wait.

    Args:
        origin: Path of a file, or an ``http(s)://`` URL.
        target: Where it goes.
        expected: What it has to be.
        progress: Whether to show a progress bar; None: on a terminal. It takes tqdm.

    Raises:
        WeightsNotFoundError: There is no such file.
        WrongHashError: There is another one under its name.
        DownloadError: It cannot be had from there, or not in several attempts.
        NoSpaceError: The disk has no room for it.
        StorageError: It cannot be written for another reason, or filelock is not installed.
    """
    part = target.with_name(f'{target.name}.part')
    with _storing(target), _locked(target, part), _giving_room_back(part):
        if target.is_file() and expected.fits(target):
            return  # another process was first
        with _bar(target.name, progress) as bar:
            _Transfer(origin, part, expected, bar).run()
        os.replace(part, target)


class _Transfer:
    """One file on its way."""

    def __init__(self, origin: Path | str, part: Path, expected: ExpectedFile, bar: Any) -> None:
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
                    arrived = self._arrived()
                    kept = f'; {arrived} bytes are kept, from which the next call goes on'
                    raise DownloadError(
                        f'{shown(self.origin)}: {error}, at the last of {len(_PAUSES) + 1} attempts'
                        f'{kept if arrived else ""}'
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
            end = self.expected.size if content.length is None else content.start + content.length
            self._check_room(end, content.start)
            self.bar.total, self.bar.initial = end, content.start
            self.bar.n = content.start
            self.bar.refresh()
            with open(self.part, 'ab' if content.start else 'wb') as file:
                self._write(content, file)
                file.flush()
                os.fsync(file.fileno())
        try:
            self.expected.check(self.part, shown(self.origin))
        except WrongHashError as error:
            arrived = self._arrived()
            if end is None:
                raise BrokenOffError(f'cut short, or another file: {error}') from None
            if arrived < end:
                raise BrokenOffError(f'the transfer ended after {arrived} of {end} bytes') from None
            self.part.unlink()
            raise

    def _write(self, content: Content, file: BinaryIO) -> None:
        """Writes what comes, as long as it is not too much and does not take too long."""
        room = self.expected.most - content.start
        since, taken = time.monotonic(), 0
        while data := content.read(min(_CHUNK, max(room, 0) + 1)):
            if len(data) > room:
                raise self._too_large()
            file.write(data)
            self.bar.update(len(data))
            room -= len(data)
            taken += len(data)
            passed = time.monotonic() - since
            if passed > _WINDOW:
                if taken < _SLOWEST:
                    raise BrokenOffError(f'{taken} bytes came in {passed:.0f} s')
                since, taken = time.monotonic(), 0

    def _too_large(self) -> WrongHashError:
        self.part.unlink(missing_ok=True)
        limit = f'the {self.expected.most} bytes that '
        limit += 'it may have' if self.expected.size is None else 'the index says'
        return WrongHashError(
            f'{shown(self.origin)}: not the file that the index lists: it is larger than {limit}'
        )

    def _check_room(self, end: int | None, start: int) -> None:
        if end is None:
            return
        if end > self.expected.most:
            raise self._too_large()
        free = shutil.disk_usage(self.part.parent).free
        if end - start > free:
            raise NoSpaceError(
                f'{self.part.parent}: {end - start} bytes are to come from {shown(self.origin)}, '
                f'{free} are free; make room, or {_ELSEWHERE}'
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
        reason = f'{target}: cannot be written ({error.strerror})'
        if _is_full(error):
            raise NoSpaceError(f'{reason}; make room, or {_ELSEWHERE}') from error
        raise StorageError(f'{reason}; {_ELSEWHERE}') from error


@contextmanager
def _giving_room_back(part: Path) -> Iterator[None]:
    """Removes what arrived when the disk is full, or where nothing did."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, NoSpaceError) or (isinstance(error, OSError) and _is_full(error))
        if part.exists() and (full or not part.stat().st_size):
            part.unlink()
        raise


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def _locked(target: Path, part: Path) -> Iterator[None]:
    """Keeps other processes away from a file until it is there."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise StorageError(
            f'{target}: fetching needs filelock, so that no two processes write it: pip install '
            'filelock'
        ) from error
    lock = FileLock(f'{target}.lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _LOG.warning('%s: another process fetches it; waiting for that', target)
        lock.acquire()
    try:
        yield
    finally:
        if not part.exists():
            # Whoever waits for it finds the file, or begins anew.
            with suppress(OSError):
                os.unlink(lock.lock_file)
        lock.release()


def _bar(name: str, progress: bool | None) -> Any:
    """A progress bar, or nothing to see where tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        if progress:
            _LOG.warning('%s: no progress bar without tqdm: pip install tqdm', name)
        return _NoBar()
    hidden = None if progress is None else not progress
    return tqdm(desc=name, unit='B', unit_scale=True, unit_divisor=1024, disable=hidden)


class _NoBar:
    """Takes what a progress bar takes."""

    total: int | None = None
    initial = 0
    n = 0

    def __enter__(self) -> '_NoBar':
        return self

    def __exit__(self, *error: object) -> None:
        """Ends nothing."""

    def refresh(self) -> None:
        """Draws nothing."""

    def update(self, number: int) -> None:
        """Counts nothing."""
