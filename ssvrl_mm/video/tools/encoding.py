"""Encoding frames the way that methods on compressed video assume: short GOPs, no B-frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from ssvrl_mm.video.decoding.conversion import make_convertible
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.motion.geometry import Size

# MPEG-4 Part 2 has 16 bits for the denominator of its time base.
_MOST_TICKS = 2**16 - 1

# A longer standstill is taken for a damaged time: one of a day would be millions of frames.
_MOST_SECONDS_REPEATED = 10

# AVColorSpace: FFmpeg reads untagged video and both kinds of BT.601 alike.
_LIKE_BT601 = (2, 5, 6)

# Containers by suffix. Under any other one the file is Matroska, which readers recognise.
_FORMATS = {'.avi': 'avi', '.mp4': 'mp4', '.m4v': 'mp4', '.3gp': 'mp4', '.mov': 'mov'}


@dataclass(frozen=True)
class Preset:
    """A way to encode.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        codec: FFmpeg's name of the codec.
        quality: the quality unless another is asked for; lower is better.
        quality_range: the best and the worst.
        quality_options: the encoder's options that take it.
        options: everything else, which makes GOPs of equal length in which every P-frame refers to
            the frame before it.
    """

    encoder: str
    codec: str
    quality: int
    quality_range: tuple[int, int]
    quality_options: tuple[str, ...]
    options: dict[str, str]


#: 'mpeg4-gop12' is what CoViAR (Wu et al., CVPR 2018) and its successors train on; 'h264-nob' has
#: the same structure in H.264.
PRESETS = {
    'mpeg4-gop12': Preset(
        encoder='mpeg4',
        codec='mpeg4',
        quality=3,
        quality_range=(1, 31),
        quality_options=('qmin', 'qmax'),
        options={'bf': '0', 'sc_threshold': '1000000000'},
    ),
    'h264-nob': Preset(
        encoder='libx264',
        codec='h264',
        quality=18,
        quality_range=(1, 51),
        quality_options=('crf',),
        options={'preset': 'medium', 'bf': '0', 'refs': '1', 'weightp': '0', 'sc_threshold': '0'},
    ),
}


@dataclass(frozen=True)
class EncoderSettings:
    """How to encode.

    Args:
        preset: a name in :data:`PRESETS`.
        quality: quantiser of MPEG-4 (1 to 31) or rate factor of H.264 (1 to 51); lower is better.
            The preset's own by default.
        gop: frames from one I-frame to the next.
        short_side: px; frames whose shorter side is longer are scaled to it.
        fps: frames per second, at even times: of the source, the nearest to each, left out or
            repeated as need be. None: every frame at its own time.

    Raises:
        ValueError: one of them is out of range, or FFmpeg lacks the encoder.
    """

    preset: str = 'mpeg4-gop12'
    quality: int | None = None
    gop: int = 12
    short_side: int | None = None
    fps: float | Fraction | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f'preset must be one of {sorted(PRESETS)}, got {self.preset!r}')
        encoder = PRESETS[self.preset].encoder
        if encoder not in av.codecs_available:
            raise ValueError(f'{self.preset} needs the encoder {encoder}, which FFmpeg lacks here')
        best, worst = PRESETS[self.preset].quality_range
        if self.quality is None:
            object.__setattr__(self, 'quality', PRESETS[self.preset].quality)
        elif not best <= self.quality <= worst:
            raise ValueError(
                f'quality of {self.preset} must be in {best}..{worst}, got {self.quality}'
            )
        if self.gop < 1:
            raise ValueError(f'gop must be at least 1 frame, got {self.gop}')
        if self.short_side is not None and self.short_side < 16:
            raise ValueError(f'short_side must be at least 16 px, got {self.short_side}')
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise ValueError(f'fps must be in 1..1000 frames per second, got {self.fps}')

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec."""
        return PRESETS[self.preset].codec

    def options(self) -> dict[str, str]:
        """The encoder's options."""
        preset = PRESETS[self.preset]
        quality = dict.fromkeys(preset.quality_options, str(self.quality))
        # One thread, so that the result is the same on every machine.
        return {**preset.options, **quality, 'g': str(self.gop), 'threads': '1'}

    def __str__(self) -> str:
        text = f'{self.preset} quality={self.quality} gop={self.gop} short_side={self.short_side}'
        return text if self.fps is None else f'{text} fps={self.fps}'


