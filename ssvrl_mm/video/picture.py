"""A coded picture as its headers describe it, and the bits that headers are made of."""

from typing import NamedTuple

#: What every unit of MPEG's byte streams begins with.
START_CODE = b'\x00\x00\x01'


class Picture(NamedTuple):
    """A coded picture.

    Attributes:
        kind: 'I', 'P', 'B', or '?' where only decoding tells.
        is_reference: whether other pictures may refer to it.
        is_start: whether decoding can start from it; None where the container has to tell.
        recovery: how many reference pictures have to follow before pictures come out right, if
            decoding starts from it.
        is_needed: whether a decoder needs it even if nothing refers to it.
        is_field: whether it is coded as two fields.
        is_half: whether it is the first field alone, and the next packet holds the other one.
    """

    kind: str
    is_reference: bool
    is_start: bool | None = None
    recovery: int = 0
    is_needed: bool = False
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
