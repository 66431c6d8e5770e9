"""Finds out before training that what a pipeline reads beside the videos is not there."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from ssvrl_mm.datasets.transforms.loading import (
    ChooseStreams,
    DecodeCompressedVideo,
    OpenCompressedVideo,
)
from ssvrl_mm.datasets.transforms.motion_differential import SampleMotionClips
from ssvrl_mm.video import FlowFileError, ScoreFileError
from ssvrl_mm.video.flow_files import SUFFIX
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion_score_files import SUFFIX as SCORES_SUFFIX
from ssvrl_mm.video.stored_flow import extraction_command


def check_stored_files(
    steps: Iterable[Any], videos: Sequence[str], data_root: str, video_root: str
) -> None:
    """Tells a folder of stored flow, or of motion scores, that is missing from a few missing files.

    Args:
        steps: The transforms of a pipeline.
        videos: Some of the videos.
        data_root: The folder that ``flow_root`` and ``scores_root`` are relative to.
        video_root: The folder of the videos.

    Raises:
        FlowFileError: The pipeline reads stored flow, and none of the videos has any; names the
            command that makes it. A URI is not looked at.
        ScoreFileError: The same of the scores that ``SampleMotionClips`` reads.
    """
    steps = list(steps)
    streams, options = _reading(steps)
    if 'flow' in streams:
        _check_flow(options, videos, data_root, video_root)
    for step in steps:
        if isinstance(step, SampleMotionClips):
            _check_scores(step, streams, options, videos, data_root, video_root)


def _reading(steps: Iterable[Any]) -> tuple[Sequence[str], dict[str, Any]]:
    """The streams that a pipeline decodes, and the options of its reader."""
    options: dict[str, Any] = {}
    streams: Sequence[str] = ()
    for step in steps:
        if isinstance(step, OpenCompressedVideo):
            options = {**step.options, **options}
        elif isinstance(step, ChooseStreams):
            options.update(step.reader_options)
        if isinstance(step, (ChooseStreams, DecodeCompressedVideo)):
            streams = step.streams or streams
    return streams, options


def _check_flow(
    options: dict[str, Any], videos: Sequence[str], data_root: str, video_root: str
) -> None:
    flow_root = options.get('flow_root')
    if flow_root is None or '://' in flow_root:
        return
    folder = os.path.join(data_root, flow_root)
    looked_for = _missing(folder, SUFFIX, videos, video_root)
    if looked_for:
        of_flow = ('method', 'scale', 'cell', 'span')
        wanted = {name: options[f'flow_{name}'] for name in of_flow if f'flow_{name}' in options}
        command = extraction_command(video_root or '.', folder, FlowOptions(**wanted, file=folder))
        raise FlowFileError(
            folder,
            f'there is no flow of the videos in {video_root or "the working directory"}; '
            f'{looked_for}; {command} makes it, or leave flow_root out to have it computed while '
            'reading, which is slow',
        )


def _check_scores(
    sampler: SampleMotionClips,
    streams: Sequence[str],
    options: dict[str, Any],
    videos: Sequence[str],
    data_root: str,
    video_root: str,
) -> None:
    root = sampler.scores_root
    if root is None or sampler.backend_args or '://' in root:
        return
    folder = os.path.join(data_root, root)
    looked_for = _missing(folder, SCORES_SUFFIX, videos, video_root)
    if looked_for:
        where = video_root or 'the working directory'
        command = sampler.command(video_root or '.', data_root, options, streams)
        raise ScoreFileError(
            folder,
            f'there are no motion scores of the videos in {where}; {looked_for}; {command} makes '
            'them',
        )


def _missing(folder: str, suffix: str, videos: Sequence[str], video_root: str) -> str:
    """What was looked for, if none of the videos has its file in the folder."""
    names = [os.path.relpath(video, video_root or '.') + suffix for video in videos]
    if any(os.path.exists(os.path.join(folder, name)) for name in names):
        return ''
    return f'looked for {names[0]!r} and {len(names) - 1} more'
