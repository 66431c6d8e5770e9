"""The video files of a folder or a list; :mod:`ssvrl_mm.datasets` finds its videos by it too."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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

#: What a list takes for a label.
INTEGER = re.compile(r'[+-]?\d+')
# What a label becomes where videos are put into batches.
_INT64 = range(-(2**63), 2**63)


class VideoFilesError(ValueError):
    """A folder, a list or a choice of names that leaves nothing to work on; says which and why."""


class ListedVideo(NamedTuple):
    """One video of a list.

    Attributes:
        line: the number of its line, from 1.
        path: as the list gives it.
        label: the integer after the path, None where there is none.
    """

    line: int
    path: str
    label: int | None


def find_videos(
    folder: str | os.PathLike,
    lists: Sequence[str | os.PathLike] = (),
    suffixes: Sequence[str] = VIDEO_SUFFIXES,
) -> list[str]:
    """Names the videos of a folder.

    Args:
        folder: the folder, searched with its sub-folders, links included; hidden files are
            skipped.
        lists: files of ``path [label]`` lines. Their videos are taken instead, whether or not
            they are there.
        suffixes: of the files to take for videos, in lower case; upper case is found as well.

    Returns:
        Paths relative to ``folder``, with forward slashes, each once: sorted, or in the order of
        the lists.

    Raises:
        VideoFilesError: no folder, no video, or no such list.

    Example:
        >>> find_videos('ucf101/videos')[0]
        'ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi'
    """
    folder = Path(folder)
    if lists:
        names = [video.path for file in lists for video in read_list(file)]
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
            if not name.startswith('.') and os.path.splitext(name)[1].lower() in suffixes
        ]
    if not names:
        raise VideoFilesError(f'no video ({" ".join(suffixes)}) under {folder}')
    return sorted(names)


def place_below(folder: str | os.PathLike, name: str) -> Path:
    """The file of a name below a folder.

    Raises:
        VideoFilesError: the name leads out of the folder.
    """
    if os.path.isabs(name) or '..' in Path(name).parts:
        raise VideoFilesError(f'{name!r} is not a place below {folder}')
    return Path(folder, name)


def read_list(file: str | os.PathLike) -> list[ListedVideo]:
    """Reads a list of videos.

    Each line is ``path`` or ``path label``. The label is the last word if that is an integer, so
    paths may hold blanks; blank lines and lines that start with ``#`` are skipped.

    Args:
        file: UTF-8 text file.

    Returns:
        The videos in the order of the file.

    Raises:
        VideoFilesError: the file cannot be read, which is the cause of the error then, lists no
            video, or has a label beyond 64 bits.
    """
    file = Path(file)
    try:
        lines = file.read_text(encoding='utf-8-sig').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise VideoFilesError(f'cannot read the video list {file}: {error}') from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    videos = [
        ListedVideo(number, *_split_line(line, f'{file}, line {number}'))
        for number, line in numbered
        if line and not line.startswith('#')
    ]
    if not videos:
        raise VideoFilesError(f'{file} lists no video')
    return videos


def _split_line(line: str, where: str) -> tuple[str, int | None]:
    path, _, last = line.replace('\t', ' ').rpartition(' ')
    if not path or not INTEGER.fullmatch(last):
        return line, None
    # Of more digits than any 64 bits have, Python may refuse to make a number at all.
    label = int(last) if len(last) < 40 else _INT64.stop
    if label not in _INT64:
        shown = last if len(last) < 40 else f'{last[:20]}... of {len(last)} digits'
        raise VideoFilesError(f'{where}: the label {shown} is beyond what 64 bits hold')
    # The separator counted for one character whether tab or blank, so the path keeps its own.
    return line[: len(path)].rstrip(), label
