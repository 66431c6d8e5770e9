"""The video files of a folder or a list.

The same rules as those of :mod:`ssvrl_mm.datasets`, for who has nothing but this package installed.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

VIDEO_SUFFIXES = (
    '.3gp',
    '.avi',
    '.flv',
    '.m2ts',
    '.m4v',
    '.mkv',
    '.mov',
    '.mp4',
    '.mpeg',
    '.mpg',
    '.mts',
    '.ogv',
    '.ts',
    '.webm',
    '.wmv',
)

_LABEL = re.compile(r'[ \t][+-]?\d+$')


class VideoFilesError(ValueError):
    """A folder, a list or a choice of names that leaves nothing to work on; says which and why."""


def find_videos(folder: str | os.PathLike, lists: Sequence[str | os.PathLike] = ()) -> list[str]:
    """Names the videos of a folder.

    Args:
        folder: the folder, searched with its sub-folders; hidden files are skipped.
        lists: files of ``path [label]`` lines. Their videos are taken instead, whether or not
            they are there.

    Returns:
        Paths relative to ``folder``, each once: sorted, or in the order of the lists.

    Raises:
        VideoFilesError: no folder, no video, or no such list.

    Example:
        >>> find_videos('ucf101/videos')[0]
        'ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi'
    """
    folder = Path(folder)
    if lists:
        names = [name for file in lists for name in _read_list(Path(file))]
        return list(dict.fromkeys(names))
    if not folder.is_dir():
        raise VideoFilesError(f'no folder of videos at {folder}')
    names, visited = [], set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith('.')]
        if os.path.realpath(place) in visited:  # a link back to a folder above it
            folders.clear()
            continue
        visited.add(os.path.realpath(place))
        names += [
            Path(place, name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith('.') and Path(name).suffix.lower() in VIDEO_SUFFIXES
        ]
    if not names:
        raise VideoFilesError(f'no video ({" ".join(VIDEO_SUFFIXES)}) under {folder}')
    return sorted(names)


def _read_list(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding='utf-8-sig').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise VideoFilesError(f'cannot read the video list {file}: {error}') from error
    lines = [line.strip() for line in lines]
    names = [_LABEL.sub('', line).rstrip() for line in lines if line and not line.startswith('#')]
    if not names:
        raise VideoFilesError(f'{file} lists no video')
    return names
