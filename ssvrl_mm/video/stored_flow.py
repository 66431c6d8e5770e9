"""The stream of flow read from a file, which must be of this very video and these very options."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import cv2
import numpy as np

from ssvrl_mm.version import __version__
from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.decoding.fetcher import Contents
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.errors import FlowFileError
from ssvrl_mm.video.flow_files import FlowFile, FlowHeader
from ssvrl_mm.video.motion.flow import FlowOptions, describe_method
from ssvrl_mm.video.motion.geometry import Size
from ssvrl_mm.video.streams import Fields


def flow_header(
    options: FlowOptions, video: MediaSource, num_frames: int, size: Size
) -> FlowHeader:
    """What a file of flow says of itself.

    Args:
        options: how flow is computed.
        video: the video.
        num_frames: its frames.
        size: ``(h, w)`` of the frames as displayed, px.

    Raises:
        ValueError: 'vectors', which is read from the video itself, or a function that does not
            describe itself.
        VideoOpenError: the video is a file object, or cannot be read.
    """
    method, method_options = describe_method(options.method)
    return FlowHeader(
        method=method,
        method_options=method_options,
        scale=float(options.scale),
        cell=options.px_per_value,
        span=int(options.span),
        **video_facts(video, num_frames, size),
    )


def video_facts(video: MediaSource, num_frames: int, size: Size) -> dict[str, Any]:
    """What the header of a file says of the video, and of what the file was made by.

    Raises:
        VideoOpenError: the video is a file object, or cannot be read.
    """
    video_bytes, video_sha256 = video.digest()
    return dict(
        num_frames=num_frames,
        height=size[0],
        width=size[1],
        video_bytes=video_bytes,
        video_sha256=video_sha256,
        made_by=f'ssvrl_mm {__version__}, OpenCV {cv2.__version__}',
    )


def differences(stored: FlowHeader, expected: FlowHeader) -> list[str]:
    """What is stored though something else is expected, in words; nothing if it is the same."""
    facts = 'video_bytes', 'video_sha256', 'num_frames', 'height', 'width'
    names = (entry.name for entry in fields(expected))
    options = [name for name in names if name not in (*facts, 'made_by')]
    if stored.method == expected.method and not expected.method_options:
        options.remove('method_options')  # a name asks for no more than the name
    found = [
        f'{name} is {getattr(stored, name)!r}, not {getattr(expected, name)!r}'
        for name in options
        if getattr(stored, name) != getattr(expected, name)
    ]
    others = [name for name in facts if getattr(stored, name) != getattr(expected, name)]
    if others:
        name = others[0]
        found.append(
            f'the video is another one, or has changed ({name} is {getattr(stored, name)!r}, not '
            f'{getattr(expected, name)!r})'
        )
    return found


class StoredFlow:
    """Flow that was computed before.

    Args:
        options: what flow is asked for, and its file.
        video: the video.
        num_frames: its frames.
        size: ``(h, w)`` of the frames as displayed, px.

    Raises:
        FlowFileError: the file is missing or damaged, or holds flow of another video or of other
            options.
    """

    def __init__(
        self, options: FlowOptions, video: MediaSource, num_frames: int, size: Size
    ) -> None:
        if options.file is None:
            raise ValueError('there is no file of flow among the options')
        try:
            self._file = FlowFile(options.file, f'<flow of {video.path}>')
        except FlowFileError as error:
            command = extraction_command(video.path, os.path.dirname(error.path), options)
            raise FlowFileError(error.path, f'{error.reason}; {command} makes it') from error
        expected = flow_header(options, video, num_frames, size)
        found = differences(self._file.header, expected)
        if found:
            folder = os.path.dirname(self._file.path)
            command = extraction_command(video.path, folder, options, overwrite=True)
            raise FlowFileError(
                self._file.path,
                f'holds other flow than is asked for of {video.path}: {"; ".join(found)}; '
                f'{command} makes it anew',
            )

    def needs(self, frames: Sequence[int]) -> tuple[set[int], set[int]]:
        """No pixels and no vectors."""
        return set(), set()

    def fields(self, frames: Sequence[int], contents: Contents, orientation: Orientation) -> Fields:
        """Reads the flow of ``frames``, which is stored as frames are displayed."""
        flow, valid, origins = self._file.read(frames)
        mask = np.broadcast_to(valid[:, None, None], flow.shape[:-1]).copy()
        return Fields(flow, mask, origins)


def extraction_command(
    video: str, folder: str, options: FlowOptions, overwrite: bool = False
) -> str:
    """What to type to have the flow of a video, or of a folder of videos, stored in a folder."""
    method = options.method if isinstance(options.method, str) else 'raft'
    given = f'--method {method} --scale {options.scale:g} --cell {options.px_per_value}'
    places = f'{shlex.quote(video)} --out {shlex.quote(folder or ".")}'
    given += f' --span {options.span}{" --overwrite" if overwrite else ""}'
    return f'`python tools/data/extract_flow.py {places} {given}`'
