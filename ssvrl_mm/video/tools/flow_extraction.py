"""Computing the flow of videos once and for all, in files that the reader takes it from."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
from tqdm import tqdm

from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.errors import FlowFileError, VideoError
from ssvrl_mm.video.flow_files import SUFFIX, FlowFile, FlowHeader, FlowWriter
from ssvrl_mm.video.metadata import VideoMetadata
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion.raft import RAFT
from ssvrl_mm.video.reader import CompressedVideoReader
from ssvrl_mm.video.stored_flow import differences, flow_header
from ssvrl_mm.video.tools.files import place_below
from ssvrl_mm.video.tools.parallel import count_cores, map_in_processes

# What the frames that are worked on at once may take, and how many they are at most.
_CHUNK_BYTES = 64 * 2**20
_CHUNK_FRAMES = 64


@dataclass(frozen=True)
class FlowResult:
    """What became of a video.

    Attributes:
        video: the file that was read.
        target: the file of flow.
        status: 'written', 'skipped' because the target was complete already, or 'failed'.
        reason: why it failed.
        num_frames: frames of the video.
        seconds: how long the video lasts.
        target_bytes: size of the target.
    """

    video: str
    target: str
    status: Literal['written', 'skipped', 'failed']
    reason: str = ''
    num_frames: int = 0
    seconds: float = 0.0
    target_bytes: int = 0


def extract_flow(
    video: str | os.PathLike,
    target: str | os.PathLike,
    options: FlowOptions | None = None,
    overwrite: bool = False,
) -> FlowResult:
    """Computes the flow of a video and stores it, for the reader's option ``flow_file``.

    OpenCV and RAFT compute in one thread meanwhile, so that results cannot depend on the number of
    threads. The file appears under its name when it is complete, never before.

    Args:
        video: a video file.
        target: the file to write.
        options: how flow is computed; densely by DIS by default.
        overwrite: replace a target of another video or other options, or a damaged one.

    Returns:
        What was done. A complete target of this video and these options is left as it is.

    Raises:
        VideoError: the video cannot be read, or the target not be written.
        FlowFileError: the target exists and holds other flow.
        ValueError: the options cannot be stored.

    Example::

        extract_flow('clip.avi', 'clip.avi.flow', FlowOptions('tvl1', scale=0.5, cell=2))
    """
    video, target = Path(video), Path(target)
    options = options or FlowOptions()
    with (
        _one_thread(options),
        CompressedVideoReader(
            video,
            flow_method=options.method,
            flow_scale=options.scale,
            flow_cell=options.cell,
            flow_span=options.span,
        ) as reader,
    ):
        facts = reader.metadata
        size = facts.height, facts.width
        header = flow_header(options, MediaSource(video), len(reader), size)
        status: Literal['written', 'skipped'] = 'skipped'
        if not _is_finished(target, header, overwrite):
            status = 'written'
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(reader, target, header)
            except OSError as error:
                reason = f'cannot be written: {error.strerror}'
                raise FlowFileError(str(target), reason) from error
    return _result(facts, target, status)


def extract_flow_tree(
    folder: str | os.PathLike,
    target: str | os.PathLike,
    names: Sequence[str],
    options: FlowOptions | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> list[FlowResult]:
    """Stores the flow of the videos of a folder, as :func:`extract_flow` does.

    Run again, it goes on with what is missing. What fails is reported in the results and does not
    stop the rest. Two runs at the same time must not share videos.

    Args:
        folder: the folder that the names are relative to.
        target: the folder to write to: ``a/b.avi`` becomes ``a/b.avi.flow``.
        names: the videos, as :func:`ssvrl_mm.video.tools.files.find_videos` lists them.
        options: how flow is computed.
        overwrite: replace files of other videos or other options, and damaged ones.
        workers: processes, by default one for every core; 0 works in this one. Files are the same
            whatever their number.
        progress: show a progress bar.

    Returns:
        What became of each video, in the order of ``names``.

    Raises:
        VideoFilesError: a name leads out of the folder.
        ValueError: the options cannot be stored.
    """
    pairs = [(place_below(folder, name), place_below(target, name + SUFFIX)) for name in names]
    work = partial(extract_or_report, options=options or FlowOptions(), overwrite=overwrite)
    workers = count_cores() if workers is None else workers
    results: list[FlowResult | None] = [None] * len(pairs)
    failed = written = 0
    bar = tqdm(total=len(pairs), unit='video', disable=not progress)
    with bar, closing(map_in_processes(work, pairs, workers)) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, Exception):
                path, goal = pairs[number]
                outcome = FlowResult(str(path), str(goal), 'failed', f'{path}: {outcome}')
            results[number] = outcome
            failed += outcome.status == 'failed'
            written += outcome.target_bytes
            bar.set_postfix(failed=failed, MB=round(written / 1e6), refresh=False)
            bar.update()
    return [result for result in results if result is not None]


def extract_or_report(pair: tuple[Path, Path], options: FlowOptions, overwrite: bool) -> FlowResult:
    """Does what :func:`extract_flow` does for (video, target); reports what that raises."""
    try:
        return extract_flow(*pair, options, overwrite)
    except VideoError as error:
        return FlowResult(str(pair[0]), str(pair[1]), 'failed', str(error))


def _write(reader: CompressedVideoReader, target: Path, header: FlowHeader) -> None:
    # Pixels of frames and of their partners, and flow.
    frame_bytes = 16 * header.height * header.width
    step = min(max(_CHUNK_BYTES // frame_bytes, 1), _CHUNK_FRAMES)
    with FlowWriter(target, header) as writer:
        for start in range(0, len(reader), step):
            part = range(start, min(start + step, len(reader)))
            batch = reader.get_frames_at(part, streams=('flow',))
            flow, valid, origins = batch.flow, batch.flow_valid, batch.flow_origin
            assert flow is not None and valid is not None and origins is not None
            for row, origin in enumerate(origins.tolist()):
                writer.write(flow[row], bool(valid[row].all()), origin)


def _is_finished(target: Path, header: FlowHeader, overwrite: bool) -> bool:
    """Whether the target is there already.

    Raises:
        FlowFileError: it is something else, which is not to be overwritten.
    """
    if not target.exists():
        return False
    try:
        found = differences(FlowFile(target).header, header)
        if not found:
            return True
        reason = f'holds other flow: {"; ".join(found)}'
    except FlowFileError as error:
        reason = error.reason
    if overwrite:
        return False
    raise FlowFileError(str(target), f'exists already and {reason}; --overwrite replaces it')


def _result(
    facts: VideoMetadata, target: Path, status: Literal['written', 'skipped']
) -> FlowResult:
    size = target.stat().st_size
    return FlowResult(
        facts.path, str(target), status, '', facts.num_frames, facts.duration_seconds, size
    )


@contextmanager
def _one_thread(options: FlowOptions) -> Iterator[None]:
    """Has flow computed in one thread."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        if isinstance(options.method, RAFT):
            with options.method.one_thread():
                yield
        else:
            yield
    finally:
        cv2.setNumThreads(before)
