"""Picture headers: what a packet holds, read off it without decoding it.

Only what an index needs is parsed. The orders of display and of decoding follow from the picture
types in MPEG-1, MPEG-2 and MPEG-4 Part 2; which pictures others refer to tells the distance that
their motion vectors span, and which packets can be left out on the way to a frame. Types also tell
where decoding can start: containers are often wrong there.
"""

from collections.abc import Callable

from ssvrl_mm.video.bitstream.h264 import H264Pictures
from ssvrl_mm.video.bitstream.picture import START_CODE, BitReader, Picture, nal_units

__all__ = ['H264Pictures', 'MPEG4Pictures', 'Picture', 'PictureParser', 'picture_parser']

# A plane of MPEG-4 that is not coded ends after its header; longer ones need not be parsed.
_LONGEST_EMPTY_PLANE = 24

_I, _P, _B = Picture('I', True, True), Picture('P', True, False), Picture('B', False, False)
_DISPOSABLE = Picture('P', False, False)
_UNKNOWN, _START = Picture('?', True, False), Picture('?', True, True)
_KINDS = {'I': _I, 'P': _P, 'B': _B}

# By vop_coding_type; the last one is a sprite, which is predicted as well.
_MPEG4_KINDS = (_I, _P, _B, _P)

# By the type of PLUSPTYPE in H.263+.
_H263_KINDS = (_I, _P, _P, _B, _I, _P)

# Sizes of pictures in Sorenson's H.263 that are coded in these many bits.
_FLV1_SIZE_BITS = {0: 16, 1: 32}

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
    if codec == 'hevc':
        return HEVCPictures(extradata)
    return _PARSERS.get(codec)


def _mpeg_pictures(data: bytes) -> list[Picture]:
    """MPEG-1 and MPEG-2: the picture header (ISO/IEC 13818-2, 6.2.3); two fields are one frame."""
    at = data.find(START_CODE + b'\x00')
    if at < 0 or at + 5 >= len(data):
        return []
    kind = '?IPB?'[min(data[at + 5] >> 3 & 7, 4)]
    return [_KINDS.get(kind, _UNKNOWN)]


def _h263_pictures(data: bytes) -> list[Picture]:
    """H.263 (ITU-T H.263, 5.1)."""
    bits = BitReader(data[:16])
    if bits.read(22) != 0x20:
        return []
    bits.skip(8 + 2 + 3)
    if bits.read(3) != 7:
        return [_P if bits.read(1) else _I]
    if bits.read(3) == 1:
        bits.skip(18)
    return [_H263_KINDS[min(bits.read(3), 5)]]


def _h261_pictures(data: bytes) -> list[Picture]:
    """H.261: its pictures do not tell their type, and so decoding starts at the first one."""
    return [_UNKNOWN] if data else []


def _flv1_pictures(data: bytes) -> list[Picture]:
    """Sorenson's H.263 (Adobe, Video File Format Specification, E.4.3.2)."""
    bits = BitReader(data[:16])
    if bits.read(17) != 1:
        return []
    bits.skip(5 + 8)
    bits.skip(_FLV1_SIZE_BITS.get(bits.read(3), 0))
    return [(_I, _P, _DISPOSABLE, _DISPOSABLE)[bits.read(2)]]


def _msmpeg4_pictures(data: bytes) -> list[Picture]:
    """MS-MPEG-4 from version 2 on, and WMV 7: the type comes first."""
    return [(_I, _P, _UNKNOWN, _UNKNOWN)[data[0] >> 6]] if data else []


def _msmpeg4v1_pictures(data: bytes) -> list[Picture]:
    """MS-MPEG-4, version 1: after a start code and five bits of a number."""
    return [(_I, _P, _UNKNOWN, _UNKNOWN)[data[4] >> 1 & 3]] if len(data) > 4 else []


def _wmv2_pictures(data: bytes) -> list[Picture]:
    """WMV 8: one bit. A picture without anything repeats the one before and is not shown."""
    return [_P if data[0] & 0x80 else _I] if data else []


def _rv10_pictures(data: bytes) -> list[Picture]:
    """RealVideo 1: the picture follows a table of its slices."""
    at = 1 + 8 * (data[0] + 1) if data else 0
    return [_P if data[at] & 0x40 else _I] if at < len(data) else []


def _rv20_pictures(data: bytes) -> list[Picture]:
    """RealVideo G2."""
    at = 1 + 8 * (data[0] + 1) if data else 0
    return [(_I, _I, _P, _B)[data[at] >> 6]] if at < len(data) else []


def _vp8_pictures(data: bytes) -> list[Picture]:
    """VP8: the frame tag (RFC 6386, 9.1). Alternate references are never displayed."""
    if not data or not data[0] & 0x10:
        return []
    return [_P if data[0] & 1 else _I]


def _vp9_pictures(data: bytes) -> list[Picture]:
    """VP9: the uncompressed header (VP9 Bitstream Specification, 6.2) of the first frame."""
    bits = BitReader(data[:1])
    bits.skip(2)
    if bits.read(1) + 2 * bits.read(1) == 3:
        bits.skip(1)
    shows_existing, is_inter = bits.read(1), bits.read(1)
    return [_UNKNOWN if shows_existing or is_inter else _START]


