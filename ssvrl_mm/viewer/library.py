"""The videos that the page may show: those of a folder, and what people drop onto it."""

import os
import re
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ssvrl_mm.video.tools.files import VideoFilesError, find_videos, place_below
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.errors import ViewerError

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Video:
    """A video that may be shown.

    Attributes:
        id: What the page calls it by: ``folder/NAME`` or ``upload/KEY``.
        name: What people call it.
        file: Where it is; never told to the page.
    """

    id: str
    name: str
    file: Path


class Folder:
    """The videos under a folder, or one video, and nothing else of the machine.

    Args:
        path: A folder, or a file, which is all there is then.

    Raises:
        VideoFilesError: There is nothing at this place.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        path = Path(path)
        if not path.exists():
            raise VideoFilesError(f'no video or folder of videos at {path}')
        self.only = None if path.is_dir() else path.name
        self.root = Path(os.path.realpath(path if path.is_dir() else path.parent))
        self.name = path.resolve().name

    def names(self) -> list[str]:
        """Paths below the folder of what look like videos; links that lead out are left out.

        Raises:
            VideoFilesError: There are none.
        """
        if self.only is not None:
            return [self.only]
        names = find_videos(self.root)
        return [name for name in names if self._is_inside(self.root / name)]

    def find(self, name: str) -> Video:
        """The video of a name.

        Raises:
            ViewerError: The folder has no such video; in the same words whether or not there is
                such a file elsewhere.
        """
        missing = ViewerError(f'there is no video {shown_name(name)!r} in this folder', 404)
        # One name for a file; what is hidden is not listed either, and Windows takes a backslash
        # for a slash.
        odd = any(part.startswith('.') for part in Path(name).parts)
        odd |= Path(name).as_posix() != name
        if not name or odd or re.search(r'[\0\\]', name) or self.only not in (None, name):
            raise missing
        try:
            file = place_below(self.root, name)
            found = self.only is not None or (file.is_file() and self._is_inside(file))
        except (VideoFilesError, OSError, ValueError):
            raise missing from None
        if not found:
            raise missing
        return Video(f'folder/{name}', name, file)

    def _is_inside(self, file: Path) -> bool:
        return Path(os.path.realpath(file)).is_relative_to(self.root)


class Uploads:
    """Videos that people dropped onto the page, in a folder of their own that vanishes.

    Args:
        limits: How large one, and all together, may be.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix='ssvrl_mm_uploads_')
        self._kept: OrderedDict[str, tuple[Video, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where they are."""
        return Path(self._folder.name)

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> Video:
        """Writes what arrives to a file.

        Args:
            name: What the browser calls it.
            chunks: Its content.

        Returns:
            The video, which is not known by its id before :meth:`keep`.

        Raises:
            ViewerError: It is larger than is allowed, or empty; nothing is left of it.
        """
        key, name = secrets.token_urlsafe(12), shown_name(name)
        video = Video(f'upload/{key}', name, self.folder / key)
        held = 0
        try:
            with open(video.file, 'xb') as file:
                async for chunk in chunks:
                    held += len(chunk)
                    if held > self.limits.upload_bytes:
                        raise ViewerError(self.too_large(name), 413)
                    file.write(chunk)
            if not held:
                raise ViewerError(f'{name} is empty')
        except BaseException:
            video.file.unlink(missing_ok=True)
            raise
        return video

    def too_large(self, name: str) -> str:
        """What to say of a file that is larger than is allowed."""
        return f'{name} is larger than the {self.limits.upload_bytes / 2**20:.4g} MB that are taken'

    def keep(self, video: Video) -> list[Video]:
        """Makes an upload known by its id; returns those that had to go for it, the oldest."""
        gone = []
        with self._lock:
            self._kept[video.id] = video, video.file.stat().st_size
            while sum(size for _, size in self._kept.values()) > self.limits.kept_bytes:
                if len(self._kept) == 1:
                    break
                gone.append(self._kept.popitem(last=False)[1][0])
        for old in gone:
            old.file.unlink(missing_ok=True)
        return gone

    def find(self, video_id: str) -> Video:
        """The upload of an id.

        Raises:
            ViewerError: There is none, or it had to go for later ones.
        """
        with self._lock:
            found = self._kept.get(video_id)
        if found is None:
            raise ViewerError('this upload is gone: drop the file once more', 404)
        return found[0]

    def close(self) -> None:
        """Removes them all."""
        self._folder.cleanup()


class Library:
    """All videos by what the page calls them.

    Args:
        folder: The folder of the page.
        uploads: What people drop onto it.
    """

    def __init__(self, folder: Folder, uploads: Uploads) -> None:
        self.folder = folder
        self.uploads = uploads

    def find(self, video_id: str) -> Video:
        """The video of an id.

        Raises:
            ViewerError: There is none.
        """
        kind, _, name = video_id.partition('/')
        if kind == 'upload':
            return self.uploads.find(video_id)
        if kind == 'folder':
            return self.folder.find(name)
        raise ViewerError(f'there is no video {shown_name(video_id)!r}', 404)


def shown_name(name: str) -> str:
    """A name of a file as the page shows it: no folders, nothing unprintable, not too long.

    Example:
        >>> shown_name('C:\\\\videos\\\\a.mp4')
        'a.mp4'
    """
    last = re.split(r'[/\\]', name)[-1]
    printable = ''.join(letter for letter in last if letter.isprintable()).strip()
    if len(printable) > _LONGEST_NAME:
        printable = printable[: _LONGEST_NAME - 10] + '…' + printable[-9:]
    return printable or 'the file'
