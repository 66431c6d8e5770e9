"""A coded picture as its headers describe it, and what headers are made of: units and bits."""

from collections.abc import Iterator
from typing import NamedTuple

#: What every unit of MPEG's byte streams begins with.
START_CODE = b'\x00\x00\x01'


class Picture(NamedTuple):
    """A coded picture.

    Attributes:
        kind: 'I', 'P', 'B', or '?' where only decoding tells.
        is_reference: whether other pictures may refer to it.
        is_start: whether decoding can start from it; None where the container has to tell.
        is_closed: whether what follows a start makes no mention of what precedes it.
        recovery: how many reference pictures have to follow before pictures come out right, if
            decoding starts from it.
        is_needed: whether a decoder needs it even if nothing refers to it.
        is_after_gap: whether pictures before it are missing.
        is_field: whether it is coded as two fields.
        is_half: whether it is the first field alone, and the next packet holds the other one.
    """

    kind: str
    is_reference: bool
    is_start: bool | None = None
    is_closed: bool = True
    recovery: int = 0
    is_needed: bool = False
    is_after_gap: bool = False
    is_field: bool = False
    is_half: bool = False


class BitReader:
    """Reads big-endian bits. Beyond the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, 'big')
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """The next ``count`` bits as a number."""
        self._left -= count
        if self._left < 0:
            return (self._value << -self._left) & ((1 << count) - 1)
        return (self._value >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Leaves out ``count`` bits."""
        self._left -= count

    def exp_golomb(self) -> int:
        """A number in H.264's unsigned Exp-Golomb code."""
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_exp_golomb(self) -> int:
        """A number in H.264's signed Exp-Golomb code."""
        code = self.exp_golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def nal_units(data: bytes, length_size: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Where the NAL units of H.264 and its successors begin and end in a packet.

    Args:
        data: the packet.
        length_size: bytes that tell a unit's length before it; 0 where start codes part units.
        start: where to begin, between two units.
    """
    if length_size:
        at = start + length_size
        while at < len(data) - 1:
            end = at + int.from_bytes(data[at - length_size : at], 'big')
            yield at, min(end, len(data))
            at = end + length_size
        return
    at = data.find(START_CODE, start)
    while 0 <= at < len(data) - 4:
        following = data.find(START_CODE, at + 3)
        yield at + 3, len(data) if following < 0 else following
        at = following
