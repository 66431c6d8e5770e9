"""Checkpoints as files: checked when read, the newest one found."""

import logging
import os
import pickle
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from ssvrl_mm.models.utils.checkpoint_reading import (
    CheckpointFileError,
    check_whole,
    is_safetensors,
    read_safetensors,
)

POINTER = 'last_checkpoint'
_NUMBERED = re.compile(r'(?:epoch|iter)_(\d+)\.pth')


def load_checkpoint_file(path: str, map_location: Any = None) -> Any:
    """Reads a checkpoint after checking that it is whole.

    Args:
        path: The file, one of ``torch.save`` or ``.safetensors``.
        map_location: See :func:`torch.load`; weights of a ``.safetensors`` file come to the CPU.

    Returns:
        Its content, read with torch's default of ``weights_only=True``; see
        :func:`~ssvrl_mm.models.utils.checkpoint_reading.read_safetensors`, too.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointFileError: See :func:`check_whole`.
    """
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no checkpoint {path}')
    if is_safetensors(path):
        return read_safetensors(path)
    check_whole(path)
    if zipfile.is_zipfile(path):
        return torch.load(path, map_location=map_location)
    print_log(
        f"{path}: torch's old format, which holds no checksums: not checked",
        logger='current',
        level=logging.WARNING,
    )
    try:
        return torch.load(path, map_location=map_location)
    except (
        pickle.UnpicklingError,  # what weights_only refuses, too
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        IndexError,
    ) as error:
        raise CheckpointFileError(
            f"{path}: a file of torch's old format that cannot be read ({error})"
        ) from error


@dataclass(frozen=True)
class NewestCheckpoint:
    """The newest whole checkpoint of a folder.

    Attributes:
        path: The file.
        reason: Why this one, in words, with the files that were passed over.
    """

    path: Path
    reason: str


def list_checkpoints(folder: str | os.PathLike) -> list[Path]:
    """The checkpoints in a folder that a run can be resumed from, the furthest first."""
    files = [file for file in Path(folder).glob('*.pth') if _NUMBERED.fullmatch(file.name)]
    return sorted(files, key=lambda file: (_number(file), file.stat().st_mtime_ns), reverse=True)


def newest_checkpoint(folder: str | os.PathLike) -> NewestCheckpoint | None:
    """Finds the checkpoint to go on from.

    That is the one which ``last_checkpoint`` names, or a later one that was written after it (a
    run may end between the two). Where it is not named or not whole, it is the furthest that is.
    A folder that was moved or copied holds its own, whatever place ``last_checkpoint`` names.

    Args:
        folder: Working directory of a run.

    Returns:
        The checkpoint; None if the folder holds none.

    Raises:
        CheckpointFileError: There are some, but none is whole.
    """
    files = list_checkpoints(folder)
    named, remarks = _named_file(Path(folder))
    later = list(_later(files, named))
    order = list(dict.fromkeys([*later, *([named] if named else []), *files]))
    for file in order:
        try:
            check_whole(file)
        except CheckpointFileError as error:
            remarks.append(str(error))
            continue
        if file == named and not remarks:
            reason = f'{POINTER} names it'
        elif named and file in later:
            reason = f'it was written after {named.name}, which {POINTER} names'
        else:
            reason = '; '.join([*remarks, 'it is the newest whole one'])
        return NewestCheckpoint(file, reason)
    if not order:
        return None
    raise CheckpointFileError(
        f'{folder}: none of its {len(order)} checkpoints is whole: ' + '; '.join(remarks)
    )


def _named_file(folder: Path) -> tuple[Path | None, list[str]]:
    """The existing file that the pointer names, and what is wrong with the pointer."""
    pointer = folder / POINTER
    if not pointer.exists():
        return None, [f'there is no {POINTER}']
    text = pointer.read_text(errors='replace').strip().strip('\0')
    if not text:
        return None, [f'{pointer} is empty']
    for file in (folder / Path(text).name, Path(text)):
        if file.is_file():
            return file, []
    return None, [f'{pointer} names {text}, which is not there']


def _number(file: Path) -> int:
    match = _NUMBERED.fullmatch(file.name)
    return int(match[1]) if match else -1


def _later(files: list[Path], named: Path | None) -> Iterator[Path]:
    """Files beyond the named one that were written after it, too.

    Being further is not enough: a run that was resumed from an earlier checkpoint leaves behind
    those of the run before. Nor is being younger: copying gives files new times in any order.
    """
    if named is None:
        return
    number, modified = _number(named), named.stat().st_mtime_ns
    for file in files:
        if _number(file) > number and file.stat().st_mtime_ns > modified:
            yield file
