"""Scoring the frames of videos once and for all, for motion differential sampling."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.errors import ScoreFileError
from ssvrl_mm.video.flow_files import SUFFIX as FLOW_SUFFIX
from ssvrl_mm.video.flow_files import FlowFile
from ssvrl_mm.video.motion.differential import MotionDifferential
from ssvrl_mm.video.motion.flow import VECTORS, FlowOptions, describe_method
from ssvrl_mm.video.motion.geometry import grid_size
from ssvrl_mm.video.motion_score_files import SUFFIX, ScoreHeader, read_scores, write_scores
from ssvrl_mm.video.reader import CompressedVideoReader
from ssvrl_mm.video.stored_flow import differences, video_facts
from ssvrl_mm.video.tools.derived_files import FileResult, make_file, make_files
from ssvrl_mm.video.tools.files import place_below
from ssvrl_mm.video.tools.flow_extraction import one_thread

# What the flow that is read at once may take, with the pixels or vectors that it comes from.
_CHUNK_BYTES = 128 * 2**20


def score_motion(
    video: str | os.PathLike,
    target: str | os.PathLike,
    flow_file: str | os.PathLike | None = None,
    options: FlowOptions | None = None,
    distance: int | None = None,
    weight: str = 'softmax',
    overwrite: bool = False,
) -> FileResult:
    """Scores the frames of a video, for ``SampleMotionClips``.

    The file appears under its name when it is complete, never before.

    Args:
        video: a video file.
        target: the file to write.
        flow_file: its stored flow, of which ``options`` say what it is; None: flow is read from
            the vectors of the video, or computed.
        options: which flow; by default the codec's vectors followed over 8 frames. A negative span
            is that of the positive one on the grid of the frame where the motion begins.
        distance: frames from a map of flow to the map that it is compared with; None: the span.
        weight: 'softmax' or 'max', see
            :func:`~ssvrl_mm.video.motion.differential.foreground_weights`.
        overwrite: replace a target of another video or other options, or a damaged one.

    Returns:
        What was done. A complete target of this video and these options is left as it is.

    Raises:
        VideoError: the video or its flow cannot be read, or the target not be written.
        ScoreFileError: the target exists and holds other scores.
        ValueError: the options cannot be.

    Example::

        score_motion('clip.avi', 'clip.avi.scores', options=FlowOptions('vectors', span=16))
    """
    video, target = Path(video), Path(target)
    options = replace(options or FlowOptions(VECTORS, span=8), file=flow_file)
    with (
        one_thread(options),
        CompressedVideoReader(
            video,
            flow_method=options.method,
            flow_scale=options.scale,
            flow_cell=options.cell,
            flow_span=options.span,
            flow_file=options.file,
        ) as reader,
    ):
        # Whether there is such flow, even in a video too short to have any.
        reader.get_frames_at((), streams=('flow',))
        facts = reader.metadata
        size = facts.height, facts.width
        header = _header(options, distance, weight, MediaSource(video), len(reader), size)

        def write() -> None:
            differential = MotionDifferential(size, header.cell, header.distance, weight)
            for flow in maps_of_flow(reader, options):
                differential.add(flow)
            write_scores(target, header, differential.values)

        return make_file(
            facts,
            target,
            write,
            lambda: differences(read_scores(target).header, header),
            ScoreFileError,
            overwrite,
        )


def score_motion_tree(
    folder: str | os.PathLike,
    target: str | os.PathLike,
    names: Sequence[str],
    options: FlowOptions | None = None,
    flow_root: str | os.PathLike | None = None,
    distance: int | None = None,
    weight: str = 'softmax',
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> list[FileResult]:
    """Scores the videos of a folder, as :func:`score_motion` does.

    Run again, it goes on with what is missing. What fails is reported in the results and does not
    stop the rest. Two runs at the same time must not share videos.

    Args:
        folder: the folder that the names are relative to.
        target: the folder to write to: ``a/b.avi`` becomes ``a/b.avi.scores``.
        names: the videos, as :func:`ssvrl_mm.video.tools.files.find_videos` lists them.
        options: which flow.
        flow_root: the folder of stored flow, by ``tools/data/extract_flow.py``; None: flow is read
            from the vectors of the videos, or computed.
        distance: frames from a map of flow to the map that it is compared with; None: the span.
        weight: 'softmax' or 'max'.
        overwrite: replace files of other videos or other options, and damaged ones.
        workers: processes, by default one for every core; 0 works in this one. Files are the same
            whatever their number.
        progress: show a progress bar.

    Returns:
        What became of each video, in the order of ``names``.

    Raises:
        VideoFilesError: a name leads out of the folder.
        ValueError: ``workers`` below 0.
    """
    items = []
    for name in names:
        stored = None if flow_root is None else place_below(flow_root, name + FLOW_SUFFIX)
        items.append((place_below(folder, name), place_below(target, name + SUFFIX), stored))
    given = dict(options=options, distance=distance, weight=weight, overwrite=overwrite)
    return make_files(score_motion, items, given, workers, progress)


def maps_of_flow(reader: CompressedVideoReader, options: FlowOptions) -> Iterator[np.ndarray]:
    """The flow at the times of a video, in pieces: float32 ``(n, gh, gw, 2)`` px.

    Flow at time t is that from frame t on: of a positive span, the reader's of the frame that it
    ends in. The last times have none.

    Args:
        reader: reads this flow.
        options: which flow it is.
    """
    facts = reader.metadata
    if options.method == VECTORS:
        # Blocks of 24 bytes, of which a cell may have two, the motion that they make, and flow.
        rows, columns = grid_size((facts.height, facts.width))
        frame_bytes = 64 * rows * columns
    else:
        frame_bytes = 16 * facts.height * facts.width
    step = max(_CHUNK_BYTES // frame_bytes, 1)
    first, last = max(options.span, 0), len(reader) + min(options.span, 0)
    for start in range(first, last, step):
        part = range(start, min(start + step, last))
        flow = reader.get_frames_at(part, streams=('flow',)).flow
        assert flow is not None
        yield flow


def _header(
    options: FlowOptions,
    distance: int | None,
    weight: str,
    video: MediaSource,
    num_frames: int,
    size: tuple[int, int],
) -> ScoreHeader:
    """What a file of scores says of itself."""
    if options.file is not None:
        stored = FlowFile(options.file).header
        method, method_options = stored.method, stored.method_options
    elif options.method == VECTORS:
        method, method_options = VECTORS, {}
    else:
        method, method_options = describe_method(options.method)
    return ScoreHeader(
        method=method,
        method_options=method_options,
        scale=float(options.scale),
        cell=options.px_per_value,
        span=int(options.span),
        distance=abs(int(options.span)) if distance is None else distance,
        weight=weight,
        **video_facts(video, num_frames, size),
    )
