"""Which videos can be read, looked up in a report that grows and survives interruptions."""

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ssvrl_mm.video.tools.health import inspect_videos


class ReadabilityReport:
    """A file of JSON lines, one per video: whether it can be read, and what is wrong with it.

    A line counts as long as the video keeps its size and time of change.

    Args:
        path: The report; lines that an interruption cut off are ignored.
        folder: The folder that the videos' paths start from.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self._lines: dict[str, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding='utf-8').splitlines():
                try:
                    entry = json.loads(line)
                    self._lines[entry['path']] = entry
                except (ValueError, KeyError, TypeError):
                    continue

    def check(
        self,
        videos: Iterable[str],
        full: bool = False,
        workers: int = 4,
        progress: bool = True,
    ) -> int:
        """Inspects the videos that the report does not know as they are now.

        Args:
            videos: Paths relative to the folder.
            full: Decode every frame instead of a few.
            workers: Processes, each of which a broken file may crash; 0: this process.
            progress: Whether to show a progress bar.

        Returns:
            How many were inspected.
        """
        todo = [video for video in dict.fromkeys(videos) if not self._is_known(video, full)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        paths = [str(self.folder / video) for video in todo]
        with (
            open(self.path, 'a', encoding='utf-8') as file,
            closing(inspect_videos(paths, full, workers)) as healths,
        ):
            if file.tell() and not self._ends_with_line():
                file.write('\n')
            bar = tqdm(
                healths,
                total=len(todo),
                desc='checking videos',
                unit='video',
                disable=not progress or not todo,
            )
            for number, health in bar:
                entry = {
                    'path': todo[number],
                    **_identity(self.folder / todo[number]),
                    'full': full,
                    'readable': health.readable,
                    'problems': list(health.problems),
                }
                self._lines[todo[number]] = entry
                file.write(json.dumps(entry) + '\n')
                file.flush()
        return len(todo)

    def problems(self, videos: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """What is known of these videos as they are now.

        Returns:
            Those that cannot be read, and those that can in spite of a problem: path -> cause.
        """
        known = {video: self._lines[video] for video in videos if self._is_known(video)}
        causes = {video: '; '.join(entry['problems']) for video, entry in known.items()}
        bad = {video: cause for video, cause in causes.items() if not known[video]['readable']}
        damaged = {video: c for video, c in causes.items() if c and known[video]['readable']}
        return bad, damaged

    def _is_known(self, video: str, full: bool = False) -> bool:
        entry = self._lines.get(video)
        if entry is None or (full and not entry['full']):
            return False
        return {'size': entry['size'], 'changed': entry['changed']} == _identity(
            self.folder / video
        )

    def _ends_with_line(self) -> bool:
        with open(self.path, 'rb') as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b'\n'


def _identity(path: Path) -> dict[str, int]:
    try:
        status = path.stat()
    except OSError:
        return {'size': -1, 'changed': -1}
    return {'size': status.st_size, 'changed': status.st_mtime_ns}
