"""Files of pictures."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np


class PictureError(ValueError):
    """A picture that cannot be written; the message names it."""


def check_picture(path: str | os.PathLike) -> Path:
    """The path, if its suffix is that of a picture.

    Raises:
        PictureError: It is not.
    """
    if not cv2.haveImageWriter(str(path)):
        raise PictureError(f'{path} does not end like a picture, .png for example')
    return Path(path)


def write_picture(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Writes a picture; missing folders are made.

    Args:
        path: Its suffix tells the format.
        picture: uint8 RGB (h, w, 3).

    Raises:
        PictureError: The suffix is none of a picture, or the file cannot be written.
    """
    path = check_picture(path)
    with whole_file(path) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
            raise PictureError(f'cannot write {path}')


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write to, which becomes ``path`` when all of it is there.

    An interrupted tool leaves the old file, or none. Missing folders are made.

    Args:
        path: Where the file is to be.

    Yields:
        An empty file beside it, with the same suffix.

    Raises:
        PictureError: There cannot be such a file.
    """
    partial = _begun(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Tries to write a file, before minutes of work. Nothing is left of it, no folder either.

    Raises:
        PictureError: There cannot be such a file.
    """
    # A path that cannot even be looked at has no folder that would be made.
    missing: list[Path] = []
    with suppress(OSError):
        missing += takewhile(lambda folder: not folder.exists(), path.parents)
    try:
        _begun(path).unlink()
    finally:
        for folder in missing:
            # Another program may use it meanwhile.
            with suppress(OSError):
                folder.rmdir()


def _begun(path: Path) -> Path:
    """An empty file beside ``path``, with the same suffix."""
    partial = path.with_name(f'.{path.stem}.{os.getpid()}{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise PictureError(f'cannot write {path}: it is a folder')
        partial.touch()
    except OSError as error:
        raise PictureError(f'cannot write {path}: {error.strerror}') from error
    return partial
