"""A lock on a folder: one run at a time writes to it, over however many processes."""

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, get_rank
from mmengine.logging import print_log

from ssvrl_mm.apis.feature_table import FeatureFileError

_TRIES = 10


class FolderInUseError(FeatureFileError):
    """Another run writes to the folder; the message names it and the ways to go on."""


class RunLock:
    """Keeps other runs out of a folder while this one writes to it.

    The file ``lock.json`` names host, process and start. The first process of a distributed run
    takes the lock, and holds it for all of them. A run that was killed leaves the file behind: on
    its own host it is seen to be dead, and the next run takes over; what runs on another host
    nobody can see from here.

    Args:
        folder: The folder, which is there.

    Raises:
        FolderInUseError: on every process, when another run holds the lock.

    Example:
        >>> with RunLock(Path('features.npz.parts')):
        ...     write_parts()
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / 'lock.json'
        self._content = ''
        refusal: list[str | None] = [None]
        if get_rank() == 0:
            try:
                self._take()
            except FolderInUseError as error:
                refusal = [str(error)]
        # The others must not start before, nor wait for a first process that was refused.
        broadcast_object_list(refusal)
        if refusal[0] is not None:
            raise FolderInUseError(refusal[0])

    def __enter__(self) -> 'RunLock':
        return self

    def __exit__(self, *error: Any) -> None:
        self.release()

    def release(self) -> None:
        """Lets other runs in; where the folder has been removed, there is nothing to do."""
        with suppress(FileNotFoundError):
            # Whoever came after the folder was removed has a lock of its own there.
            if self._content and self.file.read_text() == self._content:
                self.file.unlink()
        self._content = ''

    def _take(self) -> None:
        content = json.dumps(_this_process())
        while not self._content:
            try:
                with open(self.file, 'x') as file:
                    file.write(content)
                self._content = content
            except FileExistsError:
                self._remove_stale()

    def _remove_stale(self) -> None:
        """Removes the lock of a dead process.

        Raises:
            FolderInUseError: its process lives, or may live.
        """
        content, holder = self._read_holder()
        if holder is None:  # released in this moment
            return
        who = f'process {holder["pid"]} on {holder["host"]}, started at {holder["started"]},'
        if holder['host'] != socket.gethostname():
            raise FolderInUseError(
                f'{who} writes to {self.file.parent}. Wait for it, or write to another file; if '
                f'it has ended there, delete {self.file}'
            )
        if _birth(holder['pid']) == holder['birth']:
            raise FolderInUseError(
                f'{who} writes to {self.file.parent}. Wait for it, end it (what it has done is '
                'kept), or write to another file'
            )
        # Renamed before it is deleted: of several runs that find it, one succeeds.
        stale = self.file.with_name(f'lock.{os.getpid()}.stale')
        with suppress(FileNotFoundError):
            os.rename(self.file, stale)
            if stale.read_text() == content:
                print_log(
                    f'{who} has ended; its work in {self.file.parent} is gone on with', 'current'
                )
                stale.unlink()
            else:  # taken by another run since it was read
                os.rename(stale, self.file)

    def _read_holder(self) -> tuple[str, dict[str, Any] | None]:
        """The lock as it is; None where it has gone."""
        for _ in range(_TRIES):
            try:
                content = self.file.read_text()
                holder = json.loads(content)
                return content, {name: holder[name] for name in _this_process()}
            except FileNotFoundError:
                return '', None
            except (ValueError, KeyError, TypeError):
                time.sleep(0.1)  # it is being written
        raise FolderInUseError(
            f'{self.file} is no lock of this program; delete it if nothing writes to '
            f'{self.file.parent}'
        )


def _this_process() -> dict[str, Any]:
    return {
        'host': socket.gethostname(),
        'pid': os.getpid(),
        'birth': _birth(os.getpid()),
        'started': time.strftime('%Y-%m-%d %H:%M:%S'),
    }


def _birth(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None: there is no such process.

    The number alone where the system does not tell when a process began.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # somebody else's
        pass
    try:
        # The fields behind the name, which may hold blanks and brackets itself.
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return 'unknown'
    # A zombie has ended; the 22nd field is its start.
    return None if fields[0] == 'Z' else fields[19]
