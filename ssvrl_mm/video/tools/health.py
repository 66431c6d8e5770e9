"""What a video is made of and what is wrong with it, before somebody trains on it."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

import av.logging
import numpy as np

from ssvrl_mm.video.errors import VideoDecodeError, VideoError
from ssvrl_mm.video.metadata import FrameBatch, VideoMetadata
from ssvrl_mm.video.motion.vectors import plan_motion
from ssvrl_mm.video.reader import CompressedVideoReader
from ssvrl_mm.video.tools.parallel import map_in_processes

Found = TypeVar('Found')

# The frames that stand for the whole video where not all are decoded.
_SAMPLE = 8

# Frames that are decoded at once.
_CHUNK = 32

# Frame numbers that a report names before it breaks off.
_NAMED = 6


@dataclass(frozen=True)
class VideoHealth:
    """Facts about a video and what is wrong with it.

    Shares are in 0..1, and None where they are not known without decoding everything.

    Attributes:
        path: the file.
        readable: whether any of its frames can be decoded.
        problems: what is wrong, in words.
        full: whether every frame was decoded, or a sample.
        file_bytes: size of the file.
        container: FFmpeg's name of the container format.
        codec: FFmpeg's name of the codec.
        pixel_format: FFmpeg's name of the coded pixel format.
        width: px, as displayed.
        height: px, as displayed.
        rotation: degrees by which coded frames are turned anticlockwise for display.
        fps: frames per second on average.
        num_frames: frames that can be asked for.
        num_missing: frames that the header promises but the file lacks.
        num_checked: frames that were decoded for this report.
        num_lost: those of them that could not be decoded.
        duration_seconds: seconds that the frames last.
        varying_rate: whether more than a few frames last longer or shorter than the others.
        gop_median: median number of frames from one keyframe to the next.
        gop_max: the largest number of frames that depend on one keyframe.
        i_share: share of I-frames.
        p_share: share of P-frames.
        b_share: share of B-frames.
        exports_motion: whether the codec's motion vectors can be read.
        motion_frames: share of the frames that have motion vectors of their own.
        motion_cells: share of the cells of 8x8 px that have one, in such frames.
    """

    path: str
    readable: bool
    problems: tuple[str, ...] = ()
    full: bool = False
    file_bytes: int = 0
    container: str = ''
    codec: str = ''
    pixel_format: str = ''
    width: int = 0
    height: int = 0
    rotation: int = 0
    fps: float = 0.0
    num_frames: int = 0
    num_missing: int = 0
    num_checked: int = 0
    num_lost: int = 0
    duration_seconds: float = 0.0
    varying_rate: bool = False
    gop_median: float = 0.0
    gop_max: int = 0
    i_share: float | None = None
    p_share: float | None = None
    b_share: float | None = None
    exports_motion: bool = False
    motion_frames: float | None = None
    motion_cells: float | None = None


def inspect_video(
    path: str | os.PathLike, full: bool = False, sample: int = _SAMPLE
) -> VideoHealth:
    """Reports on a video.

    Reads the headers of all packets and decodes a few frames, the last one among them.

    Args:
        path: the file. What is wrong with it is reported, not raised.
        full: decode every frame, which finds damage wherever it is.
        sample: how many frames to decode otherwise.

    Returns:
        The report.

    Example:
        >>> inspect_video('v_ApplyEyeMakeup_g01_c01.avi').gop_max
        12
    """
    path = os.fspath(path)
    size = os.path.getsize(path) if os.path.isfile(path) else 0
    look = partial(_inspect, full=full, sample=sample)
    found = _read(path, look, on_size_change='raise')
    if isinstance(found, VideoDecodeError):
        # If it is no more than frames of another size, it can be read in spite of them.
        reason = found.reason
        found = _read(path, look)
        if isinstance(found, VideoHealth):
            found = replace(found, problems=(*found.problems, reason))
    if isinstance(found, VideoError):
        reason = 'is empty' if os.path.isfile(path) and not size else found.reason
        found = VideoHealth(path, readable=False, problems=(reason,))
    return replace(found, file_bytes=size)


def inspect_videos(
    paths: Sequence[str | os.PathLike], full: bool = False, workers: int = 4
) -> Generator[tuple[int, VideoHealth]]:
    """Reports on many videos, as :func:`inspect_video` does.

    Closing the generator stops the work: use it under :func:`contextlib.closing`.

    Args:
        paths: the files.
        full: decode every frame.
        workers: processes, each of which a broken file may crash; 0: this process.

    Yields:
        A video's number and the report on it, in the order in which they are done. One that
        crashes its process is not readable.
    """
    work = partial(inspect_video, full=full)
    with closing(map_in_processes(work, paths, workers)) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, Exception):
                path = os.fspath(paths[number])
                outcome = VideoHealth(path, readable=False, problems=(str(outcome),))
            yield number, outcome


def check_video(path: str | os.PathLike) -> str | None:
    """Opens a video and decodes its first frame, or the first one that can be decoded.

    This takes a fraction of the time of :func:`inspect_video`, and goes side by side in threads.

    Args:
        path: the file.

    Returns:
        Why it cannot be used; None when it can.
    """
    found = _read(os.fspath(path), lambda reader: reader.get_frames_at([0], streams=('rgb',)))
    return found.reason if isinstance(found, VideoError) else None


def _read(
    path: str,
    look: Callable[[CompressedVideoReader], Found],
    on_size_change: Literal['raise', 'resize'] = 'resize',
) -> Found | VideoError:
    """What there is to find in a video, or why the video cannot be read."""
    try:
        with CompressedVideoReader(path, on_size_change=on_size_change) as reader:
            return look(reader)
    except VideoError as error:
        return error


@dataclass
class _Findings:
    """What decoding has shown."""

    checked: int = 0
    lost: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    with_vectors: int = 0
    cells: list[float] = field(default_factory=list)


def _inspect(reader: CompressedVideoReader, full: bool, sample: int) -> VideoHealth:
    facts = reader.metadata
    index = reader.get_frames_at(range(len(reader)), streams=())
    planned = plan_motion(index.frame_types, facts.codec, 'hold').origins == 'coded'
    numbers = range(len(reader)) if full else _sample(len(reader), planned, sample)
    found = _decode(reader, numbers, facts.exports_motion)
    # Decoding tells the types that headers do not.
    types = reader.get_frames_at(range(len(reader)), streams=()).frame_types
    if len(found.lost) == found.checked:
        raise VideoDecodeError(reader.path, 'not one of its frames can be decoded')
    shares = [float(np.mean(types == kind)) for kind in 'IPB'] if '?' not in types else [None] * 3
    gop_median, gop_max = _gops(facts)
    with_motion = found.with_vectors / found.checked if full else float(np.mean(planned))
    return VideoHealth(
        path=reader.path,
        readable=True,
        problems=tuple(_problems(facts, found)),
        full=full,
        container=facts.container,
        codec=facts.codec,
        pixel_format=facts.pixel_format,
        width=facts.width,
        height=facts.height,
        rotation=facts.rotation,
        fps=facts.average_fps,
        num_frames=facts.num_frames,
        num_missing=facts.num_missing,
        num_checked=found.checked,
        num_lost=len(found.lost),
        duration_seconds=facts.duration_seconds,
        varying_rate=_varies(index.pts_seconds),
        gop_median=gop_median,
        gop_max=gop_max,
        i_share=shares[0],
        p_share=shares[1],
        b_share=shares[2],
        exports_motion=facts.exports_motion,
        motion_frames=with_motion if facts.exports_motion else 0.0,
        motion_cells=float(np.mean(found.cells)) if found.cells else None,
    )


def _sample(num_frames: int, has_motion: np.ndarray, count: int) -> list[int]:
    """Frames spread over the video, those with motion of their own if there are any; the last."""
    choice = np.flatnonzero(has_motion) if has_motion.any() else np.arange(num_frames)
    spread = choice[np.linspace(0, len(choice) - 1, min(count, len(choice))).astype(int)]
    return sorted({*spread.tolist(), num_frames - 1})


def _decode(reader: CompressedVideoReader, numbers: Sequence[int], motion: bool) -> _Findings:
    found = _Findings()
    streams = ('rgb', 'motion') if motion else ('rgb',)
    level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
    # Decoders conceal damage and only say so in their log.
    av.logging.set_level(av.logging.ERROR)
    # Or how often another file's message was repeated would be said here.
    av.logging.set_skip_repeated(False)
    try:
        for start in range(0, len(numbers), _CHUNK):
            part = numbers[start : start + _CHUNK]
            with av.logging.Capture() as log:
                batch = reader.get_frames_at(part, streams)
            found.checked += len(batch)
            found.lost += batch.indices[batch.lost].tolist()
            if log:
                found.damaged += [part[0], part[-1]]
                found.messages += [message.strip() for _, _, message in log]
            _add_motion(found, batch)
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips)
    return found


def _add_motion(found: _Findings, batch: FrameBatch) -> None:
    if batch.motion_valid is None:
        return
    coded = (batch.motion_origin == 'coded') & ~batch.lost
    shares = batch.motion_valid[coded].mean(axis=(1, 2))
    found.with_vectors += int(np.count_nonzero(shares))
    found.cells += shares.tolist()


def _problems(facts: VideoMetadata, found: _Findings) -> list[str]:
    problems = []
    if facts.num_missing:
        promised = facts.num_frames + facts.num_missing
        problems.append(f'truncated: {facts.num_missing} of {promised} frames are missing')
    if found.lost:
        named = ', '.join(map(str, found.lost[:_NAMED]))
        more = ', ...' if len(found.lost) > _NAMED else ''
        problems.append(
            f'{len(found.lost)} of {found.checked} frames that were read cannot be decoded: '
            f'{named}{more}'
        )
    if found.messages:
        place = f'between frames {min(found.damaged)} and {max(found.damaged)}'
        problems.append(f'damaged {place}: {found.messages[0]}')
    if facts.num_frames == 1:
        problems.append('has a single frame, and so no motion')
    return problems


def _varies(seconds: np.ndarray) -> bool:
    steps = np.diff(seconds)
    if not len(steps):
        return False
    usual = np.median(steps)
    # Containers round times, and a gap now and then is no varying rate.
    return bool(np.mean(np.abs(steps - usual) > 0.1 * usual + 2e-3) > 0.05)


def _gops(facts: VideoMetadata) -> tuple[float, int]:
    """The median and the largest distance of keyframes; the last one counts to the end."""
    lengths = np.diff([*facts.keyframes, facts.num_frames])
    if not len(lengths):
        return float(facts.num_frames), facts.num_frames
    # The last GOP ends with the video, not for the encoder's reasons.
    whole = lengths[:-1] if len(lengths) > 1 else lengths
    return float(np.median(whole)), int(lengths.max())


def usable_for(health: VideoHealth) -> dict[str, str]:
    """Which methods can learn from a video, and how.

    Args:
        health: the report on the video.

    Returns:
        What each group of methods makes of it, in words.
    """
    if not health.readable:
        return {'any': 'not usable'}
    estimated = "motion estimated on pixels (motion='auto'), or transcode it"
    if not health.exports_motion:
        two_streams = f'yes, with {estimated}: the vectors of {health.codec} cannot be read'
    elif not health.motion_frames:
        two_streams = f'yes, with {estimated}: no frame has vectors'
    else:
        two_streams = 'yes, as it is'
    reasons = coviar_obstacles(health)
    coviar = 'yes, as it is'
    if reasons:
        coviar = f'transcode it (--preset mpeg4-gop12): {"; ".join(reasons)}'
        if health.exports_motion and health.motion_frames:
            coviar += '; or with motion per frame, as the reader gives it by default'
    return {
        'RGB (MoCo)': 'yes',
        'RGB and motion (MVCGC, CoCLR)': two_streams,
        'CoViAR-style': coviar,
    }


def coviar_obstacles(health: VideoHealth) -> list[str]:
    """Why CoViAR-style methods (IMRNet, Context-Motion Decoupling) cannot use it as it is.

    They assume MPEG-4 Part 2 with an I-frame every 12 frames and P-frames that refer to the frame
    before them (Wu et al., CVPR 2018).

    Args:
        health: the report on a readable video.

    Returns:
        The reasons, none if they can.
    """
    reasons = []
    if health.codec != 'mpeg4':
        reasons.append(f'is {health.codec}, not MPEG-4 Part 2')
    if health.b_share:
        reasons.append(f'{health.b_share:.0%} B-frames')
    if health.gop_max > 12:
        reasons.append(f'up to {health.gop_max} frames from one I-frame to the next')
    if health.gop_max > 1 and health.gop_median < 12 <= health.num_frames:
        reasons.append(f'{health.gop_median:g} frames from one I-frame to the next')
    return reasons


def as_json(health: VideoHealth) -> dict[str, Any]:
    """The report with what the video can be used for, ready for ``json.dump``."""
    facts = {name: getattr(health, name) for name in VideoHealth.__dataclass_fields__}
    return {**facts, 'problems': list(health.problems), 'usable_for': usable_for(health)}
