"""Video lists: text files of ``path [label]`` lines, and folders scanned for videos."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ssvrl_mm.video.tools.files import VIDEO_SUFFIXES

UNKNOWN_LABEL = -1

# Where the error messages send who has no list yet.
HOW_TO_MAKE_A_LIST = (
    'write one with `python tools/data/build_video_list.py FOLDER_OF_VIDEOS --out FOLDER`'
)

_INTEGER = re.compile(r'[+-]?\d+')


class VideoListError(ValueError):
    """A video list or a folder of videos that cannot be used; the message says where and why."""


class VideoEntry(NamedTuple):
    """One video of a list.

    Args:
        path: Path as the list gives it, relative to the dataset's ``data_prefix``.
        label: Class index; -1 where the list gives none.
    """

    path: str
    label: int = UNKNOWN_LABEL


def _parse_line(line: str, where: str) -> VideoEntry:
    if _INTEGER.fullmatch(line):
        raise VideoListError(f'{where}: expected `path [label]`, found only a number: {line!r}')
    path, _, last = line.replace('\t', ' ').rpartition(' ')
    if not path or not _INTEGER.fullmatch(last):
        return VideoEntry(line)
    label = int(last)
    if label < UNKNOWN_LABEL:
        raise VideoListError(f'{where}: label must be 0 or more (-1: unknown), got {label}')
    # The separator counted for one character whether tab or blank, so the path keeps its own.
    return VideoEntry(line[: len(path)].rstrip(), label)


def read_video_list(list_file: str | os.PathLike) -> list[VideoEntry]:
    """Reads a list of videos.

    Each line is ``path`` or ``path label``. The label is the last word if that is an integer, so
    paths may hold blanks; blank lines and lines that start with ``#`` are skipped.

    Args:
        list_file: UTF-8 text file.

    Returns:
        The entries in the order of the file.

    Raises:
        VideoListError: The file is missing, empty or not text, a line cannot be read, or a path
            stands there twice. The message names the file and the line number.

    Example:
        >>> read_video_list('train_list.txt')[0]
        VideoEntry(path='Fan Down/subject 00.mp4', label=3)
    """
    list_file = Path(list_file)
    try:
        text = list_file.read_text(encoding='utf-8-sig')
    except FileNotFoundError:
        raise VideoListError(f'no video list at {list_file}; {HOW_TO_MAKE_A_LIST}') from None
    except (OSError, UnicodeDecodeError) as error:
        raise VideoListError(f'cannot read the video list {list_file}: {error}') from error

    first_seen: dict[str, int] = {}
    entries = []
    for number, line in enumerate(text.split('\n'), start=1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        entry = _parse_line(line, f'{list_file}, line {number}')
        earlier = first_seen.setdefault(entry.path, number)
        if earlier != number:
            raise VideoListError(
                f'{list_file}, line {number}: {entry.path!r} is already in line {earlier}'
            )
        entries.append(entry)
    if not entries:
        raise VideoListError(f'{list_file} lists no video')
    return entries


def write_video_list(list_file: str | os.PathLike, entries: Iterable[VideoEntry]) -> None:
    """Writes entries so that :func:`read_video_list` gives them back.

    Args:
        list_file: File to write.
        entries: The videos; an unknown label is left out, or written as -1 where the path's last
            word would be taken for a label.

    Raises:
        VideoListError: A path that the format cannot hold (line breaks, a leading ``#``, blanks
            at the ends).
    """
    lines = []
    for path, label in entries:
        if path != path.strip() or path.startswith('#') or re.search(r'[\r\n]', path):
            raise VideoListError(f'{list_file}: a list cannot hold the path {path!r}; rename it')
        ambiguous = _INTEGER.fullmatch(re.split(r'\s', path)[-1]) is not None
        lines.append(f'{path} {label}\n' if label != UNKNOWN_LABEL or ambiguous else f'{path}\n')
    Path(list_file).write_text(''.join(lines), encoding='utf-8')


def read_classes(classes_file: str | os.PathLike) -> list[str]:
    """Reads class names, one per line; the line number counted from 0 is the label.

    Args:
        classes_file: UTF-8 text file.

    Returns:
        The names.

    Raises:
        VideoListError: The file is missing or empty, or a name stands there twice.
    """
    classes_file = Path(classes_file)
    try:
        text = classes_file.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise VideoListError(f'cannot read the class names {classes_file}: {error}') from error
    names = [line.strip() for line in text.split('\n') if line.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise VideoListError(
            f'{classes_file}: ' + (f'{twice} stand there twice' if twice else 'no class name')
        )
    return names


def scan_videos(
    folder: str | os.PathLike, suffixes: Sequence[str] = VIDEO_SUFFIXES
) -> tuple[list[VideoEntry], list[str]]:
    """Finds the videos under a folder.

    When every video lies in a sub-folder, the first-level folders are the classes; otherwise all
    labels are unknown.

    Args:
        folder: Searched recursively, links to folders included; hidden files are skipped.
        suffixes: File suffixes taken for videos, in lower case; upper case is found as well.

    Returns:
        The entries, sorted by path (relative to ``folder``, with forward slashes), and the sorted
        class names (empty without classes).

    Raises:
        VideoListError: The folder is missing or holds no video.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise VideoListError(f'no folder of videos at {folder}')
    paths = []
    visited = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith('.')]
        if os.path.realpath(place) in visited:  # a link back to a folder above it
            folders.clear()
            continue
        visited.add(os.path.realpath(place))
        paths += [
            Path(place, name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith('.') and os.path.splitext(name)[1].lower() in suffixes
        ]
    if not paths:
        raise VideoListError(f'no video ({" ".join(suffixes)}) under {folder}')
    paths.sort()
    if not all('/' in path for path in paths):
        return [VideoEntry(path) for path in paths], []
    classes = sorted({path.split('/')[0] for path in paths})
    label = {name: index for index, name in enumerate(classes)}
    return [VideoEntry(path, label[path.split('/')[0]]) for path in paths], classes
