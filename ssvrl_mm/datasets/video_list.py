"""Video lists: text files of ``path [label]`` lines, and folders scanned for videos."""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

from ssvrl_mm.command_line import tool_command
from ssvrl_mm.video.tools.files import (
    INTEGER,
    VIDEO_SUFFIXES,
    ListedVideo,
    VideoFilesError,
    find_videos,
    read_list,
)

UNKNOWN_LABEL = -1

# Where the error messages send who has no list yet.
HOW_TO_MAKE_A_LIST = (
    f'write one with `{tool_command("data/build_video_list.py")} FOLDER_OF_VIDEOS --out FOLDER`'
)


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


def _check_entry(video: ListedVideo, where: str) -> VideoEntry:
    _, path, label = video
    if label is None:
        if INTEGER.fullmatch(path):
            raise VideoListError(f'{where}: expected `path [label]`, found only a number: {path!r}')
        return VideoEntry(path)
    if label < UNKNOWN_LABEL:
        raise VideoListError(f'{where}: label must be 0 or more (-1: unknown), got {label}')
    return VideoEntry(path, label)


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
        videos = read_list(list_file)
    except VideoFilesError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise VideoListError(f'no video list at {list_file}; {HOW_TO_MAKE_A_LIST}') from None
        raise VideoListError(str(error)) from error.__cause__

    first_seen: dict[str, int] = {}
    entries = []
    for video in videos:
        where = f'{list_file}, line {video.line}'
        entry = _check_entry(video, where)
        earlier = first_seen.setdefault(entry.path, video.line)
        if earlier != video.line:
            raise VideoListError(f'{where}: {entry.path!r} is already in line {earlier}')
        entries.append(entry)
    return entries


def check_path(path: str, list_file: str | os.PathLike) -> None:
    """Refuses, with a VideoListError, a path that a list cannot hold."""
    if path != path.strip() or path.startswith('#') or re.search(r'[\r\n]', path):
        raise VideoListError(f'{list_file}: a list cannot hold the path {path!r}; rename it')


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
        check_path(path, list_file)
        ambiguous = INTEGER.fullmatch(re.split(r'\s', path)[-1]) is not None
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
    labels are unknown, which a warning tells where most videos lie in several folders.

    Args:
        folder: Searched recursively, links to folders included; hidden files are skipped.
        suffixes: File suffixes taken for videos, in lower case; upper case is found as well.

    Returns:
        The entries, sorted by path (relative to ``folder``, with forward slashes), and the sorted
        class names (empty without classes).

    Raises:
        VideoListError: The folder is missing or holds no video.
    """
    try:
        paths = find_videos(folder, suffixes=suffixes)
    except VideoFilesError as error:
        raise VideoListError(str(error)) from None
    classes = sorted({path.split('/')[0] for path in paths if '/' in path})
    beside = [path for path in paths if '/' not in path]
    if beside:
        if len(classes) > 1 and 2 * len(beside) < len(paths):
            print_log(_tell_strays(folder, beside, classes), 'current', logging.WARNING)
        return [VideoEntry(path) for path in paths], []
    label = {name: index for index, name in enumerate(classes)}
    return [VideoEntry(path, label[path.split('/')[0]]) for path in paths], classes


def _tell_strays(folder: str | os.PathLike, beside: list[str], classes: list[str]) -> str:
    """What to say where a few videos beside the folders keep these from being classes."""
    names = ', '.join(beside[:3])
    more = f' and {len(beside) - 3} more' if len(beside) > 3 else ''
    it = 'it' if len(beside) == 1 else 'them'
    return (
        f'{os.fspath(folder)}: {names}{more} beside its {len(classes)} folders: these are no '
        f'classes, and all labels are unknown; to have classes, move {it} into a folder or away'
    )
