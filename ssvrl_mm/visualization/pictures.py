"""Files of pictures."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np

from ssvrl_mm.whole_files import whole_file


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
    with picture_file(path) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
            raise PictureError(f'cannot write {path}')


@contextmanager
def picture_file(path: Path) -> Iterator[Path]:
    """:func:`~ssvrl_mm.whole_files.whole_file` of a picture or an animation.

    Raises:
        PictureError: There cannot be such a file. What goes wrong on the way is raised as it is.
    """
    with ExitStack() as stack:
        try:
            partial = stack.enter_context(whole_file(path))
        except OSError as error:
            raise PictureError(f'cannot write {path}: {error.strerror}') from error
        yield partial


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
        with suppress(_Tried), picture_file(path):
            raise _Tried
    finally:
        for folder in missing:
            # Another program may use it meanwhile.
            with suppress(OSError):
                folder.rmdir()


class _Tried(Exception):
    """Leaves a file as it was."""
