"""The folder of a run: what is in it, what it goes on from, whose it is."""

import os
import shutil
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.engine.checkpoint_files import POINTER, list_checkpoints, newest_checkpoint


class WorkDirError(Exception):
    """A run would write over the checkpoints of another; the message says what to do."""


def setup_resume(cfg: Config, resume: str) -> str:
    """Sets where a run resumes from.

    Args:
        cfg: Config of the run, with its ``work_dir``; ``resume`` and ``load_from`` are written.
        resume: Path of a checkpoint, or ``'auto'``: the newest whole one in the working directory.
            With none there yet, ``'auto'`` starts the run as if it had not been given.

    Returns:
        What was chosen and why, for the log.

    Raises:
        CheckpointFileError: The working directory holds checkpoints, but none is whole.
    """
    if resume != 'auto':
        cfg.resume, cfg.load_from = True, resume
        return f'resuming from {resume}'
    found = newest_checkpoint(cfg.work_dir)
    cfg.resume = found is not None
    if found is None:
        return (
            f'{cfg.work_dir} holds no checkpoint to resume from: training starts from the beginning'
        )
    cfg.load_from = str(found.path)
    return f'resuming from {found.path}: {found.reason}'


def check_free(folder: str | os.PathLike) -> None:
    """Checks that a run that starts from the beginning writes over no checkpoints.

    Args:
        folder: Its working directory.

    Raises:
        WorkDirError: There are some.
    """
    found = list_checkpoints(folder)
    if found:
        raise WorkDirError(
            f'{folder} holds {len(found)} checkpoint{"s" if len(found) > 1 else ""} '
            f'({found[0].name}, ...) that this run would write over. Go on from them with '
            '--resume, take another folder with --work-dir, or delete them with --overwrite.'
        )


def clear(folder: str | os.PathLike) -> None:
    """Deletes the checkpoints of a folder, so that the next ``--resume`` finds none of them."""
    best = Path(folder).glob('best_*.pth')
    for file in [Path(folder, POINTER), *list_checkpoints(folder), *best]:
        file.unlink(missing_ok=True)


def clear_report(folder: str | os.PathLike) -> None:
    """Deletes the figures and the report of an earlier demo: they are not of the next one."""
    for name in ('retrieval.json', 'report.html'):
        Path(folder, name).unlink(missing_ok=True)
    shutil.rmtree(Path(folder, 'report_cache'), ignore_errors=True)


def claim(folder: str | os.PathLike, owner: str) -> None:
    """Makes a folder one tool's, which may then :func:`clear` it of what it left there earlier.

    Args:
        folder: Where the tool writes.
        owner: What it is called: 'demo', 'ablation'.

    Raises:
        WorkDirError: It holds the checkpoints of something else.
    """
    folder = Path(folder)
    mark = folder / f'.ssvrl_{owner}'
    if not mark.exists() and list_checkpoints(folder):
        raise WorkDirError(
            f'{folder} holds checkpoints that are not of the {owner}: take another --work-dir'
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
