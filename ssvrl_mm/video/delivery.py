"""What becomes of the pixels of a request's frames: a batch, or a caller who takes them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ssvrl_mm.video.decoding.conversion import scale
from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher

#: Takes a stream's name, a frame's number and its pixels as displayed: ``(h, w, 3)``, uint8 of
#: 'rgb', int16 of 'residual'. They are to be used at once, and not written to.
Receiver = Callable[[str, int, np.ndarray], None]


class Delivery(ABC):
    """Passes on the RGB of the frames that were asked for, as they are decoded.

    Attributes:
        kept: frames whose pixels are needed later as well, in full size.
    """

    def __init__(self) -> None:
        self.kept: set[int] = set()

    @abstractmethod
    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """The frames that have to be decoded.

        Args:
            frames: what is shown, in the order of the request: the frames asked for, or what
                stands in for them.
            contents: what is there already.
        """

    @abstractmethod
    def __call__(self, number: int, image: np.ndarray) -> np.ndarray | None:
        """Takes a frame, see :data:`~ssvrl_mm.video.decoding.fetcher.Sink`."""

    @abstractmethod
    def finish(self, frames: Sequence[int], contents: Contents) -> np.ndarray | None:
        """Passes on what could not be so far; the batch, if it makes one."""


class BatchDelivery(Delivery):
    """Writes frames to an array, scaled to its size.

    Args:
        numbers: the frames that were asked for.
        rgb: uint8 ``(T, h, w, 3)``, as coded.
    """

    def __init__(self, numbers: Sequence[int], rgb: np.ndarray) -> None:
        super().__init__()
        self._rgb = rgb
        self._first = {number: row for row, number in reversed(list(enumerate(numbers)))}

    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """All of them."""
        return set(frames)

    def __call__(self, number: int, image: np.ndarray) -> np.ndarray | None:
        """Writes a frame where it comes first."""
        row = self._first.get(number)
        if row is None:
            return image
        place = self._rgb[row]
        scale(image, place)
        return image if number in self.kept and image.shape != place.shape else place

    def finish(self, frames: Sequence[int], contents: Contents) -> np.ndarray:
        """Repeats what comes more than once."""
        for row, frame in enumerate(frames):
            if self._first.get(frame) != row:
                scale(contents.pixels[frame], self._rgb[row])
        return self._rgb


class HandOver(Delivery):
    """Hands frames to a receiver.

    Args:
        numbers: the frames that were asked for.
        receive: the receiver; gets each of them once, and again what had to be decoded again.
        fetcher: knows how frames are turned for display.
    """

    def __init__(self, numbers: Iterable[int], receive: Receiver, fetcher: FrameFetcher) -> None:
        super().__init__()
        self._receive = receive
        self._fetcher = fetcher
        self._numbers = list(numbers)
        self._shown: dict[int, int] = {}
        self._owed: dict[int, list[int]] = {}

    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """What has not been handed over yet."""
        self._owed = {}
        for number, frame in dict(zip(self._numbers, frames, strict=True)).items():
            if self._shown.get(number) != frame:
                self._owed.setdefault(frame, []).append(number)
        contents.passed.difference_update(self._owed)
        return set(self._owed)

    def __call__(self, number: int, image: np.ndarray) -> np.ndarray | None:
        """Hands a frame over, under every number that it stands for."""
        owed = self._owed.get(number)
        if owed:
            turned = self._fetcher.orientation
            shown = image if turned is None or turned.is_upright else turned.frames(image)
            for wanted in owed:
                self._receive('rgb', wanted, shown)
                self._shown[wanted] = number
        return image if number in self.kept else None

    def finish(self, frames: Sequence[int], contents: Contents) -> None:
        """Hands over what stands in for others and had been decoded before that was known."""
        for number, frame in zip(self._numbers, frames, strict=True):
            if self._shown.get(number) != frame:
                self(frame, contents.pixels[frame])
