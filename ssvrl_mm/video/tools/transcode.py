"""Re-encoding videos for the methods that assume a certain structure, and for codecs whose motion
vectors cannot be read.

Nothing else in this package needs it: the reader takes videos as they are.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from tqdm import tqdm

from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.decoding.pyav import to_fraction
from ssvrl_mm.video.errors import VideoDecodeError, VideoError
from ssvrl_mm.video.tools.encoding import (
    EncoderSettings,
    PictureConverter,
    VideoEncoder,
    container_of,
    plan_rate,
    plan_times,
)
from ssvrl_mm.video.tools.files import VideoFilesError, place_below
from ssvrl_mm.video.tools.parallel import count_cores, map_in_processes

# What the comment in the metadata of every file begins with that is written here.
_MARK = 'ssvrl_mm.video.transcode'


class TranscodeError(VideoError):
    """A video that cannot be written, or was not written as it should be."""


@dataclass(frozen=True)
class TranscodeResult:
    """What became of a video.

    Attributes:
        source: the file that was read.
        target: the file that was to be written.
        status: 'written', 'skipped' because the target was complete already, or 'failed'.
        reason: why it failed.
        num_frames: frames in the target.
        num_replaced: those in whose place another one stands, since they could not be decoded.
        num_missing: frames that the source's header promises but the source lacks.
        source_bytes: size of the source.
        target_bytes: size of the target.
    """

    source: str
    target: str
    status: Literal['written', 'skipped', 'failed']
    reason: str = ''
    num_frames: int = 0
    num_replaced: int = 0
    num_missing: int = 0
    source_bytes: int = 0
    target_bytes: int = 0


def transcode_video(
    source: str | os.PathLike,
    target: str | os.PathLike,
    settings: EncoderSettings | None = None,
    overwrite: bool = False,
) -> TranscodeResult:
    """Re-encodes a video: GOPs of equal length, no B-frames, P-frames refer to the one before.

    All frames that the reader counts are written, upright, in 8 bit 4:2:0 and BT.601; sound is
    left out. Unless the settings ask for another rate, frames keep their times, which start from 0;
    AVI can only hold a constant rate, so there a varying one becomes its average. A frame that
    cannot be decoded is replaced by the one before it. The file appears under its name when it is
    complete and checked, never before.

    Args:
        source: a video file.
        target: the file to write. Its suffix chooses the container: AVI, MP4 or QuickTime;
            Matroska for any other.
        settings: how to encode; MPEG-4 Part 2 with GOPs of 12 frames by default.
        overwrite: replace a target that was not written by this function.

    Returns:
        What was done. A complete target with the same settings is left as it is.

    Raises:
        VideoError: the source cannot be read, or the target not be written; or at the rate that the
            settings ask for, a frame would be repeated for more than 10 s.

    Example::

        transcode_video('clip.webm', 'clip.mp4', EncoderSettings('h264-nob', quality=20))
    """
    source, target = Path(source), Path(target)
    settings = settings or EncoderSettings()
    if target.exists() and source.exists() and target.samefile(source):
        raise TranscodeError(str(target), 'is the source itself')
    try:
        source_bytes = source.stat().st_size
    except OSError as error:
        raise VideoError(str(source), f'cannot be read: {error.strerror}') from error
    mark = f'{_MARK} {settings} source_bytes={source_bytes}'
    if target.exists():
        done = _finished(target, settings, mark, overwrite)
        if done is not None:
            size = target.stat().st_size
            return TranscodeResult(
                str(source), str(target), 'skipped', '', done, 0, 0, source_bytes, size
            )
    # Hidden, so that no scan for videos finds it.
    partial_file = target.with_name(f'.{target.name}.partial')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            frames, replaced, missing = _encode(source, target, partial_file, settings, mark)
            _verify(partial_file, settings, frames)
            with open(partial_file, 'rb') as file:
                os.fsync(file.fileno())  # the name must not outlive the content in a power cut
            os.replace(partial_file, target)
        finally:
            partial_file.unlink(missing_ok=True)
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise TranscodeError(str(target), f'cannot be written: {reason}') from error
    size = target.stat().st_size
    return TranscodeResult(
        str(source), str(target), 'written', '', frames, replaced, missing, source_bytes, size
    )


def transcode_tree(
    source: str | os.PathLike,
    target: str | os.PathLike,
    names: Sequence[str],
    settings: EncoderSettings | None = None,
    suffix: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> list[TranscodeResult]:
    """Re-encodes the videos of a folder into another one, as :func:`transcode_video` does.

    Run again, it goes on with what is missing. What fails is reported in the results and does not
    stop the rest. Two runs at the same time must not share videos.

    Args:
        source: the folder that the names are relative to.
        target: the folder to write to, under the same names, so that video lists hold for both.
        names: the videos, as :func:`ssvrl_mm.video.tools.files.find_videos` lists them.
        settings: how to encode.
        suffix: give all files this suffix, '.mp4' for instance.
        overwrite: replace targets that were not written by this function.
        workers: processes, by default one for every core; 0 works in this one.
        progress: show a progress bar.

    Returns:
        What became of each video, in the order of ``names``.

    Raises:
        VideoFilesError: two videos would become the same file, or the target lies in the source.
    """
    source, target = Path(source), Path(target)
    pairs = _pairs(source, target, names, suffix)
    work = partial(transcode_or_report, settings=settings or EncoderSettings(), overwrite=overwrite)
    workers = count_cores() if workers is None else workers
    results: list[TranscodeResult | None] = [None] * len(pairs)
    failed = 0
    bar = tqdm(total=len(pairs), unit='video', disable=not progress)
    with bar, closing(map_in_processes(work, pairs, workers)) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, Exception):
                path, goal = pairs[number]
                outcome = TranscodeResult(str(path), str(goal), 'failed', f'{path}: {outcome}')
            results[number] = outcome
            failed += outcome.status == 'failed'
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()
    return [result for result in results if result is not None]


def _pairs(
    source: Path, target: Path, names: Sequence[str], suffix: str | None
) -> list[tuple[Path, Path]]:
    if target.resolve().is_relative_to(source.resolve()):
        raise VideoFilesError(f'{target} lies in {source}: its files would be taken for sources')
    targets: dict[Path, str] = {}
    for name in names:
        place_below(source, name)
        path = target / (Path(name).with_suffix(suffix) if suffix else name)
        if path in targets:
            raise VideoFilesError(f'{targets[path]!r} and {name!r} would both become {path}')
        targets[path] = name
    return [(source / name, path) for path, name in targets.items()]


def transcode_or_report(
    pair: tuple[Path, Path], settings: EncoderSettings, overwrite: bool
) -> TranscodeResult:
    """Does what :func:`transcode_video` does for (source, target); reports what that raises."""
    try:
        return transcode_video(*pair, settings, overwrite)
    except VideoError as error:
        return TranscodeResult(str(pair[0]), str(pair[1]), 'failed', str(error))


def _encode(
    source: Path, target: Path, partial_file: Path, settings: EncoderSettings, mark: str
) -> tuple[int, int, int]:
    """Writes the file; returns how many frames it has, were replaced, and are missing."""
    decoder = FrameDecoder(MediaSource(source))
    try:
        index = decoder.index
        frames = _every_frame(decoder)
        first = next(frames, None)
        if first is None:
            raise VideoDecodeError(str(source), 'not one of its frames can be decoded')
        context = decoder.stream.codec_context
        orientation = Orientation.of(first[1])
        size = context.height, context.width
        convert = PictureConverter(size, orientation, settings.short_side)
        container = container_of(target)
        seconds = index.pts * float(decoder.stream.time_base or 1)
        if settings.fps is None:
            unit, ticks = plan_times(seconds, decoder.frame_rate, container)
            repeats = np.ones(len(index), np.int64)
        else:
            try:
                unit, repeats = plan_rate(seconds, decoder.frame_rate, settings.fps)
            except ValueError as error:
                raise TranscodeError(str(source), str(error)) from error
            ticks = np.arange(repeats.sum())
        aspect = to_fraction(context.sample_aspect_ratio) or Fraction(1)
        aspect = 1 / aspect if orientation.quarter_turns % 2 else aspect
        encoder = VideoEncoder(
            partial_file,
            container,
            settings,
            convert.size,
            unit,
            ticks,
            aspect if aspect != 1 else None,
            f'{mark} frames={len(ticks)}',
        )
        with encoder:
            replaced, picture = 0, convert(first[1])
            ahead: tuple[int, VideoFrame] | None = first
            for number, times in enumerate(repeats.tolist()):
                # Frames that did not come out have the one before them in their place.
                if ahead and ahead[0] == number:
                    picture, ahead = convert(ahead[1]), next(frames, None)
                else:
                    replaced += 1
                for _ in range(times):
                    encoder.write(picture)
        return len(ticks), replaced, decoder.num_missing
    finally:
        decoder.close()


def _every_frame(decoder: FrameDecoder) -> Iterator[tuple[int, VideoFrame]]:
    """The frames that can be decoded, by rising number."""
    last = -1
    decoder.conceal_damage()
    for number, frame in decoder.decode(range(len(decoder.index))):
        if number > last:
            last = number
            yield number, frame


def _finished(target: Path, settings: EncoderSettings, mark: str, overwrite: bool) -> int | None:
    """How many frames a complete target has; None if it has to be written.

    Raises:
        TranscodeError: the target is a video of another origin.
    """
    try:
        container, _ = MediaSource(target).open()
    except VideoError:
        return None  # not a video any more, after a full disk for example
    comments = [v for k, v in container.metadata.items() if k.lower() == 'comment']
    container.close()
    comment = comments[0] if comments else ''
    if not comment.startswith(_MARK):
        if overwrite:
            return None
        raise TranscodeError(str(target), 'exists already and is of another origin')
    made, _, frames = comment.rpartition(' frames=')
    if made != mark or not frames.isdigit():
        return None
    try:
        _verify(target, settings, int(frames))
    except VideoError:
        return None
    return int(frames)


def _verify(path: Path, settings: EncoderSettings, num_frames: int) -> None:
    """Checks the packets of a file that was written here.

    Raises:
        VideoError: it is not what it should be.
    """
    decoder = FrameDecoder(MediaSource(path))
    try:
        types, found = decoder.index.types, len(decoder.index)
        expected = np.where(np.arange(num_frames) % settings.gop == 0, 'I', 'P')
        if decoder.codec != settings.codec:
            raise TranscodeError(str(path), f'is {decoder.codec}, not {settings.codec}')
        if found != num_frames or decoder.num_missing:
            raise TranscodeError(str(path), f'has {found} of {num_frames} frames')
        if not np.array_equal(types, expected):
            raise TranscodeError(str(path), f'has frames of other types: {"".join(types[:32])}...')
    finally:
        decoder.close()
