"""Files of animations: videos that browsers play, and GIFs."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from ssvrl_mm.visualization.pictures import PictureError, picture_file

#: Suffixes of animations.
SUFFIXES = ('.mp4', '.gif')

#: px. Many decoders of browsers and phones play no larger videos.
MOST_SIDE = 4096

#: px of all frames of a GIF together: they are in memory at once, 3 bytes each.
MOST_GIF_PIXELS = 2**26

#: Hardly to be told from the frames.
QUALITY = 20

_BT709 = 1  # FFmpeg's number of its primaries and of its transfer
_SAMPLED = 2**16  # px that the colours of a GIF are chosen by


class AnimationError(PictureError):
    """An animation that cannot be written; the message names it."""


def is_animation(path: str | os.PathLike) -> bool:
    """Whether a suffix is that of an animation, not of a picture."""
    return Path(path).suffix.lower() in SUFFIXES


def write_animation(
    path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float = 10.0
) -> int:
    """Writes an animation; missing folders are made, and half a file is never left.

    An .mp4 is H.264 in 4:2:0, which every browser plays; one column or row is repeated where a
    side is odd. Its frames are taken one by one. A .gif has 256 colours, chosen for all frames
    together, and plays for ever; frames that are equal to the one before it lengthen that.

    Args:
        path: Its suffix tells which.
        frames: uint8 RGB ``(h, w, 3)`` each, all of one size.
        fps: Frames per second, over 0. A GIF has at most 50.

    Returns:
        How many frames there were.

    Raises:
        AnimationError: The suffix is another, there are no frames, they are of several sizes, or
            too large.
        PictureError: The file cannot be written.
        ValueError: ``fps`` is not over 0.

    Example:
        >>> frames = np.random.default_rng(0).integers(0, 255, (5, 48, 64, 3), np.uint8)
        >>> write_animation('noise.gif', frames, fps=5)
        5
    """
    path = Path(path)
    if not is_animation(path):
        raise AnimationError(f'{path} does not end like an animation, .mp4 or .gif')
    if not 0 < fps < float('inf'):
        raise ValueError(f'fps must be over 0, got {fps}')
    rising = iter(frames)
    first = next(rising, None)
    if first is None:
        raise AnimationError(f'{path}: there are no frames to write')
    height, width = first.shape[:2]
    if max(height, width) > MOST_SIDE:
        raise AnimationError(
            f'{path}: frames of {width}x{height} px are too large to be played, which takes '
            f'{MOST_SIDE} px at most along each side; draw less, or smaller (--side)'
        )
    checked = _of_one_size(path, chain([first], rising))
    with picture_file(path) as partial:
        if path.suffix.lower() == '.gif':
            return _write_gif(path, partial, checked, fps)
        return write_mp4(str(partial), checked, fps)


def _of_one_size(path: Path, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for number, frame in enumerate(frames):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise AnimationError(
                f'{path}: frame {number} is {frame.dtype} {frame.shape}, not uint8 (h, w, 3)'
            )
        shape = shape or frame.shape
        if frame.shape != shape:
            raise AnimationError(
                f'{path}: frame {number} is {frame.shape}, but the first one is {shape}'
            )
        yield frame


def write_mp4(
    target: str | BinaryIO, frames: Iterable[np.ndarray], fps: float, quality: int = QUALITY
) -> int:
    """Writes an H.264 video in 4:2:0, which every browser plays.

    Args:
        target: The file: its path, or what is open for writing.
        frames: uint8 RGB ``(h, w, 3)`` each, all of one size; one column or row is repeated where a
            side is odd.
        fps: Frames per second.
        quality: x264's rate factor, 0 to 51: the higher, the smaller and the worse.

    Returns:
        How many frames there were.
    """
    # The index of a file comes first, so that it plays before all of it is there. FFmpeg opens it
    # a second time for that, by its name.
    options = {'movflags': '+faststart'} if isinstance(target, str) else {}
    with av.open(target, 'w', format='mp4', container_options=options) as container:
        rate = Fraction(fps).limit_denominator(1001)
        encoding = {'crf': str(quality), 'threads': '1'}
        stream = container.add_stream('libx264', rate=rate, options=encoding)
        stream.pix_fmt = 'yuv420p'
        context = stream.codec_context
        # What is not said browsers guess by the size.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709
        count = 0
        for frame in frames:
            even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), 'edge')
            if not count:
                stream.height, stream.width = even.shape[:2]
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(even), format='rgb24')
            container.mux(stream.encode(_as_coded(picture)))
            count += 1
        container.mux(stream.encode(None))
    return count


def _as_coded(picture: VideoFrame) -> VideoFrame:
    """The frame in the colours of H.264."""
    return picture.reformat(
        format='yuv420p',
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )


def _write_gif(path: Path, partial: Path, frames: Iterator[np.ndarray], fps: float) -> int:
    kept: list[np.ndarray] = []
    for frame in frames:
        kept.append(frame.copy())
        if len(kept) * frame.shape[0] * frame.shape[1] > MOST_GIF_PIXELS:
            raise AnimationError(
                f'{path}: a GIF of more than {len(kept) - 1} frames of {frame.shape[1]}x'
                f'{frame.shape[0]} px is too large; write an .mp4'
            )
    # Some px of each frame: a picture of them all would be as large as the animation.
    step = max(len(kept) * kept[0].size // 3 // _SAMPLED, 1)
    sample = np.concatenate([frame.reshape(-1, 3)[::step] for frame in kept])[None]
    palette = Image.fromarray(sample).quantize(256)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in kept
    ]
    # Times are whole hundredths of a second, and browsers slow down what takes less than two.
    lasts = 1000 / min(fps, 50)
    ends = [round(lasts * (number + 1) / 10) * 10 for number in range(len(kept))]
    durations = [int(length) for length in np.diff([0, *ends])]
    pictures[0].save(
        partial,
        format='GIF',
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return len(kept)
