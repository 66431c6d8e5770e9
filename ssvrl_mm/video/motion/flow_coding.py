"""Flow as few bytes: rounded to 1/8 px and packed as a PNG picture.

Values are whole eighths of a px, and so 1/16 px off at most. A picture holds dx above dy, a byte
per value; where a value of the frame needs more (16 px or more), two further planes below hold the
upper bytes. PNG's filter Up, which takes the row above off each row, serves smooth fields well.
"""

import struct

import cv2
import numpy as np

from ssvrl_mm.video.motion.geometry import Size

#: Values that a px is divided into.
STEPS = 8

#: The longest displacement along each axis that can be coded, in px.
LONGEST = 4079

_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION,
    6,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_DEFAULT,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
]

# What PNG begins with: signature, length and name of the first chunk; width, height, bits per
# value, 0 for grey, and three times 0 for what there is no choice of.
_START = struct.Struct('>8s4s4sII5s')
_SIGNATURE = b'\x89PNG\r\n\x1a\n', b'\0\0\0\r', b'IHDR'
_GREY_BYTES = b'\x08\0\0\0\0'


def encode_flow(flow: np.ndarray) -> bytes:
    """Packs the flow of a frame.

    Args:
        flow: float32 ``(gh, gw, 2)`` px.

    Returns:
        A PNG picture; the same one for the same flow.

    Raises:
        ValueError: a value that is not finite, or longer than :data:`LONGEST`.
    """
    longest = float(np.abs(flow).max())
    if not longest <= LONGEST:
        raise ValueError(f'flow can be coded up to {LONGEST} px, got {longest:g} px')
    steps = np.rint(flow * STEPS).astype(np.int16)
    low = steps.astype(np.int8)  # wraps round: what is beyond goes into the upper byte
    planes = [low[..., 0], low[..., 1]]
    high = ((steps - low) >> 8).astype(np.int8)
    if high.any():
        planes += [high[..., 0], high[..., 1]]
    done, picture = cv2.imencode('.png', np.concatenate(planes).view(np.uint8), _PNG)
    if not done:
        raise ValueError(f'OpenCV cannot write flow of shape {flow.shape} as PNG')
    return picture.tobytes()


def decode_flow(data: bytes, out: np.ndarray) -> None:
    """Unpacks the flow of a frame.

    Args:
        data: what :func:`encode_flow` gave, or anything at all.
        out: float32 ``(gh, gw, 2)`` to write to, px.

    Raises:
        ValueError: it is not flow of this shape.
    """
    rows, cols = out.shape[:2]
    # Before anything is unpacked: the picture must not take more memory than the flow.
    planes = _count_planes(data, (rows, cols))
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(f'not a picture: {error}') from error
    if picture is None or picture.shape != (planes * rows, cols) or picture.dtype != np.uint8:
        raise ValueError('not a whole picture')
    signed = picture.view(np.int8).reshape(planes, rows, cols)
    np.multiply(cv2.merge([*signed[:2]]), np.float32(1 / STEPS), out=out)
    if planes == 4:
        out += cv2.merge([*signed[2:]]) * np.float32(256 / STEPS)


def _count_planes(data: bytes, grid: Size) -> int:
    if len(data) >= _START.size:
        *signature, width, height, kind = _START.unpack_from(data)
        if tuple(signature) == _SIGNATURE and kind == _GREY_BYTES and width == grid[1]:
            planes, rest = divmod(height, grid[0])
            if planes in (2, 4) and not rest:
                return planes
    raise ValueError(f'not a picture of flow {grid}')
