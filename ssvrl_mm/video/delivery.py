"""What becomes of the pixels of a request's frames: a batch, or a caller who takes them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from ssvrl_mm.video.decoding.conversion import scale
from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher

#: Takes a stream's name, a frame's number and its pixels as displayed: ``(h, w, 3)``, uint8 of
#: 'rgb' (or a tuple of planes, see ``pixel_format``), int16 of 'residual'. They are to be used at
#: once, and not written to.
Receiver = Callable[[str, int, Any], None]


class Delivery(ABC):
    """Passes on the pictures that were asked for, as they are decoded.

    Args:
        fetcher: converts frames, and knows how they are turned for display.

    Attributes:
        kept: frames whose RGB is needed later as well, in full size.
    """

    def __init__(self, fetcher: FrameFetcher) -> None:
        self._fetcher = fetcher
        self._convert = fetcher.convert
        self.kept: set[int] = set()

    @abstractmethod
    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """The frames that have to be decoded.

        Args:
            frames: what is shown, in the order of the request: the frames asked for, or what
                stands in for them.
            contents: what is there already; what has to be decoded again is taken out.
        """

    @abstractmethod
    def __call__(self, number: int, frame: VideoFrame) -> np.ndarray | None:
        """Takes a frame, see :data:`~ssvrl_mm.video.decoding.fetcher.Sink`."""


class BatchDelivery(Delivery):
    """Writes frames to an array, scaled to its size.

    Args:
        numbers: the frames that were asked for.
        rgb: uint8 ``(T, h, w, 3)``, as coded.
        fetcher: see :class:`Delivery`.
    """

    def __init__(self, numbers: Sequence[int], rgb: np.ndarray, fetcher: FrameFetcher) -> None:
        super().__init__(fetcher)
        self._rgb = rgb
        self._first = {number: row for row, number in reversed(list(enumerate(numbers)))}

    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """All of them."""
        return set(frames)

    def __call__(self, number: int, frame: VideoFrame) -> np.ndarray | None:
        """Writes a frame where it comes first."""
        image = self._convert.rgb(frame)
        row = self._first.get(number)
        if row is None:
            return image
        place = self._rgb[row]
        scale(image, place)
        return image if number in self.kept and image.shape != place.shape else place

    def finish(self, frames: Sequence[int], contents: Contents) -> np.ndarray:
        """The array, with what comes more than once repeated."""
        for row, frame in enumerate(frames):
            if self._first.get(frame) != row:
                scale(contents.pixels[frame], self._rgb[row])
        return self._rgb


class HandOver(Delivery):
    """Hands frames to a receiver.

    Args:
        numbers: the frames that were asked for.
        receive: the receiver; gets each of them once, and again what had to be decoded again.
        fetcher: see :class:`Delivery`.
        as_yuv: hand over planes of YUV 4:2:0 instead of RGB.
    """

    def __init__(
        self, numbers: Iterable[int], receive: Receiver, fetcher: FrameFetcher, as_yuv: bool
    ) -> None:
        super().__init__(fetcher)
        self._receive = receive
        self._as_yuv = as_yuv
        self._numbers = list(numbers)
        self._shown: dict[int, int] = {}
        self._owed: dict[int, list[int]] = {}

    def plan(self, frames: Sequence[int], contents: Contents) -> set[int]:
        """What has not been handed over yet."""
        self._owed = {}
        for number, frame in dict(zip(self._numbers, frames, strict=True)).items():
            if self._shown.get(number) != frame:
                self._owed.setdefault(frame, []).append(number)
                contents.pixels.pop(frame, None)
                contents.passed.discard(frame)
        return set(self._owed)

    def __call__(self, number: int, frame: VideoFrame) -> np.ndarray | None:
        """Hands a frame over, under every number that it stands for."""
        is_kept, owed = number in self.kept, self._owed.get(number)
        image = None if self._as_yuv and not is_kept else self._convert.rgb(frame)
        if owed:
            shown = self._yuv420(frame) if self._as_yuv else self._turned(image)
            for wanted in owed:
                self._receive('rgb', wanted, shown)
                self._shown[wanted] = number
        return image if is_kept else None

    def _yuv420(self, frame: VideoFrame) -> tuple[np.ndarray, ...]:
        planes = (plane[..., None] for plane in self._convert.yuv420(frame))
        return tuple(self._turned(plane)[..., 0] for plane in planes)

    def _turned(self, image: Any) -> np.ndarray:
        """A picture ``(h, w, channels)`` as displayed."""
        turned = self._fetcher.orientation
        return image if turned is None or turned.is_upright else turned.frames(image)