def _av1_pictures(data: bytes) -> list[Picture]:
    """AV1: the first frame header in a temporal unit (AV1 Bitstream Specification, 5.5 and 5.9)."""
    at = 0
    while at < len(data):
        kind, has_extension, has_size = data[at] >> 3 & 15, data[at] & 4, data[at] & 2
        at += 2 if has_extension else 1
        size, shift = len(data) - at, 0
        if has_size:
            size = 0
            while at < len(data) and shift < 56:
                size |= (data[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if data[at - 1] < 128:
                    break
        if kind in (3, 6) and at < len(data):
            # It shows no other frame, it is a keyframe, and that one is shown.
            return [_START if data[at] & 0xF0 == 0x10 else _UNKNOWN]
        at += size
    return [_UNKNOWN]


_PARSERS: dict[str, PictureParser] = {
    'mpeg1video': _mpeg_pictures,
    'mpeg2video': _mpeg_pictures,
    'h261': _h261_pictures,
    'h263': _h263_pictures,
    'h263p': _h263_pictures,
    'flv1': _flv1_pictures,
    'msmpeg4v1': _msmpeg4v1_pictures,
    'msmpeg4v2': _msmpeg4_pictures,
    'msmpeg4v3': _msmpeg4_pictures,
    'wmv1': _msmpeg4_pictures,
    'wmv2': _wmv2_pictures,
    'rv10': _rv10_pictures,
    'rv20': _rv20_pictures,
    'vp8': _vp8_pictures,
    'vp9': _vp9_pictures,
    'av1': _av1_pictures,
}


class HEVCPictures:
    """HEVC: whether decoding can start from a picture (ITU-T H.265, 7.4.2.2)."""

    def __init__(self, extradata: bytes) -> None:
        # hvcC starts with its version, an Annex B byte stream with zeros.
        is_hvc = len(extradata) > 22 and extradata[:3] > START_CODE
        self._length_size = (extradata[21] & 3) + 1 if is_hvc else 0

    def __call__(self, data: bytes) -> list[Picture]:
        """The picture in a packet, by its first slice."""
        for at, _ in nal_units(data, self._length_size):
            kind = data[at] >> 1 & 63
            if kind < 32:
                return [_START if 16 <= kind < 24 else _UNKNOWN]
        return []


class MPEG4Pictures:
    """MPEG-4 Part 2: the headers of the video object planes (ISO/IEC 14496-2, 6.2.5).

    A packet may hold two (DivX's packed bitstream) or one that is not coded, which decoders skip.
    """

    def __init__(self, extradata: bytes) -> None:
        self._layer = _MPEG4Layer(extradata)

    def __call__(self, data: bytes) -> list[Picture]:
        """The coded planes in a packet."""
        if not self._layer.found:
            self._layer = _MPEG4Layer(data)
        pictures = [_MPEG4_KINDS[data[at + 4] >> 6] for at in self._planes(data)]
        if not self._layer.interlaced:
            return pictures
        # FFmpeg measures the time between fields by the first B-frame that it meets.
        return [picture._replace(is_needed=True) for picture in pictures]

    def next_picture(self, waiting: bytes, data: bytes) -> tuple[bytes, bytes]:
        """What to decode with a packet of a packed bitstream.

        A packet's second picture, always a B-frame, is decoded in place of the next one's first.

        Args:
            waiting: what the packet before has left.
            data: the packet.

        Returns:
            The picture to decode, and what waits for the next packet.
        """
        starts = self._planes(data)
        pictures = [
            # The first one with the headers before it.
            (_MPEG4_KINDS[data[start + 4] >> 6].kind, data[start if number else 0 : end])
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=False))
        ]
        if waiting:
            pictures.insert(0, ('B', waiting))
        left = [picture for kind, picture in pictures[1:] if kind == 'B']
        return pictures[0][1] if pictures else data, left[0] if left else b''

    def _planes(self, data: bytes) -> list[int]:
        """Where coded planes begin."""
        planes = []
        at = data.find(START_CODE + b'\xb6')
        while 0 <= at < len(data) - 4:
            if len(data) - at > _LONGEST_EMPTY_PLANE or self._is_coded(data[at + 4 :]):
                planes.append(at)
            at = data.find(START_CODE + b'\xb6', at + 4)
        return planes

    def _is_coded(self, header: bytes) -> bool:
        bits = BitReader(header)
        bits.skip(2)
        while bits.read(1):  # modulo_time_base
            pass
        bits.skip(1 + self._layer.time_bits + 1)
        # A header cut short reads as zeros. Where the time's length is unknown, assume it is coded.
        return not self._layer.found or bool(bits.read(1))


class _MPEG4Layer:
    """The video object layer (ISO/IEC 14496-2, 6.2.3), if there is one.

    ``time_bits`` is the length of vop_time_increment; it and ``interlaced`` are only known if the
    layer is ``found``.
    """

    def __init__(self, data: bytes) -> None:
        self.time_bits, self.interlaced = 1, False
        at = data.find(START_CODE)
        while at >= 0 and not (at + 3 < len(data) and 0x20 <= data[at + 3] <= 0x2F):
            at = data.find(START_CODE, at + 3)
        self.found = at >= 0
        if not self.found:
            return
        bits = BitReader(data[at + 4 : at + 64])
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
        shape = bits.read(2)
        if shape == 3 and version != 1:
            bits.skip(4)
        bits.skip(1)
        self.time_bits = max((bits.read(16) - 1).bit_length(), 1)
        bits.skip(1)
        if bits.read(1):  # fixed_vop_rate
            bits.skip(self.time_bits)
        if shape == 0:
            bits.skip(1 + 13 + 1 + 13 + 1)
            self.interlaced = bool(bits.read(1))
