"""What has to be known of a dataset to prepare it."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from ssvrl_mm.datasets.video_list import VideoEntry, VideoListError


class PreparationError(VideoListError):
    """A dataset that cannot be prepared as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Archive:
    """Archives of one kind, as the authors name them.

    Args:
        pattern: Of their file names, searched in all sub-folders.
        holds: What is inside.
        sha256: Of the one file that the pattern means; None where it is not known.
        strip: A folder inside that does not become one of the dataset.
        into: Sub-folder to unpack to; ``'{parent}'`` stands for the folder the archive lies in.
        inner: Pattern of the archives that it holds in turn.
        joined: The files that match are the parts of one archive.
    """

    pattern: str
    holds: Literal['videos', 'annotations']
    sha256: str | None = None
    strip: str = ''
    into: str = ''
    inner: str = ''
    joined: bool = False


@dataclass(frozen=True)
class Annotations:
    """The official lists.

    Args:
        classes: Names; the place is the label.
        lists: Name of the list to write -> its videos, by the official paths.
        sources: The files that were read.
    """

    classes: list[str]
    lists: dict[str, list[VideoEntry]]
    sources: list[Path] = field(default_factory=list)


class OfficialDataset(ABC):
    """A published dataset.

    Attributes:
        name: Of its folder.
        title: As papers write it.
        homepage: Where the authors publish it.
        terms: Of use, in a sentence.
        archives: What can be downloaded.
        num_classes: Official number of classes.
        counts: List -> the official number of its videos; several where versions differ.
        num_videos: Official number of videos of the archives.
        max_missing: Share of the videos that may be missing without being a mistake.
        digest: :func:`content_digest` of the official lists; empty where it is not known.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    homepage: ClassVar[str]
    terms: ClassVar[str]
    archives: ClassVar[Sequence[Archive]]
    num_classes: ClassVar[int]
    counts: ClassVar[dict[str, tuple[int, ...]]]
    num_videos: ClassVar[int]
    max_missing: ClassVar[float] = 0.0
    digest: ClassVar[str] = ''

    @abstractmethod
    def read_annotations(self, folder: Path) -> Annotations:
        """Reads the official lists, wherever under the folder they lie.

        Raises:
            PreparationError: They are not there, or a line cannot be right.
        """

    @abstractmethod
    def commands(self, archives: str, out: str) -> str:
        """The shell commands that download and prepare the dataset.

        Args:
            archives: Folder to download to, quoted for a shell.
            out: Folder of the dataset, quoted for a shell.
        """

    def keys(self, path: str) -> list[str]:
        """What identifies a video, whether its path is one of the lists or of the folder.

        Copies differ in folders, in suffixes and in capitals, but not in the name's letters.

        Returns:
            Keys, the most telling one first.
        """
        return [PurePosixPath(path).stem.lower()]

    def prefer(self, paths: Sequence[str]) -> str | None:
        """The file to take where several have the same key; None: nobody can know."""
        return None


def find_file(folder: Path, *names: str) -> Path | None:
    """The first of these names under a folder, the shallowest file; None: not there."""
    for name in names:
        found = sorted(folder.rglob(name), key=lambda path: (len(path.parts), str(path)))
        if found:
            return found[0]
    return None


def read_text(path: Path) -> str:
    """An annotation file's text; raises PreparationError."""
    try:
        return path.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise PreparationError(f'cannot read {path}: {error}') from error


def content_digest(paths: Iterable[Path]) -> str:
    """SHA-256 of text files: their names and lines, less line ends, outer blanks and empty lines.

    Archives and copies of the same lists differ in line ends.
    """
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        lines = (line.strip() for line in read_text(path).split('\n'))
        content = '\n'.join(line for line in lines if line)
        digest.update(f'{path.name}\n{content}\n'.encode())
    return digest.hexdigest()
