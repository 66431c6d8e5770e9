"""Folders that appear when they are whole, and what is left of those that never were."""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED = 24 * 3600  # s; what writes these folders takes minutes


def partial_folder(root: Path) -> Path:
    """Where this process writes a folder before it takes its name.

    Args:
        root: What it is called when it is whole.

    Example:
        >>> partial_folder(Path('data/set')).name  # doctest: +SKIP
        'set.my-machine.4711.partial'
    """
    return root.with_name(f'{root.name}.{socket.gethostname()}.{os.getpid()}.partial')


def remove_stale(root: Path, names: Collection[str]) -> None:
    """Removes what processes have left that were killed while they wrote a folder.

    Those of this machine are known by their numbers. Folders of another one, or of an earlier
    release, which did not name the machine, go when nothing was written for a day.

    Args:
        root: What the folder is called when it is whole.
        names: All that it holds. A folder with anything else in it is somebody else's.
    """
    for folder in root.parent.glob(f'{root.name}.*.partial'):
        # Another process may be removing it.
        with suppress(OSError):
            host, _, number = folder.name[len(root.name) + 1 : -len('.partial')].rpartition('.')
            if not number.isdecimal() or {path.name for path in folder.iterdir()} - set(names):
                continue
            is_dead = host == socket.gethostname() and not _is_process(int(number))
            if is_dead or time.time() - _last_change(folder) > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: with its folder removed and its workers ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _is_process(number: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # another user's
    return True


def _last_change(folder: Path) -> float:
    """When something in a folder was changed last, in seconds since 1970."""
    return max(path.stat().st_mtime for path in (folder, *folder.rglob('*')))
