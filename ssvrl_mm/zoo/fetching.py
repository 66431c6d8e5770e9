"""Weights of a model, and the log of their training, as files on this machine."""

import logging
import os
from pathlib import Path

from ssvrl_mm.zoo.errors import (
    ModelNotFoundError,
    OfflineError,
    WeightsNotFoundError,
    WrongHashError,
)
from ssvrl_mm.zoo.index import ZooModel, as_model, no_weights
from ssvrl_mm.zoo.places import (
    BASE_VARIABLE,
    CACHE_VARIABLE,
    beside,
    cache_folder,
    clone_folder,
    is_offline,
    origin_of,
)
from ssvrl_mm.zoo.verification import ExpectedFile

_LOG = logging.getLogger(__name__)


def fetch_weights(
    model: str | ZooModel,
    base_url: str | os.PathLike | None = None,
    dest: str | os.PathLike | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
) -> Path:
    """The file with the weights of a model, verified by its SHA-256.

    It is looked for in the cache (``SSVRL_MM_CACHE``, by default ``~/.cache/ssvrl_mm/checkpoints``)
    and in ``checkpoints`` of the clone, and else fetched into the cache: from the URL that the
    index has for it, or from the base URL.

    Args:
        model: A model, or its name or alias in the index of the package.
        base_url: A URL (``https://``, ``http://``, ``file://``) or folder that holds the files;
            None: ``SSVRL_MM_ZOO``. There is none by default.
        dest: A folder that the file is to be in, instead of the cache.
        offline: Whether to look on this machine alone; None: as ``SSVRL_MM_OFFLINE`` says.
        progress: Whether to show a progress bar; None: on a terminal.

    Returns:
        The file.

    Raises:
        ModelNotFoundError: The model is not in the index, or has no weights.
        ModelIndexError: What the index says of the file cannot be.
        AddressError: The URL is none that files are fetched from.
        OfflineError: The file is not on this machine, and nothing else may be asked.
        WeightsNotFoundError: It is in none of the places.
        WrongHashError: Where it is fetched from, another file has its name.
        DownloadError: It cannot be had from there.
        StorageError: It cannot be written; ``NoSpaceError``: for lack of room.

    Example:
        >>> fetch_weights('mscl_r3d10', base_url='https://HOST/models')
        PosixPath('/home/me/.cache/ssvrl_mm/checkpoints/mscl_r3d10-w50_...-1a2b3c4d.pth')
    """
    model, weights = _published(model)
    return _fetch(model, ExpectedFile.of(model), weights, base_url, dest, offline, progress)


def fetch_log(
    model: str | ZooModel,
    base_url: str | os.PathLike | None = None,
    dest: str | os.PathLike | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
) -> Path:
    """The log of the training of a model: what it logged, one JSON object per line.

    It lies beside the weights, is looked for where these are, and verified like them.

    Args:
        model: See :func:`fetch_weights`, as for the others.
        base_url: A URL or folder that holds the files.
        dest: A folder that the file is to be in.
        offline: Whether to look on this machine alone.
        progress: Whether to show a progress bar.

    Returns:
        The file.

    Raises:
        ModelNotFoundError: The model is not in the index, has no weights, or the index no log.
        ModelIndexError: The index has no SHA-256 of the log.
        ZooError: As :func:`fetch_weights`.

    Example:
        >>> fetch_log('mscl_r3d10', dest='logs').name
        'mscl_r3d10-w50_motion-primitives-1a2b3c4d.log.json'
    """
    model, weights = _published(model)
    if model.log is None:
        raise ModelNotFoundError(f'{model.name}: the index names no log of its training')
    expected = ExpectedFile.of_log(model)
    place = beside(weights, expected.name)
    return _fetch(model, expected, place, base_url, dest, offline, progress)


def _published(model: str | ZooModel) -> tuple[ZooModel, str]:
    """A model and its weights, as the index has them."""
    model = as_model(model)
    if model.weights is None:
        raise ModelNotFoundError(no_weights(model.name))
    return model, model.weights


def _fetch(
    model: ZooModel,
    expected: ExpectedFile,
    place: str,
    base_url: str | os.PathLike | None,
    dest: str | os.PathLike | None,
    offline: bool | None,
    progress: bool | None,
) -> Path:
    """A file of a model, from the first place that has it."""
    target = Path(dest or cache_folder()).expanduser() / expected.name
    places = [target.parent, cache_folder(), clone_folder(model)]
    found, wrong = _find(expected, list(dict.fromkeys(places)))
    if found and (dest is None or found == target):
        return found
    origin = found or _elsewhere(model, expected, place, base_url, is_offline(offline), wrong)
    # Needs packages that those who have all files do without.
    from ssvrl_mm.zoo.downloading import download

    download(origin, target, expected, progress)
    return target


def _find(expected: ExpectedFile, folders: list[Path]) -> tuple[Path | None, list[str]]:
    """The file where it is right, and what is wrong with those of its name that are not."""
    wrong: list[str] = []
    for folder in folders:
        file = folder / expected.name
        if not file.is_file():
            continue
        try:
            expected.check(file, str(file))
            return file, wrong
        except (WrongHashError, OSError) as error:
            wrong.append(str(error))
            _LOG.warning('passed over: %s', error)
    return None, wrong


def _elsewhere(
    model: ZooModel,
    expected: ExpectedFile,
    place: str,
    base_url: str | os.PathLike | None,
    offline: bool,
    wrong: list[str],
) -> Path | str:
    """Where to fetch from what is not on this machine."""
    looked = (
        f'{model.name}: {expected.name} is neither in the cache ({cache_folder()}, or '
        f'{CACHE_VARIABLE}) nor in {clone_folder(model)}'
    )
    if wrong:
        looked += f' (passed over: {"; ".join(wrong)})'
    if offline:
        raise OfflineError(f'{looked}, and this is offline mode; put the file into one of the two')
    origin = origin_of(place, base_url)
    if origin is None:
        raise WeightsNotFoundError(
            f'{looked}, and no base URL is given: --base-url (base_url=...) or {BASE_VARIABLE}, '
            'https://, http://, file:// or a folder that holds the file'
        )
    return origin
