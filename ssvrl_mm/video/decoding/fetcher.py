"""The decoded contents of frames: pixels and motion vectors, and what stands in for lost ones."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from av.video.frame import PictureType, VideoFrame

from ssvrl_mm.video.decoding.conversion import FrameConverter
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.decoding.pyav import side_data
from ssvrl_mm.video.decoding.session import DamagedError
from ssvrl_mm.video.errors import VideoDecodeError
from ssvrl_mm.video.motion.geometry import Size
from ssvrl_mm.video.motion.vectors import VECTOR

_NO_VECTORS = np.empty(0, VECTOR)

# Containers and codecs that can tell how to turn a video for display.
_TURNING_FORMATS = ('mov', 'matroska')
_TURNING_CODECS = ('h264', 'hevc')


#: Takes a frame's number and the frame as soon as it is decoded; returns its pixels to remember,
#: RGB, uint8 ``(h, w, 3)``, or None if nobody will ask for them again.
Sink = Callable[[int, VideoFrame], np.ndarray | None]


@dataclass
class Contents:
    """Pixels uint8 ``(h, w, 3)`` and motion vectors, with the size of their frame, by number.

    ``passed`` are frames whose pixels have been passed on and are not remembered.
    """

    pixels: dict[int, np.ndarray] = field(default_factory=dict)
    vectors: dict[int, tuple[np.ndarray, Size]] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)


class FrameFetcher:
    """Decodes what a request needs, and remembers which frames cannot be decoded.

    Args:
        decoder: the open video.
        path: the file, for errors.
        raises: raise for a frame that cannot be decoded instead of doing without it.
        resizes: scale frames of another size than the video's instead of raising.

    Attributes:
        size: ``(h, w)`` of the frames as coded.
        lost: frames that turned out not to be decodable.
        types: str ``(N,)`` types of all frames, '?' where nothing has told yet.
        orientation: how frames are turned for display; None before the first one is decoded.
        convert: makes arrays of frames.
    """

    def __init__(self, decoder: FrameDecoder, path: str, raises: bool, resizes: bool) -> None:
        self.decoder = decoder
        self.size: Size = decoder.size
        self.lost: set[int] = set()
        self.types = decoder.index.types.copy()
        self._untold = set(np.flatnonzero(self.types == '?').tolist())
        self.orientation = decoder.orientation
        self._path = path
        self._raises = raises
        self._resizes = resizes
        self.convert = FrameConverter(self.size, path)

    def fetch(
        self,
        contents: Contents,
        pixels: Collection[int],
        vectors: Collection[int],
        sink: Sink,
    ) -> bool:
        """Adds to ``contents`` what is missing in it.

        Args:
            contents: what is there already.
            pixels: frames whose pixels are needed.
            vectors: frames whose motion vectors are needed.
            sink: takes the pixels; those of a frame once more if it has to be decoded once more.

        Returns:
            Whether everything is there; otherwise ``lost`` has grown.

        Raises:
            VideoDecodeError: a frame is lost, or has another size, and that is an error.
        """
        pixels = set(pixels) - contents.pixels.keys() - contents.passed
        vectors = {number for number in vectors if number not in contents.vectors}
        missing = pixels | vectors
        if pixels:
            self.decoder.decode_fully()
        while True:
            try:
                self._decode(contents, pixels, vectors, sink, missing)
                break
            except DamagedError:
                self.decoder.recover()
                missing = pixels | vectors
        if missing and self._raises:
            number = min(missing)
            reason = self.decoder.reason(number)
            raise VideoDecodeError(self._path, f'frame {number} cannot be decoded: {reason}')
        self.lost |= missing
        return not missing

    def _decode(
        self,
        contents: Contents,
        pixels: set[int],
        vectors: set[int],
        sink: Sink,
        missing: set[int],
    ) -> None:
        for number, frame in self.decoder.decode(set(missing)):
            missing.discard(number)
            self._inspect(number, frame)
            if number in pixels:
                image = sink(number, frame)
                if image is None:
                    contents.passed.add(number)
                else:
                    contents.pixels[number] = image
            if number in vectors:
                contents.vectors[number] = _vectors(frame), (frame.height, frame.width)

    def keyframe(self, number: int) -> np.ndarray | None:
        """The pixels of a keyframe decoded alone; None if that cannot be done."""
        self.decoder.decode_fully()
        try:
            frame = None if self.decoder.is_damaged else self.decoder.decode_keyframe(number)
        except DamagedError:
            self.decoder.recover()
            frame = None
        if frame is None:
            return None
        self._inspect(number, frame)
        return self.convert.rgb(frame)

    def keep(self, number: int, frame: VideoFrame) -> np.ndarray:
        """A sink that remembers the pixels of every frame."""
        return self.convert.rgb(frame)

    def pixels(self, number: int) -> np.ndarray:
        """The pixels of a frame, or of what stands in for it."""
        contents = Contents()
        while not self.fetch(contents, self.stand_ins([number]), (), self.keep):
            pass
        (pixels,) = contents.pixels.values()
        return pixels

    def inspect_keyframe(self, number: int) -> None:
        """Learns from a keyframe what only a decoded frame tells."""
        try:
            frame = self.decoder.decode_keyframe(number)
        except DamagedError:
            self.decoder.recover()
            frame = None
        if frame is not None:
            self._inspect(number, frame)
        else:
            self.pixels(number)

    def find_orientation(self, exports_motion: bool) -> Orientation:
        """How frames are turned for display; one has to be decoded to know.

        Args:
            exports_motion: have motion exported from the beginning, so that the decoder need not
                be opened once more when it is asked for.
        """
        decoder = self.decoder
        may_turn = decoder.container_format.startswith(_TURNING_FORMATS)
        if self.orientation is None and (may_turn or decoder.codec in _TURNING_CODECS):
            if exports_motion:
                decoder.export_motion()
            if len(decoder.index.keyframes):
                self.inspect_keyframe(int(decoder.index.keyframes[0]))
        return self.orientation or Orientation()

    def stand_ins(self, numbers: Iterable[int]) -> list[int]:
        """The frames themselves, or for lost ones the nearest before, after at the start."""
        if not self.lost:
            return list(numbers)
        return [self._stand_in(number) for number in numbers]

    def previous(self, number: int) -> int | None:
        """The nearest frame before ``number`` that can be decoded."""
        kept = (n for n in range(number - 1, -1, -1) if n not in self.lost)
        return next(kept, None)

    def _stand_in(self, number: int) -> int:
        if number not in self.lost:
            return number
        before = self.previous(number)
        if before is not None:
            return before
        after = (n for n in range(number + 1, len(self.types)) if n not in self.lost)
        found = next(after, None)
        if found is None:
            raise VideoDecodeError(self._path, 'not one of its frames can be decoded')
        return found

    def _inspect(self, number: int, frame: VideoFrame) -> None:
        if number in self._untold:
            self._untold.discard(number)
            name = PictureType(frame.pict_type).name
            self.types[number] = {'S': 'P'}.get(name, name if name in 'IPB' else '?')
        if self.orientation is None:
            self.orientation = self.decoder.orientation = Orientation.of(frame)
        height, width = size = frame.height, frame.width
        if size != self.size and not self._resizes:
            raise VideoDecodeError(
                self._path,
                f'frame {number} has {width}x{height} px, the video {self.size[1]}x{self.size[0]}',
            )


def _vectors(frame: VideoFrame) -> np.ndarray:
    exported = side_data(frame, 'MOTION_VECTORS')
    return _NO_VECTORS if exported is None else np.frombuffer(exported, VECTOR)
