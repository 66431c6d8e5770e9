"""The headers of H.264 (ITU-T H.264, 7.3): what an index needs of them."""

from typing import NamedTuple

from ssvrl_mm.video.bitstream.picture import BitReader, Picture, nal_units

_SLICE, _IDR_SLICE, _SEI, _PARAMETERS = 1, 5, 6, 7
_RECOVERY_POINT = 6

# The profiles whose sequence parameters tell the chroma format.
_HIGH_PROFILES = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)

# As much of a slice as its header up to the field flags, or of parameters, can take.
_LONGEST_HEADER, _LONGEST_PARAMETERS = 24, 512
_LARGEST_CROP = 4096


class SequenceParameters(NamedTuple):
    """What a slice header cannot be read without, and where the cropped picture begins."""

    frame_num_bits: int = 4
    separate_planes: bool = False
    frames_only: bool = True
    gaps_allowed: bool = False
    crop: tuple[int, int] = (0, 0)


class H264Pictures:
    """Lists the picture in a packet, from its NAL units up to the first slice.

    Args:
        extradata: the codec's global headers, which also tell how NAL units are parted.

    Attributes:
        parameters: the sequence parameters that came last.
    """

    def __init__(self, extradata: bytes) -> None:
        # avcC starts with version 1; an Annex B byte stream starts with zeros.
        is_avc = len(extradata) > 6 and extradata[0] == 1
        self._length_size = (extradata[4] & 3) + 1 if is_avc else 0
        self._may_change = self._length_size == 4
        self.parameters = SequenceParameters()
        self._unit = b''
        self._first_field: tuple[int, int] | None = None
        self._last_reference: int | None = None
        if is_avc:
            size = int.from_bytes(extradata[6:8], 'big')
            self._read_parameters(extradata[8 : 8 + size])
        else:
            for at, end in nal_units(extradata, 0):
                if extradata[at] & 31 == _PARAMETERS:
                    self._read_parameters(extradata[at:end])

    def __call__(self, data: bytes) -> list[Picture]:
        """The picture in a packet; none where it is the second field of one."""
        recovery = None
        self._learn_how_units_are_parted(data)
        for at, end in nal_units(data, self._length_size):
            kind = data[at] & 31
            if kind in (_SLICE, _IDR_SLICE):
                return self._picture(data, at, end, recovery)
            if kind == _SEI:
                found = _recovery_point(_payload(data[at + 1 : end]))
                recovery = found if recovery is None else recovery
            elif kind == _PARAMETERS:
                self._read_parameters(data[at:end])
        return []

    def _learn_how_units_are_parted(self, data: bytes) -> None:
        """Notes where there are start codes instead of the lengths that the header announces."""
        if not self._may_change or len(data) < 9:
            return
        length = int.from_bytes(data[:4], 'big')
        if length == 1 and int.from_bytes(data[5:9], 'big') > len(data):
            self._length_size = 0
        elif 1 < length <= len(data):
            self._length_size = 4

    def _picture(self, data: bytes, at: int, end: int, recovery: int | None) -> list[Picture]:
        is_reference = bool(data[at] & 0x60)
        is_idr = data[at] & 31 == _IDR_SLICE
        first = data[at + 1]
        if self.parameters.frames_only and first & 0x80:
            # The slice that begins a picture has its type in its first byte.
            kind, length = _KINDS[first]
            frame_num, field = self._frame_num(data[at + 1 : at + 6], length), None
        else:
            kind, frame_num, field = self._slice_header(data[at : at + _LONGEST_HEADER])
        # An I-picture that nothing marks as a start may be one: the container tells.
        is_start = True if is_idr or recovery is not None else None if kind == 'I' else False
        picture = Picture(
            kind,
            is_reference,
            is_start,
            is_idr or not is_start,
            recovery or 0,
            is_after_gap=self._is_after_gap(frame_num, is_idr, is_reference),
        )
        if field is None:
            self._first_field = None
            return [picture]
        if self._holds_other_field(data, end, field):
            self._first_field = None
            return [picture._replace(is_field=True)]
        # A packet per field: the frame comes with the first one.
        frame_num, parity = field
        if self._first_field == (frame_num, 1 - parity):
            self._first_field = None
            return []
        self._first_field = field
        return [picture._replace(is_field=True, is_half=True, is_needed=True)]

    def _frame_num(self, header: bytes, length: int) -> int | None:
        """The number after the first bits of a slice header, if the parameters' number is 0."""
        value, left = int.from_bytes(header, 'big'), 8 * len(header) - length - 1
        bits = self.parameters.frame_num_bits
        if left < bits or not value >> left & 1:
            return None
        return value >> (left - bits) & ((1 << bits) - 1)

    def _is_after_gap(self, number: int | None, is_idr: bool, is_reference: bool) -> bool:
        """Whether frame numbers do not follow on each other (ITU-T H.264, 7.4.3)."""
        last = self._last_reference
        if is_reference:
            self._last_reference = number
        if number is None or last is None or is_idr or self.parameters.gaps_allowed:
            return False
        return number not in (0, last, (last + 1) % (1 << self.parameters.frame_num_bits))

    def _slice_header(self, unit: bytes) -> tuple[str, int, tuple[int, int] | None]:
        """The type of a slice, its frame number, and that and its parity if it is of a field."""
        bits = BitReader(_payload(unit[1:]))
        bits.exp_golomb()  # first_mb_in_slice
        kind = 'PBIPI'[bits.exp_golomb() % 5]
        bits.exp_golomb()  # pic_parameter_set_id
        if self.parameters.separate_planes:
            bits.skip(2)
        frame_num = bits.read(self.parameters.frame_num_bits)
        if self.parameters.frames_only or not bits.read(1):
            return kind, frame_num, None
        return kind, frame_num, (frame_num, bits.read(1))

    def _holds_other_field(self, data: bytes, start: int, field: tuple[int, int]) -> bool:
        for at, _ in nal_units(data, self._length_size, start):
            if data[at] & 31 in (_SLICE, _IDR_SLICE):
                _, _, other = self._slice_header(data[at : at + _LONGEST_HEADER])
                if other == (field[0], 1 - field[1]):
                    return True
        return False

    def _read_parameters(self, unit: bytes) -> None:
        if len(unit) > 4 and unit != self._unit:
            self._unit = unit
            self.parameters = _sequence_parameters(_payload(unit[1:_LONGEST_PARAMETERS]))


