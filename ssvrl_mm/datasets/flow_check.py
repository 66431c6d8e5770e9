"""Finds out before training that the flow that a pipeline reads is not there."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from ssvrl_mm.datasets.transforms.loading import (
    ChooseStreams,
    DecodeCompressedVideo,
    OpenCompressedVideo,
)
from ssvrl_mm.video import FlowFileError
from ssvrl_mm.video.flow_files import SUFFIX
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.stored_flow import extraction_command


def check_flow_folder(
    steps: Iterable[Any], videos: Sequence[str], data_root: str, video_root: str
) -> None:
    """Tells a folder of stored flow that is missing from a few missing files.

    Args:
        steps: The transforms of a pipeline.
        videos: Some of the videos.
        data_root: The folder that ``flow_root`` is relative to.
        video_root: The folder of the videos.

    Raises:
        FlowFileError: The pipeline reads stored flow, and none of the videos has any; names the
            command that makes it. A URI is not looked at.
    """
    options: dict[str, Any] = {}
    streams: Sequence[str] = ()
    for step in steps:
        if isinstance(step, OpenCompressedVideo):
            options = {**step.options, **options}
        elif isinstance(step, ChooseStreams):
            options.update(step.reader_options)
        if isinstance(step, (ChooseStreams, DecodeCompressedVideo)):
            streams = step.streams or streams
    flow_root = options.get('flow_root')
    if 'flow' not in streams or flow_root is None or '://' in flow_root:
        return
    folder = os.path.join(data_root, flow_root)
    names = [os.path.relpath(video, video_root or '.') + SUFFIX for video in videos]
    if not any(os.path.exists(os.path.join(folder, name)) for name in names):
        of_flow = ('method', 'scale', 'cell', 'span')
        wanted = {name: options[f'flow_{name}'] for name in of_flow if f'flow_{name}' in options}
        command = extraction_command(video_root or '.', folder, FlowOptions(**wanted, file=folder))
        raise FlowFileError(
            folder,
            f'there is no flow of the videos in {video_root or "the working directory"}; looked '
            f'for {names[0]!r} and {len(names) - 1} more; {command} makes it, or leave flow_root '
            'out to have it computed while reading, which is slow',
        )
