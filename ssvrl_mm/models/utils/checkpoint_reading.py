"""Checkpoints as everything reads them, with torch alone too: whole, and not run."""

import functools
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from ssvrl_mm.zoo.extras import require_extra

_ZIP_START, _PICKLE_START = b'PK\x03\x04', b'\x80'


class CheckpointFileError(RuntimeError):
    """A checkpoint cannot be read or resumed; the message says what is wrong with it."""


def check_whole(path: str | os.PathLike) -> None:
    """Checks that every byte of a checkpoint is the one that was written.

    A checkpoint is a zip archive with a CRC of each record, which torch writes and never reads: a
    flipped bit becomes a weight. Reading and checking take about 1.3 s per GB, once per process.
    A file of torch's format before 1.6, or one that was saved without CRCs, holds nothing to
    check and passes.

    Args:
        path: The file.

    Raises:
        CheckpointFileError: It is cut off, damaged or empty, or no checkpoint at all.
    """
    found = os.stat(path)
    _check_whole(os.fspath(path), found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _check_whole(path: str, size: int, modified: int) -> None:
    """Keyed by what changes with the content, as a run looks for its newest file, then loads it."""
    with open(path, 'rb') as file:
        start = file.read(len(_ZIP_START))
        is_zip = zipfile.is_zipfile(file)
    if not is_zip:
        if start == _ZIP_START:
            raise CheckpointFileError(
                f'{path}: cut off after {size} bytes, the end of the archive is missing'
            )
        if not start.startswith(_PICKLE_START):
            raise CheckpointFileError(
                f'{path}: {"an empty file" if not size else "no checkpoint"}; it starts with '
                f'{start!r} ({size} bytes)'
            )
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(record.CRC for record in archive.infolist()):
                return
            damaged = archive.testzip()
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        ValueError,
        EOFError,
        OSError,
        RuntimeError,  # a flipped flag reads as "encrypted" or as an unknown method
    ) as error:
        raise CheckpointFileError(f'{path}: damaged archive ({error})') from error
    if damaged is not None:
        raise CheckpointFileError(
            f'{path}: damaged, the content of its record {damaged} is not what was written'
        )


def is_safetensors(path: str | os.PathLike) -> bool:
    """Whether a file is called one of safetensors."""
    return Path(path).suffix == '.safetensors'


def read_safetensors(path: str | os.PathLike) -> dict[str, Any]:
    """The content of a ``.safetensors`` file, as a checkpoint has it; needs the extra ``hub``.

    The format has no checksums: :func:`~ssvrl_mm.zoo.fetch_weights` checks the file's own.

    Args:
        path: The file; ``tools/model_zoo/publish_model.py`` writes ``meta`` into its header.

    Returns:
        ``state_dict`` and ``meta``, which is empty where the file has none.

    Raises:
        ImportError: The extra is not installed.
        FileNotFoundError: There is no such file.
        CheckpointFileError: It is damaged, or another kind of file.
    """
    safetensors = require_extra('safetensors', 'hub', f'{Path(path).name} is a file that')
    try:
        with safetensors.safe_open(path, 'pt') as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = json.loads((file.metadata() or {}).get('meta', '{}'))
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever safetensors and JSON say of damaged files
        raise CheckpointFileError(f'{path}: cannot be read as a checkpoint ({error})') from error
    return {'state_dict': weights, 'meta': meta}
