"""Computing the flow of videos once and for all, in files that the reader takes it from."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2

from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.errors import FlowFileError
from ssvrl_mm.video.flow_files import SUFFIX, FlowFile, FlowHeader, FlowWriter
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion.raft import RAFT
from ssvrl_mm.video.reader import CompressedVideoReader
from ssvrl_mm.video.stored_flow import differences, flow_header
from ssvrl_mm.video.tools.derived_files import FileResult, make_file, make_files
from ssvrl_mm.video.tools.files import place_below

# What the frames that are worked on at once may take, and how many they are at most.
_CHUNK_BYTES = 64 * 2**20
_CHUNK_FRAMES = 64


def extract_flow(
    video: str | os.PathLike,
    target: str | os.PathLike,
    options: FlowOptions | None = None,
    overwrite: bool = False,
) -> FileResult:
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
        one_thread(options),
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
        return make_file(
            facts,
            target,
            lambda: _write(reader, target, header),
            lambda: differences(FlowFile(target).header, header),
            FlowFileError,
            overwrite,
        )


def extract_flow_tree(
    folder: str | os.PathLike,
    target: str | os.PathLike,
    names: Sequence[str],
    options: FlowOptions | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> list[FileResult]:
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
        ValueError: the options cannot be stored, or ``workers`` is below 0.
    """
    pairs = [(place_below(folder, name), place_below(target, name + SUFFIX)) for name in names]
    given = {'options': options or FlowOptions(), 'overwrite': overwrite}
    return make_files(extract_flow, pairs, given, workers, progress)


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


@contextmanager
def one_thread(options: FlowOptions) -> Iterator[None]:
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
