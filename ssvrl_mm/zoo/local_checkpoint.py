"""A checkpoint as a file on this machine, whatever it is named by: path, address or model."""

import hashlib
import http.client
import os
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

from ssvrl_mm.zoo.checkpoint_names import is_model_name
from ssvrl_mm.zoo.errors import DownloadError, OfflineError, StorageError
from ssvrl_mm.zoo.places import cache_folder, is_offline, shown


def local_checkpoint(checkpoint: str | os.PathLike) -> str:
    """The file of a checkpoint.

    Args:
        checkpoint: A path, which need not be there; an ``http(s)://`` address, which is fetched
            once and kept in the cache, apart from files that other addresses end in the same name;
            or a model of the zoo by its name or alias, see :func:`~ssvrl_mm.zoo.fetch_weights`.

    Raises:
        OfflineError: It is not on this machine, and nothing else may be asked.
        DownloadError: It cannot be had from its address.
        StorageError: It cannot be written.
        ZooError: The model is unknown, or its weights cannot be had.

    Example:
        >>> local_checkpoint('work_dirs/mine/epoch_5.pth')
        'work_dirs/mine/epoch_5.pth'
    """
    name = os.fspath(checkpoint)
    if name.startswith(('http://', 'https://')):
        return str(_fetched(name))
    if is_model_name(name):
        from ssvrl_mm.zoo import fetch_weights

        return str(fetch_weights(name))
    return name


def _fetched(address: str) -> Path:
    """The file behind an address, in a folder of that address."""
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    name = unquote(urlsplit(address).path).rpartition('/')[2] or 'checkpoint.pth'
    file = cache_folder() / 'addresses' / key / name
    if file.is_file():
        return file
    if is_offline():
        raise OfflineError(
            f'{shown(address)}: not on this machine as {file}, and this is offline mode'
        )
    # Needs packages that those who have all files do without.
    import torch
    from filelock import FileLock

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Of several processes that want it, one fetches it.
        with FileLock(f'{file}.lock'):
            if not file.is_file():
                torch.hub.download_url_to_file(address, str(file), progress=sys.stderr.isatty())
    except (http.client.HTTPException, OSError) as error:
        # Only errors of the disk name a file; those of urllib are OSErrors, too.
        of_disk = getattr(error, 'filename', None) and not isinstance(error, URLError)
        kind = StorageError if of_disk else DownloadError
        raise kind(f'{shown(address)}: cannot be fetched ({error})') from error
    return file
