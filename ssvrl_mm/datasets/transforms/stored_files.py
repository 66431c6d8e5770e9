"""Files that were made of the videos and are read beside them, wherever they are kept."""

import os
from collections.abc import Mapping
from typing import Any

from mmengine.fileio import get_file_backend

from ssvrl_mm.video import VideoError, VideoOpenError


def fetch(filename: str, backend_args: dict[str, Any] | None) -> bytes:
    """The contents of a file from its backend.

    Raises:
        VideoOpenError: The backend does not give it.
    """
    backend = get_file_backend(filename, backend_args=backend_args, enable_singleton=True)
    try:
        # Some give a view of their memory, or None for what they do not have.
        return bytes(memoryview(backend.get(filename)))
    except Exception as error:
        # Each client has exceptions of its own.
        reason = f'{type(backend).__name__} does not give it: {type(error).__name__}: {error}'
        raise VideoOpenError(filename, reason) from error


def place_beside(
    results: Mapping[str, Any], root: str, suffix: str, error: type[VideoError]
) -> str:
    """Where a file of a sample's video is: ``a/b.avi`` has ``a/b.avi`` and the suffix in the root.

    Args:
        results: The sample, with ``filename``; ``video_root`` and ``data_root`` if they are there.
        root: Folder relative to ``data_root``, or a URI.
        suffix: Of the file.
        error: What is raised about the file.

    Raises:
        VideoError: The video is not below ``video_root``; of the type ``error``.
    """
    filename, video_root = results['filename'], results.get('video_root', '')
    name = os.path.relpath(filename, video_root or '.')
    if os.path.isabs(name) or name.startswith('..'):
        where = video_root or 'the working directory'
        reason = f'is not below {where}: {root} does not tell where its {suffix} is'
        raise error(filename, reason)
    if '://' not in root:
        root = os.path.join(results.get('data_root', ''), root)
    return os.path.join(root, name + suffix)


def read_beside(
    file: str, backend_args: dict[str, Any] | None, error: type[VideoError]
) -> str | bytes:
    """A file on this machine as its path, and of a backend its contents.

    Raises:
        VideoError: The backend does not give it; of the type ``error``.
    """
    if not backend_args and '://' not in file:
        return file
    try:
        return fetch(file, backend_args)
    except VideoOpenError as cause:
        raise error(cause.path, cause.reason) from cause
