"""The videos that the page may show: those of a folder, and what people drop onto it."""

import asyncio
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ssvrl_mm.video.tools.files import VideoFilesError, find_videos, place_below
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.own_folder import OwnFolder

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Video:
    """A video that may be shown.

    Attributes:
        id: What the page calls it by: ``folder/NAME`` or ``upload/KEY``.
        name: What people call it.
        file: Where it is; never told to the page.
        stamp: Size, time of change and inode of the file when it was asked for.
    """

    id: str
    name: str
    file: Path
    stamp: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, tuple[int, ...]]:
        """What is kept of it goes by: another file under the same name is another video."""
        return self.id, self.stamp


class Folder:
    """The videos under a folder, or one video, and nothing else of the machine.

    Args:
        path: A folder, or a file, which is all there is then.

    Raises:
        VideoFilesError: There is nothing at this place, or a file whose name is not UTF-8.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        path = Path(path)
        if not path.exists():
            raise VideoFilesError(f'no video or folder of videos at {path}')
        self.only = None if path.is_dir() else path.name
        self.root = Path(os.path.realpath(path if path.is_dir() else path.parent))
        self.name = _readable(path.resolve().name)
        if self.only is not None and not _is_utf8(self.only):
            raise VideoFilesError(f'{_readable(str(path))}: the name is not UTF-8')

    def names(self) -> list[str]:
        """Paths below the folder of what look like videos.

        Links that lead out, or nowhere, and names that no page can ask for are left out.

        Raises:
            VideoFilesError: There are none.
        """
        if self.only is not None:
            return [self.only]
        names = [name for name in find_videos(self.root) if self._may_be_shown(name)]
        if not names:
            raise VideoFilesError(
                f'no video under {_readable(str(self.root))} but links that lead out of it or '
                'nowhere, and names that are not UTF-8'
            )
        return names

    def unnamable(self) -> list[str]:
        """Names that are not UTF-8, which neither JSON nor an address holds, as they may be told.

        Raises:
            VideoFilesError: There is no video.
        """
        names = [] if self.only is not None else find_videos(self.root)
        return [_readable(name) for name in names if not _is_utf8(name)]

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
        odd |= bool(re.search(r'[\0\\]', name))
        if not name or (name != self.only if self.only is not None else odd):
            raise missing
        try:
            file = place_below(self.root, name)
            found = self.only is not None or (file.is_file() and self._is_inside(file))
            facts = file.stat()
        except (VideoFilesError, OSError, ValueError):
            raise missing from None
        if not found:
            raise missing
        stamp = facts.st_size, facts.st_mtime_ns, facts.st_ino
        return Video(f'folder/{name}', name, file, stamp)

    def _may_be_shown(self, name: str) -> bool:
        file = self.root / name
        return _is_utf8(name) and file.is_file() and self._is_inside(file)

    def _is_inside(self, file: Path) -> bool:
        return Path(os.path.realpath(file)).is_relative_to(self.root)


class Uploads:
    """Videos that people dropped onto the page, in a folder of their own that vanishes.

    Args:
        limits: How large one, all together, and how many at once may be.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._folder = OwnFolder('uploads')
        self._kept: OrderedDict[str, tuple[Video, int]] = OrderedDict()
        # Bytes of those that are on their way, or not known to be videos yet.
        self._arriving: dict[str, int] = {}
        self._gone: list[Video] = []
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder.path

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> Video:
        """Writes what arrives to a file.

        Args:
            name: What the browser calls it.
            chunks: Its content.

        Returns:
            The video, which is not known by its id before :meth:`keep`; it counts as one that is
            on its way until then, or until :meth:`drop`.

        Raises:
            ViewerError: It is larger than is allowed, or empty, or comes too slowly, or too many
                come at once; nothing is left of it.
        """
        key, name = secrets.token_urlsafe(12), shown_name(name)
        video = Video(f'upload/{key}', name, self.folder / key)
        with self._lock:
            if len(self._arriving) >= self.limits.uploads_at_once:
                raise ViewerError('too many uploads at once: try again in a moment', 503)
            self._arriving[video.id] = 0
        try:
            with open(video.file, 'xb') as file:
                async for chunk in self._in_time(name, chunks):
                    self._make_room(video, len(chunk))
                    file.write(chunk)
            if not self._arriving[video.id]:
                raise ViewerError(f'{name} is empty')
        except BaseException:
            self.drop(video)
            raise
        return video

    async def _in_time(self, name: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What arrives, as long as it does so at the least rate.

        Who sends a byte now and then would hold one of the few places for ever.
        """
        clock = asyncio.get_running_loop().time
        least = self.limits.upload_rate * self.limits.seconds
        end, arrived = clock() + self.limits.seconds, 0
        while True:
            try:
                chunk = await asyncio.wait_for(anext(chunks, None), max(end - clock(), 0))
            except TimeoutError:
                rate = f'{self.limits.upload_rate / 1024:.4g} kB/s'
                # Not with status 408, which lets browsers send it all once more unasked.
                raise ViewerError(
                    f'{name} comes too slowly: less than {rate} in {self.limits.seconds:g} s'
                ) from None
            if chunk is None:
                return
            arrived += len(chunk)
            if arrived >= least:
                end, arrived = clock() + self.limits.seconds, 0
            yield chunk

    def drop(self, video: Video) -> None:
        """Removes an upload that is not kept."""
        with self._lock:
            self._arriving.pop(video.id, None)
        video.file.unlink(missing_ok=True)

    def too_large(self, name: str) -> str:
        """What to say of a file that is larger than is allowed."""
        return f'{name} is larger than the {self.limits.upload_bytes / 2**20:.4g} MB that are taken'

    def keep(self, video: Video) -> list[Video]:
        """Makes an upload known by its id; returns those that had to go for it, the oldest."""
        with self._lock:
            self._kept[video.id] = video, self._arriving.pop(video.id)
            gone, self._gone = self._gone, []
        return gone

    def _make_room(self, video: Video, more: int) -> None:
        """Counts bytes that arrive; the oldest uploads go for them."""
        with self._lock:
            self._arriving[video.id] += more
            if self._arriving[video.id] > self.limits.upload_bytes:
                raise ViewerError(self.too_large(video.name), 413)
            arriving = sum(self._arriving.values())
            held = arriving + sum(size for _, size in self._kept.values())
            while self._kept and held > self.limits.kept_bytes:
                old, size = self._kept.popitem(last=False)[1]
                old.file.unlink(missing_ok=True)
                self._gone.append(old)
                held -= size
            # The only one may be as large as any.
            if len(self._arriving) > 1 and held > self.limits.kept_bytes:
                raise ViewerError(
                    f'there is no room for {video.name} while others are uploaded: try later', 507
                )

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
        self._folder.remove()


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


def _is_utf8(name: str) -> bool:
    return _readable(name) == name


def _readable(name: str) -> str:
    """A name with those bytes that are not UTF-8 written out."""
    return name.encode('utf-8', 'backslashreplace').decode()


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
