"""What the command lines of the tools that draw share, and how they tell what went wrong.

Imports neither torch nor OpenMMLab, so that ``--help`` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ssvrl_mm.command_line import add_cfg_options, add_device
from ssvrl_mm.visualization.animation import MOST_SIDE, is_animation, write_animation
from ssvrl_mm.visualization.pictures import (
    PictureError,
    check_picture,
    check_writable,
    write_picture,
)

__all__ = [
    'add_cfg_options',
    'add_device',
    'add_out',
    'add_seed',
    'add_side',
    'at_least',
    'check_out',
    'drawing_parser',
    'say_written',
    'telling_errors',
    'write_drawn',
]

# What Python itself raises about a wrong file, name or value. Errors of ours are told anyway.
_TOLD = (ImportError, KeyError, OSError, TypeError, ValueError)


def drawing_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows the description as it is written.

    Args:
        description: What ``--help`` says first, the docstring of the tool.
    """
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def at_least(least: float, kind: type = int, most: float = float('inf')) -> Callable[[str], float]:
    """Reads a number of an argument, the ``type`` of ``add_argument``, and refuses others.

    Args:
        least: The smallest that is allowed.
        kind: int or float.
        most: The largest that is allowed, if any; numbers that are not finite never are.

    Example:
        >>> at_least(1)('3')
        3
    """

    def read(text: str) -> float:
        value = kind(text)
        if not least <= value <= most or value == float('inf'):
            limits = f'{least} or more' if most == float('inf') else f'{least} to {most}'
            raise argparse.ArgumentTypeError(f'must be {limits}, got {text}')
        return value

    # argparse names the function where the text is no number.
    read.__name__ = kind.__name__
    return read


def add_out(parser: argparse.ArgumentParser, default: str, animated: bool = False) -> None:
    """Adds ``--out``, the file to write, whose suffix tells what is written.

    Args:
        parser: Of the tool.
        default: A name in the current folder.
        animated: Whether the tool also writes animations; :func:`check_out` refuses them
            otherwise.
    """
    kinds = '.png or .jpg, or .mp4 or .gif, which play' if animated else '.png or .jpg'
    parser.add_argument(
        '--out',
        type=Path,
        default=Path(default),
        metavar='FILE',
        help=f'what to write: {kinds} (default: %(default)s)',
    )


def add_side(
    parser: argparse.ArgumentParser, default: int | None, what: str, least: int = 48
) -> None:
    """Adds ``--side``, px of what the picture is made of.

    Args:
        parser: Of the tool.
        default: In px; None: as ``what`` says.
        what: Whose side it is, ``'width of a frame'`` for instance.
        least: The smallest that can be read, in px.
    """
    shown = '' if default is None else ' (default: %(default)s)'
    parser.add_argument(
        '--side',
        type=at_least(least, most=MOST_SIDE),
        default=default,
        metavar='PX',
        help=f'px: {what}{shown}',
    )


def add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds ``--seed``, 0 by default.

    Args:
        parser: Of the tool.
        what: What is drawn at random, for the help.
    """
    parser.add_argument(
        '--seed', type=at_least(0), default=0, help=f'of {what} (default: %(default)s)'
    )


def check_out(path: str | os.PathLike, animated: bool = False) -> None:
    """Refuses a file that the tool cannot write, before it starts to work.

    Args:
        path: The file.
        animated: Whether the tool writes animations.

    Raises:
        PictureError: The suffix is none of a picture or, where there are any, of an animation; or
            there cannot be such a file.
    """
    if not is_animation(path):
        check_picture(path)
    elif not animated:
        suffix = Path(path).suffix
        raise PictureError(
            f'{path}: this tool writes no {suffix}, but a picture: .png, for example'
        )
    check_writable(Path(path))


def say_written(path: str | os.PathLike, picture: np.ndarray, *facts: str) -> None:
    """Says what was written, in the words that all tools have.

    Args:
        path: The file.
        picture: What is in it ``(h, w, 3)``, or a frame of that.
        *facts: What else there is to know, in a few words each.

    Example:
        >>> say_written('x.png', np.zeros((48, 64, 3)), '3 videos')
        wrote x.png: 64x48 px, 3 videos
    """
    size = f'{picture.shape[1]}x{picture.shape[0]} px'
    print(f'wrote {path}: {", ".join((size, *facts))}')


def write_drawn(
    path: str | os.PathLike, pictures: Sequence[np.ndarray], *facts: str, fps: float = 8
) -> None:
    """Writes what was drawn, and says so.

    Args:
        path: The file, of a picture or an animation.
        pictures: uint8 RGB ``(h, w, 3)``: the frames of the animation, or the one picture.
        *facts: See :func:`say_written`, which gets how many frames there are as well.
        fps: Frames per second.

    Raises:
        PictureError: It cannot be written.
    """
    if is_animation(path):
        facts += (f'{write_animation(path, pictures, fps)} frames',)
    else:
        write_picture(path, pictures[0])
    say_written(path, pictures[0], *facts)


@contextmanager
def telling_errors() -> Iterator[None]:
    """Ends the program with ``error: ...`` and status 1 where something foreseen goes wrong.

    That are the errors of this package, by whatever module, and Python's own about files, names
    and values. All others are defects, which need their traceback.

    Raises:
        SystemExit: In the place of these errors.

    Example:
        >>> with telling_errors():
        ...     raise ValueError('no such thing')
        Traceback (most recent call last):
        SystemExit: error: no such thing
    """
    try:
        yield
    except Exception as error:
        is_ours = type(error).__module__.partition('.')[0] == 'ssvrl_mm'
        if not (is_ours or isinstance(error, _TOLD)):
            raise
        sys.exit(f'error: {_words(error)}')


def _words(error: Exception) -> str:
    """What an error says, without the signs that Python puts around it."""
    if type(error) is KeyError and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f'{os.fsdecode(error.filename)}: {error.strerror}'
    return str(error) or type(error).__name__
