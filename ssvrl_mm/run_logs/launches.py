"""The folder of a run: a folder in it for each process that worked on it, named after its start.

In one, ``TIME/TIME.log`` is the text, ``TIME/vis_data/scalars.json`` what was logged, and
``TIME/vis_data/config.py`` the config as it was used.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_TIME = re.compile(r'\d{8}_\d{6}')
_FORMAT = '%Y%m%d_%H%M%S'


@dataclass(frozen=True)
class Launch:
    """One start of a training or a test.

    Attributes:
        folder: What it has logged to.
        log: Its text; None where there is none.
        scalars: The file of what it has logged, which may be empty; None where there is none.
        config: Its config as it was used; None where there is none.
        first: The first iteration that it has logged; 0 if it did not train, or nobody has read it.
    """

    folder: Path
    log: Path | None = None
    scalars: Path | None = None
    config: Path | None = None
    first: int = 0

    @property
    def trained(self) -> bool:
        """Whether it has logged any step of a training."""
        return self.first > 0

    @property
    def started(self) -> datetime | None:
        """When it was started; None where the folder does not say so."""
        return _started(self.folder.name)

    @property
    def figures(self) -> Path | None:
        """Where its figures are read: its scalars, or the text where these are missing."""
        if self.scalars is not None and self.scalars.stat().st_size:
            return self.scalars
        return self.log or self.scalars


def launch_in(folder: Path) -> Launch:
    """What a process has left in the folder that it has logged to, whatever that is called."""
    scalars, config = (folder / 'vis_data' / name for name in ('scalars.json', 'config.py'))
    logs = sorted(file for file in folder.glob('*.log') if file.is_file())
    return Launch(
        folder,
        logs[0] if logs else None,
        scalars if scalars.is_file() else None,
        config if config.is_file() else None,
    )


def launches_in(folder: Path) -> list[Launch]:
    """The launches of a run, the first one first; folders that no time names are none.

    Args:
        folder: Work dir of the run.

    Raises:
        OSError: It cannot be listed.
    """
    children = sorted(path for path in folder.iterdir() if path.is_dir())
    return [launch_in(child) for child in children if _started(child.name) is not None]


def work_dir_of(folder: Path) -> Path:
    """The work dir of the run, by the folder that a process has logged to, or by itself.

    Example:
        >>> work_dir_of(Path('/runs/mine/20260101_100000'))
        PosixPath('/runs/mine')
    """
    folder = folder.absolute()
    return folder.parent if _started(folder.name) is not None else folder


def _started(name: str) -> datetime | None:
    """The time that a folder is named after; None where it is another folder."""
    if not _TIME.fullmatch(name):
        return None
    try:
        return datetime.strptime(name, _FORMAT)
    except ValueError:  # the 99th of a month
        return None