def _payload(unit: bytes) -> bytes:
    """Without the bytes that keep start codes from occurring inside."""
    return unit.replace(b'\x00\x00\x03', b'\x00\x00')


def _recovery_point(messages: bytes) -> int | None:
    """How many frames until pictures are right, where one of the messages is a recovery point."""
    at = 0
    while at + 2 < len(messages):
        kind, at = _sei_number(messages, at)
        size, at = _sei_number(messages, at)
        if kind == _RECOVERY_POINT:
            return BitReader(messages[at : at + size]).exp_golomb()
        at += size
    return None


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    while at < len(data) and data[at] == 255:
        number += 255
        at += 1
    return number + (data[at] if at < len(data) else 0), at + 1


def _sequence_parameters(data: bytes) -> SequenceParameters:
    """ITU-T H.264, 7.3.2.1.1."""
    bits = BitReader(data)
    profile = bits.read(8)
    bits.skip(16)
    bits.exp_golomb()  # seq_parameter_set_id
    chroma, separate = 1, False
    if profile in _HIGH_PROFILES:
        chroma = bits.exp_golomb()
        separate = chroma == 3 and bool(bits.read(1))
        bits.exp_golomb()
        bits.exp_golomb()  # bit depths
        bits.skip(1)
        if bits.read(1):
            for number in range(12 if chroma == 3 else 8):
                if bits.read(1):
                    _skip_scaling_list(bits, 16 if number < 6 else 64)
    frame_num_bits = bits.exp_golomb() + 4
    order = bits.exp_golomb()  # pic_order_cnt_type
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.skip(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.exp_golomb()
    bits.exp_golomb()  # max_num_ref_frames
    gaps_allowed = bool(bits.read(1))
    bits.exp_golomb()
    bits.exp_golomb()  # width and height
    frames_only = bool(bits.read(1))
    bits.skip(1 if frames_only else 2)
    left = top = 0
    if bits.read(1):
        left = bits.exp_golomb()
        bits.exp_golomb()  # right
        top = bits.exp_golomb()
    if max(left, top) > _LARGEST_CROP:  # no picture is as large
        left = top = 0
    is_subsampled = not separate
    left *= 2 if is_subsampled and chroma in (1, 2) else 1
    top *= (2 if is_subsampled and chroma == 1 else 1) * (1 if frames_only else 2)
    return SequenceParameters(
        min(frame_num_bits, 16), separate, frames_only, gaps_allowed, (left, top)
    )


def _skip_scaling_list(bits: BitReader, length: int) -> None:
    scale = following = 8
    for _ in range(length):
        if following:
            following = (scale + bits.signed_exp_golomb()) % 256
        scale = following or scale


def _first_kind(first: int) -> tuple[str, int]:
    """The type in the first byte of a slice that begins a picture, and in how many bits."""
    bits = BitReader(bytes([first]))
    bits.exp_golomb()  # first_mb_in_slice
    code = bits.exp_golomb()
    return 'PBIPI'[code % 5], 2 * (code + 1).bit_length()


_KINDS = [_first_kind(first) for first in range(256)]
