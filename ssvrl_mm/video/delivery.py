"""What becomes of the pixels of a request's frames: a batch, or a caller who takes them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from av.video.frame import VideoFrame

from ssvrl_mm.video.decoding.conversion import scale
from ssvrl_mm.video.decoding.cropping import Region
from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher
from ssvrl_mm.video.motion.geometry import Size

#: Takes a stream's name, a frame's number and its pixels as displayed: ``(h, w, 3)``, uint8 of
#: 'rgb', int16 of 'residual'. They are to be used at once, and not written to.
Receiver = Callable[[str, int, np.ndarray], None]


def check_regions(regions: Mapping[int, Region], size: Size) -> None:
    """Refuses regions that are not inside frames displayed as ``size = (h, w)`` px.

    Raises:
        ValueError: one is not, or is empty.
    """
    height, width = size
    for number, (left, top, right, bottom) in regions.items():
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            box = (left, top, right, bottom)
            raise ValueError(f'frame {number} of {width}x{height} px has no region {box}')


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
        regions: what to hand over of frames that are not wanted whole, as displayed.
    """

    def __init__(
        self,
        numbers: Iterable[int],
        receive: Receiver,
        fetcher: FrameFetcher,
        regions: Mapping[int, Region],
    ) -> None:
        super().__init__(fetcher)
        self._regions = regions
        self._receive = receive
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
        kept = self._convert.rgb(frame) if number in self.kept else None
        for wanted in self._owed.get(number, ()):
            self._receive('rgb', wanted, self._picture(frame, self._regions.get(wanted), kept))
            self._shown[wanted] = number
        return kept

    def _picture(
        self, frame: VideoFrame, region: Region | None, rgb: np.ndarray | None
    ) -> np.ndarray:
        """What is handed over of a frame, whose RGB may be there already."""
        turned = self._fetcher.orientation
        is_upright = turned is None or turned.is_upright
        if rgb is None and is_upright:
            return self._convert.rgb(frame, region)
        image = self._convert.rgb(frame) if rgb is None else rgb
        if turned is not None and not is_upright:
            image = turned.frames(image)
        if region:
            left, top, right, bottom = region
            image = image[top:bottom, left:right]
        return image
