"""Which file it is: the SHA-256 digest of its contents."""

import hashlib
import os
from functools import lru_cache

# Digests that a process remembers, of some 300 bytes each.
_REMEMBERED = 2**16


def file_digest(path: str | os.PathLike) -> str:
    """The SHA-256 digest of a file, in hexadecimal digits.

    A process reads each file once, unless its size, inode or time of change differs.

    Raises:
        OSError: the file cannot be read.
    """
    status = os.stat(path)
    name = os.path.abspath(os.fspath(path))
    return _file_digest((name, status.st_size, status.st_mtime_ns, status.st_ino))


@lru_cache(maxsize=_REMEMBERED)
def _file_digest(key: tuple[str, int, int, int]) -> str:
    with open(key[0], 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
