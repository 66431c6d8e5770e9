"""A temporary folder that outlives its process until the next one starts, and no longer."""

import contextlib
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, where folders cannot be locked
    fcntl = None


class OwnFolder:
    """A folder of this process under the temporary one; those of dead processes are removed.

    Whether a process lives is told by a lock on its folder, which ends with the process however it
    ends. Numbers of processes are given anew, and those of another container mean nothing here.

    Args:
        kind: What it is for, part of its name.
    """

    def __init__(self, kind: str) -> None:
        prefix = f'ssvrl_mm_viewer_{kind}_'
        for left in Path(tempfile.gettempdir()).glob(f'{prefix}*'):
            with contextlib.suppress(OSError):
                _remove_if_left(left)
        self.path, lock = _locked(prefix)
        self._end = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Removes it and all that is in it."""
        self._end()


def _locked(prefix: str) -> tuple[Path, int | None]:
    """A new folder, and the descriptor that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix))
        if fcntl is None:
            return path, None
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another that starts may have taken it for left behind just before.
            if path.exists():
                return path, lock
            os.close(lock)


def _remove(path: Path, lock: int | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    """Removes a folder that nobody holds; never what somebody else, or a link, has put there."""
    if fcntl is None or folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return
    held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(held)
