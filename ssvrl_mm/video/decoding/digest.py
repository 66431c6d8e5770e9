"""Which file it is: the SHA-256 digest of its contents."""

import hashlib
import os

# Files that a process remembers: more than the 650,000 videos of Kinetics-700. A data set of more
# than these would have most of them read again in every epoch.
_REMEMBERED = 2**20

# By path, size, time of change and inode, of which a hash takes less memory: some 200 bytes each.
_digests: dict[bytes, bytes] = {}


def file_digest(path: str | os.PathLike) -> str:
    """The SHA-256 digest of a file, in hexadecimal digits.

    A process reads each file once, unless its size, inode or time of change differs.

    Raises:
        OSError: the file cannot be read.
    """
    status = os.stat(path)
    name = os.path.abspath(os.fspath(path))
    facts = repr((name, status.st_size, status.st_mtime_ns, status.st_ino)).encode()
    key = hashlib.blake2b(facts, digest_size=16).digest()
    found = _digests.get(key)
    if found is None:
        with open(name, 'rb') as file:
            found = hashlib.file_digest(file, 'sha256').digest()
        if len(_digests) >= _REMEMBERED:
            _digests.clear()
        _digests[key] = found
    return found.hex()
