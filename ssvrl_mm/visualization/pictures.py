"""Files of pictures."""

import os
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
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise PictureError(f'cannot write {path}')