class PictureConverter:
    """Turns decoded frames into upright pictures of one even size, 8 bit 4:2:0 in BT.601.

    Args:
        size: ``(h, w)`` of the frames as coded, px; frames of another size are scaled to it.
        orientation: how frames are turned for display.
        short_side: px; what is larger is scaled to it. What is not loses the last row or column of
            an odd side.

    Attributes:
        size: ``(h, w)`` of the pictures, px.
    """

    def __init__(
        self,
        size: Size,
        orientation: Orientation | None = None,
        short_side: int | None = None,
    ) -> None:
        if short_side is not None and min(size) > short_side:
            scale = short_side / min(size)
            size = (2 * round(size[0] * scale / 2), 2 * round(size[1] * scale / 2))
        self._scaled = size
        self._even: Size = (size[0] // 2 * 2, size[1] // 2 * 2)
        self._orientation = orientation or Orientation()
        self.size: Size = self._orientation.size(self._even)
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Returns a new frame without times and types, which encoders would take for orders."""
        height, width = self._scaled
        make_convertible(frame)
        is_full_range = frame.format.name.startswith('yuvj') or frame.color_range == ColorRange.JPEG
        is_same = frame.colorspace in _LIKE_BT601 and not is_full_range
        if (frame.height, frame.width, frame.format.name) != (*self._scaled, 'yuv420p'):
            is_same = False
        if not is_same:
            frame = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format='yuv420p',
                dst_colorspace=Colorspace.ITU601,
                src_color_range=ColorRange.JPEG if is_full_range else ColorRange.MPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BICUBIC,
                threads=1,
            )
        planes = []
        for plane, step in zip(frame.planes, (1, 2, 2), strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            # Cut before turning, so that rows and columns of colour keep to theirs.
            part = rows[: self._even[0] // step, : self._even[1] // step]
            planes.append(self._orientation.frames(part[..., None]).ravel())
        array = np.concatenate(planes).reshape(-1, self.size[1])
        return VideoFrame.from_ndarray(array, format='yuv420p')


class VideoEncoder:
    """Writes pictures to a file. A context manager; the file is complete after it.

    Args:
        path: the file.
        container: FFmpeg's name of the container format.
        settings: how to encode.
        size: ``(h, w)`` of the pictures, even, px.
        unit: seconds that a tick lasts.
        ticks: ``(N,)`` when the pictures are shown.
        aspect: width of a pixel over its height.
        comment: goes into the file's metadata.
    """

    def __init__(
        self,
        path: Path,
        container: str,
        settings: EncoderSettings,
        size: Size,
        unit: Fraction,
        ticks: Sequence[int] | np.ndarray,
        aspect: Fraction | None = None,
        comment: str = '',
    ) -> None:
        self._unit = unit
        self._ticks = [int(tick) for tick in ticks]
        self._written = 0
        self._container = av.open(str(path), 'w', format=container)
        try:
            self._container.metadata['comment'] = comment
            encoder = PRESETS[settings.preset].encoder
            rate = (1 / (unit * _typical_step(ticks))).limit_denominator(1001)
            stream = self._container.add_stream(encoder, rate=rate, options=settings.options())
            self._stream = cast(VideoStream, stream)
            self._stream.height, self._stream.width = size
            self._stream.pix_fmt = 'yuv420p'
            context = self._stream.codec_context
            context.time_base = unit
            context.color_range = ColorRange.MPEG
            context.colorspace = Colorspace.ITU601
            if aspect:
                context.sample_aspect_ratio = aspect
        except BaseException:
            self._container.close()
            raise

    def write(self, picture: VideoFrame) -> None:
        """Encodes the next picture."""
        picture.pts, picture.time_base = self._ticks[self._written], self._unit
        self._written += 1
        self._container.mux(self._stream.encode(picture))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def container_of(path: Path) -> str:
    """FFmpeg's name of the container that a file of this name gets."""
    return _FORMATS.get(path.suffix.lower(), 'matroska')


def plan_times(seconds: np.ndarray, fps: Fraction, container: str) -> tuple[Fraction, np.ndarray]:
    """Puts presentation times on the ticks of a clock that every codec and container can hold.

    Frames at a constant rate, gaps between them allowed, get that rate exactly. Frames at a varying
    rate keep their times to a fraction of a millisecond, except in AVI, which has no times: there
    they follow one another at their average rate.

    Args:
        seconds: ``(N,)`` presentation times, rising.
        fps: the rate that the source claims.
        container: FFmpeg's name of the container format.

    Returns:
        Seconds that a tick lasts, and int64 ``(N,)`` ticks, rising from 0.
    """
    seconds = seconds - seconds[0]
    count = len(seconds)
    mean = Fraction((count - 1) / seconds[-1]) if count > 1 and seconds[-1] > 0 else fps
    for rate in (fps, mean):
        unit = (1 / rate.limit_denominator(1001)).limit_denominator(_MOST_TICKS)
        ticks = np.rint(seconds / float(unit)).astype(np.int64)
        # Containers round times, Matroska to whole milliseconds.
        off = np.abs(ticks * float(unit) - seconds).max()
        if np.all(np.diff(ticks) > 0) and off < min(2e-3, float(unit) / 4):
            return unit, ticks
    if container == 'avi':
        return unit, np.arange(count)
    unit = Fraction(1, 60000)
    ticks = np.rint(seconds / float(unit)).astype(np.int64)
    # Times that rise by less than a tick, or not at all.
    ticks = np.maximum.accumulate(ticks - np.arange(count)) + np.arange(count)
    return unit, ticks


def plan_rate(
    seconds: np.ndarray, fps: Fraction, wanted: float | Fraction
) -> tuple[Fraction, np.ndarray]:
    """Chooses the frames that come nearest to the even times of another rate.

    Args:
        seconds: ``(N,)`` presentation times, rising.
        fps: the rate that the source claims: its last frame lasts as long as that says.
        wanted: the other rate.

    Returns:
        Seconds that a frame lasts, and int64 ``(N,)``: how often each of the source's frames is
        shown.

    Raises:
        ValueError: a frame would be repeated for more than 10 s.
    """
    unit = (1 / Fraction(wanted).limit_denominator(1001)).limit_denominator(_MOST_TICKS)
    seconds = seconds - seconds[0]
    end = seconds[-1] + float(1 / fps)
    # As near as makes no difference counts as half way, which belongs to the later frame.
    middles = (seconds[1:] + seconds[:-1]) / 2 - 1e-6
    shown = np.diff([0, *middles, end])
    too_long = np.flatnonzero(shown > _MOST_SECONDS_REPEATED)
    if len(too_long):
        number = too_long[0]
        raise ValueError(
            f'frame {number}, shown at {seconds[number]:.1f} s, would be repeated for '
            f'{shown[number]:.0f} s, and {_MOST_SECONDS_REPEATED} s are the most: its time or the '
            'next is damaged, or there is a gap; without another rate, frames keep their times'
        )
    total = max(round(end / float(unit)), 1)
    nearest = np.searchsorted(middles, np.arange(total) * float(unit), side='right')
    return unit, np.bincount(nearest, minlength=len(seconds))


def _typical_step(ticks: Sequence[int] | np.ndarray) -> int:
    return max(int(np.median(np.diff(ticks))), 1) if len(ticks) > 1 else 1
