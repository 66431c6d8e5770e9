"""Which videos are of the same recording: by a file of groups, or by a pattern of their paths."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from ssvrl_mm.datasets.video_list import VideoListError, check_path

#: Of the file beside a list that names the recordings of its videos.
GROUPS_FILE = 'groups.txt'

# Ids are 2**62 or more: no index in a list is mistaken for one.
_ID_BITS = 62


def group_of(path: str, pattern: str) -> str:
    """What the pattern (its first group, if it has one) matches in the path.

    Args:
        path: Of a video, as a list gives it.
        pattern: Regular expression, searched for in the path.

    Raises:
        VideoListError: The pattern cannot be read, or matches nothing but empty text.

    Example:
        >>> group_of('Archery/v_Archery_g01_c02.avi', r'v_(\\w+_g\\d+)_c')
        'Archery_g01'
    """
    group = _search(path, pattern)
    if not group:
        raise VideoListError(f'the pattern of groups {pattern!r} matches nothing in {path!r}')
    return group


def _search(path: str, pattern: str) -> str | None:
    try:
        match = re.search(pattern, path)
    except (re.error, OverflowError, RecursionError) as error:
        raise VideoListError(f'the pattern of groups {pattern!r} cannot be read: {error}') from None
    return match and match[1 if match.re.groups else 0]


def read_groups(file: str | os.PathLike) -> dict[str, str]:
    """Reads a file of ``path group`` lines.

    The group is the last word, so that paths may hold blanks; blank lines and lines that start
    with ``#`` are skipped.

    Args:
        file: UTF-8 text file.

    Returns:
        Path -> name of its recording.

    Raises:
        VideoListError: The file cannot be read, a line has no group, or a path has two. The
            message names the file and the line.
    """
    try:
        lines = Path(file).read_text(encoding='utf-8-sig').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise VideoListError(f'cannot read the groups {file}: {error}') from error
    groups: dict[str, str] = {}
    first_seen: dict[str, int] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith('#'):
            continue
        words = re.fullmatch(r'(.*\S)[ \t]+(\S+)', line)
        if words is None:
            raise VideoListError(f'{file}, line {number}: expected `path group`, found {line!r}')
        path, group = words.groups()
        if groups.setdefault(path, group) != group:
            raise VideoListError(
                f'{file}, line {number}: {path!r} is of {group!r}, but of {groups[path]!r} in '
                f'line {first_seen[path]}'
            )
        first_seen.setdefault(path, number)
    return groups


def write_groups(file: str | os.PathLike, groups: Mapping[str, str]) -> None:
    """Writes recordings so that :func:`read_groups` gives them back.

    Args:
        file: File to write.
        groups: Path -> name of its recording.

    Raises:
        VideoListError: A path that a list cannot hold either, or a name with blanks in it.
    """
    lines = []
    for path, group in groups.items():
        check_path(path, file)
        if not re.fullmatch(r'\S+', group):
            raise VideoListError(
                f'{file}: cannot hold {group!r}, the recording of {path!r}: no blanks in names'
            )
        lines.append(f'{path} {group}\n')
    Path(file).write_text(''.join(lines), encoding='utf-8')


def name_recordings(
    paths: Sequence[str], group: str | Literal[False] | None, list_file: str | os.PathLike = ''
) -> list[str] | None:
    """The name of the recording of each video of a list.

    Args:
        paths: As the list gives them.
        group: A pattern, see :func:`group_of`; None: the ``groups.txt`` beside the list, see
            :func:`read_groups`, where there is one; False: none.
        list_file: The list; empty: there is none.

    Returns:
        The names; None where every video is a recording of its own.

    Raises:
        VideoListError: The pattern or the file cannot be read, or does not name the recording of
            every video. A file may name that of more, for other lists.
    """
    if isinstance(group, str):
        found = [_search(path, group) for path in paths]
        source = f'the pattern of groups {group!r}'
        remedy = f'correct it, or set group=None ({GROUPS_FILE} beside the list, if there is one)'
    else:
        file = Path(list_file).with_name(GROUPS_FILE) if list_file else None
        if group is False or file is None or not file.exists():
            return None
        groups = read_groups(file)
        found = [groups.get(path) for path in paths]
        source, remedy = str(file), 'add it, or set group=False'
    named = [name for name in found if name]
    if len(named) < len(paths):
        lacking = next(path for path, name in zip(paths, found, strict=True) if not name)
        raise VideoListError(
            f'{source} names the recording of {len(named)} of {len(paths)} videos, but not that of '
            f'{lacking!r}: {remedy}'
        )
    return named


def describe_recordings(names: Sequence[str]) -> str:
    """How many videos are of how many recordings, for the log.

    Example:
        >>> describe_recordings(['Archery_g01', 'Archery_g01', 'Archery_g02'])
        '3 videos of 2 recordings, 1 to 2 of each'
    """
    sizes = Counter(names).values()
    return f'{len(names)} videos of {len(sizes)} recordings, {min(sizes)} to {max(sizes)} of each'


def recording_id(name: str, folder: str) -> int:
    """The number by which models know a recording.

    It follows from names alone: it is the same in all processes, in a resumed run, in a part of a
    list and in every list of the folder. Two of a million recordings have the same one with a
    probability of 1e-7.

    Args:
        name: Of the recording, or the path of a video that is one of its own.
        folder: Of the videos: names count within it.

    Returns:
        An integer from 2**62 to 2**63 - 1.
    """
    content = f'{folder}\0{name}'.encode('utf-8', 'surrogateescape')
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return 1 << _ID_BITS | int.from_bytes(digest, 'big') >> (64 - _ID_BITS)
