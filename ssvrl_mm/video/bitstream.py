"""Picture headers: the type of a picture, read off its packet without decoding it.

Only what an index needs is parsed. The orders of display and of decoding follow from the picture
types in MPEG-1, MPEG-2 and MPEG-4 Part 2; which pictures others refer to tells the distance that
their motion vectors span, and which packets can be left out on the way to a frame.
"""

from collections.abc import Callable
from typing import NamedTuple

_START = b'\x00\x00\x01'

# A plane of MPEG-4 that is not coded ends after its header; longer ones need not be parsed.
_LONGEST_EMPTY_PLANE = 24


class Picture(NamedTuple):
    """A coded picture: its type ('I', 'P', 'B' or '?') and whether others may refer to it."""

    kind: str
    is_reference: bool


_I, _P, _B = Picture('I', True), Picture('P', True), Picture('B', False)

# By vop_coding_type; the last one is a sprite, which is predicted as well.
_MPEG4_KINDS = (_I, _P, _B, _P)

PictureParser = Callable[[bytes], list[Picture]]


def picture_parser(codec: str, extradata: bytes) -> PictureParser | None:
    """The function that lists the displayable pictures in a packet.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: the codec's global headers.

    Returns:
        A function of a packet's bytes, or None where the pictures of the codec are not parsed.
    """
    if codec == 'h264':
        return H264Pictures(extradata)
    if codec == 'mpeg4':
        return MPEG4Pictures(extradata)
    if codec in ('mpeg1video', 'mpeg2video'):
        return mpeg_pictures
    if codec == 'vp8':
        return vp8_pictures
    return None


def mpeg_pictures(data: bytes) -> list[Picture]:
    """MPEG-1 and MPEG-2: the picture header (ISO/IEC 13818-2, 6.2.3); two fields are one frame."""
    at = data.find(_START + b'\x00')
    if at < 0 or at + 5 >= len(data):
        return []
    kind = '?IPB?'[min(data[at + 5] >> 3 & 7, 4)]
    return [Picture(kind, kind != 'B')]


def vp8_pictures(data: bytes) -> list[Picture]:
    """VP8: the frame tag (RFC 6386, 9.1). Alternate references are never displayed."""
    if not data or not data[0] & 0x10:
        return []
    return [Picture('P' if data[0] & 1 else 'I', True)]


class MPEG4Pictures:
    """MPEG-4 Part 2: the headers of the video object planes (ISO/IEC 14496-2, 6.2.5).

    A packet may hold two (DivX's packed bitstream) or one that is not coded, which decoders skip.
    """

    def __init__(self, extradata: bytes) -> None:
        self._time_bits = _mpeg4_time_bits(extradata)

    def __call__(self, data: bytes) -> list[Picture]:
        """The coded planes in a packet."""
        if self._time_bits is None:
            self._time_bits = _mpeg4_time_bits(data)
        pictures = []
        at = data.find(_START + b'\xb6')
        while at >= 0:
            if len(data) - at > _LONGEST_EMPTY_PLANE or self._is_coded(data[at + 4 :]):
                pictures.append(_MPEG4_KINDS[data[at + 4] >> 6])
            at = data.find(_START + b'\xb6', at + 4)
        return pictures

    def _is_coded(self, header: bytes) -> bool:
        if not header:
            return False
        bits = _Bits(header)
        bits.skip(2)
        while bits.read(1):  # modulo_time_base
            pass
        bits.skip(1 + (self._time_bits or 1) + 1)
        # A header cut short reads as zeros. Where the time's length is unknown, assume it is coded.
        return self._time_bits is None or bool(bits.read(1))


def _mpeg4_time_bits(data: bytes) -> int | None:
    """The length of vop_time_increment, from the video object layer (ISO/IEC 14496-2, 6.2.3)."""
    at = data.find(_START)
    while at >= 0 and not (at + 3 < len(data) and 0x20 <= data[at + 3] <= 0x2F):
        at = data.find(_START, at + 3)
    if at < 0:
        return None
    bits = _Bits(data[at + 4 : at + 64])
    bits.skip(1 + 8)
    version = 1
    if bits.read(1):
        version = bits.read(4)
        bits.skip(3)
    if bits.read(4) == 15:
        bits.skip(16)
    if bits.read(1):
        bits.skip(3)
        if bits.read(1):
            bits.skip(79)
    if bits.read(2) == 3 and version != 1:
        bits.skip(4)
    bits.skip(1)
    return max((bits.read(16) - 1).bit_length(), 1)


class H264Pictures:
    """H.264: the NAL unit and slice headers (ITU-T H.264, 7.3.1 and 7.3.3)."""

    def __init__(self, extradata: bytes) -> None:
        # avcC starts with version 1; an Annex B byte stream starts with zeros.
        is_avc = len(extradata) > 6 and extradata[0] == 1
        self._length_size = (extradata[4] & 3) + 1 if is_avc else 0

    def __call__(self, data: bytes) -> list[Picture]:
        """The picture in a packet, by its first slice."""
        at = self._first_slice(data)
        if at is None:
            return []
        header = data[at + 1]
        # The slice that begins the picture has its type in its first byte.
        kind = _H264_KINDS[header] if header & 0x80 else _slice_kind(data[at + 1 : at + 17])
        return [Picture(kind, bool(data[at] & 0x60))]

    def _first_slice(self, data: bytes) -> int | None:
        """Where the first slice's NAL unit header is."""
        size = self._length_size
        if size:
            at = size
            while at < len(data) - 1:
                if data[at] & 31 in (1, 5):
                    return at
                at += int.from_bytes(data[at - size : at], 'big') + size
            return None
        at = data.find(_START)
        while 0 <= at < len(data) - 4:
            if data[at + 3] & 31 in (1, 5):
                return at + 3
            at = data.find(_START, at + 3)
        return None


class _Bits:
    """Reads big-endian bits. Beyond the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, 'big')
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            return (self._value << -self._left) & ((1 << count) - 1)
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        self._left -= count

    def exp_golomb(self) -> int:
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)


def _slice_kind(header: bytes) -> str:
    bits = _Bits(header)
    bits.exp_golomb()  # first_mb_in_slice
    return 'PBIPI'[bits.exp_golomb() % 5]


_H264_KINDS = [_slice_kind(bytes([first])) for first in range(256)]
