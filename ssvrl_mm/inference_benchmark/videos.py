"""The videos that are measured."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssvrl_mm.video import CompressedVideoReader, VideoTooShortError
from ssvrl_mm.video.tools.files import find_videos, place_below, read_list

#: Frames that a video needs: flow and motion lead from one to the next.
FEWEST_FRAMES = 2


@dataclass(frozen=True)
class Video:
    """Facts about a video.

    Args:
        path: The file.
        frames: How many frames it has.
        width, height: px, as displayed.
        codec: FFmpeg's name of it.
        bytes: Size of the file.
    """

    path: str
    frames: int
    width: int
    height: int
    codec: str
    bytes: int


def choose_videos(given: Sequence[str], number: int) -> list[str]:
    """The files to measure.

    Args:
        given: Video files, which are all taken; folders of videos, and ``.txt`` lists of
            ``path [label]`` lines, whose paths are relative to the list's folder or to a folder
            ``videos`` in it.
        number: How many of each folder and list to take, at even distance.

    Returns:
        Paths, each once.

    Raises:
        VideoFilesError: A folder or a list without videos, or one that leads elsewhere.
    """
    paths: list[str] = []
    for name in given:
        if name.lower().endswith('.txt'):
            root = Path(name).parent
            listed = [video.path for video in read_list(name)]
            if (root / 'videos').is_dir():
                root /= 'videos'
            paths += [str(place_below(root, path)) for path in _spread(listed, number)]
        elif os.path.isdir(name):
            paths += [str(Path(name, path)) for path in _spread(find_videos(name), number)]
        else:
            paths.append(name)
    return list(dict.fromkeys(paths))


def check_video(path: str) -> Video:
    """Opens a video.

    Raises:
        VideoOpenError: The file is missing or no video.
        VideoTooShortError: It has fewer than :data:`FEWEST_FRAMES`.
    """
    with CompressedVideoReader(path, 'auto') as reader:
        facts = reader.metadata
    if facts.num_frames < FEWEST_FRAMES:
        raise VideoTooShortError(path, facts.num_frames, FEWEST_FRAMES)
    return Video(
        path, facts.num_frames, facts.width, facts.height, facts.codec, os.stat(path).st_size
    )


def _spread(names: Sequence[str], number: int) -> list[str]:
    """So many of the names, at even distance; all if they are fewer."""
    count = min(number, len(names))
    return [names[place * len(names) // count] for place in range(count)]
