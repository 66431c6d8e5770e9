"""Files that are there with all of their content, or as they were before."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike, partial: str | os.PathLike | None = None) -> Iterator[Path]:
    """A file to write to, which becomes ``path`` when all of it is there and on the disk.

    A kill or a power cut at any moment leaves the old file, if there was one, or the new one; an
    exception leaves nothing else, either. Missing folders are made.

    Args:
        path: Where the file is to be; a link is followed.
        partial: What it is called until then; None: a hidden name of this process beside it, with
            the same suffix.

    Yields:
        An empty file in the same folder.

    Raises:
        OSError: There cannot be such a file.

    Example:
        >>> with whole_file('a.txt') as partial:
        ...     _ = partial.write_text('all of it')
    """
    target = Path(os.path.realpath(path))
    draft = (
        Path(partial)
        if partial
        else target.with_name(f'.{target.stem}.{os.getpid()}{target.suffix}')
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, 'it is a folder', str(path))
    try:
        draft.touch()
        yield draft
        _to_disk(draft)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    # The name is on the disk when its folder is.
    _to_disk(target.parent)


def write_whole(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file by :func:`whole_file`, which is ``PATH.partial`` until then.

    Args:
        path: Where to write; a link is followed.
        data: The content.

    Raises:
        OSError: There cannot be such a file.
    """
    target = os.path.realpath(path)
    with whole_file(target, f'{target}.partial') as partial:
        partial.write_bytes(data)


def _to_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
