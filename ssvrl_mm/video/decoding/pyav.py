"""What differs between PyAV 18.1 and 19, in one place."""

from fractions import Fraction
from numbers import Rational
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame

# Real files carry metadata in whatever encoding their author used. PyAV 19 takes them all, and has
# no option for it any more.
_ANY_METADATA: dict[str, Any] = (
    {} if int(av.__version__.partition('.')[0]) >= 19 else {'metadata_errors': 'replace'}
)


def open_input(
    file: str | BinaryIO,
    container_format: str | None = None,
    timeout: float | None = None,
    options: dict[str, str] | None = None,
) -> InputContainer:
    """Opens a container for reading, whatever the encoding of its metadata.

    Args:
        file: path or file object.
        container_format: FFmpeg's name of its format where it is known.
        timeout: seconds that FFmpeg may wait for the file.
        options: of FFmpeg's.

    Raises:
        av.FFmpegError, OSError, ValueError, EOFError: it cannot be opened.
    """
    given: dict[str, Any] = {'format': container_format, 'timeout': timeout, 'options': options}
    return av.open(file, mode='r', **given, **_ANY_METADATA)


def to_fraction(ratio: Rational | None) -> Fraction | None:
    """A rate or ratio that PyAV gives as a fraction; None where it is not known.

    PyAV 18 says so with None, PyAV 19 with an ``AVRational`` that is false: 0/1, 0/0 or 1/0.
    """
    return Fraction(int(ratio.numerator), int(ratio.denominator)) if ratio else None


def side_data(frame: VideoFrame, kind: str) -> bytes | None:
    """A copy of what FFmpeg attached to a frame, so that the frame can go.

    Args:
        frame: a decoded frame.
        kind: PyAV's name of it, ``'MOTION_VECTORS'`` or ``'DISPLAYMATRIX'``.
    """
    # PyAV 18 ties frame.side_data and the frame into a reference cycle, which keeps it in memory
    # until the garbage collector runs.
    found = SideDataContainer(frame).get(kind)  # type: ignore[call-arg]
    return None if found is None else bytes(found)
