"""Where the files of models are looked for."""

import os
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from ssvrl_mm.packaged_files import packaged_folder
from ssvrl_mm.zoo.errors import AddressError
from ssvrl_mm.zoo.index import ZooModel

CACHE_VARIABLE = 'SSVRL_MM_CACHE'
BASE_VARIABLE = 'SSVRL_MM_ZOO'
OFFLINE_VARIABLE = 'SSVRL_MM_OFFLINE'


def cache_folder() -> Path:
    """The folder that downloaded files are kept in.

    That is ``SSVRL_MM_CACHE``, or ``ssvrl_mm/checkpoints`` in ``XDG_CACHE_HOME`` (an absolute
    path) or in ``~/.cache``. It need not be there.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    caches = Path(os.environ.get('XDG_CACHE_HOME', ''))
    # A relative one is to be ignored, as the XDG Base Directory Specification has it.
    caches = caches if caches.is_absolute() else Path('~/.cache').expanduser()
    return caches / 'ssvrl_mm' / 'checkpoints'


def clone_folder(model: ZooModel) -> Path:
    """The folder ``checkpoints`` of the clone that a model's index is in. It need not be there."""
    # Of an editable installation, the index beside the package is a link into the clone.
    index = (model.folder or packaged_folder()) / 'model-index.yml'
    return index.resolve().parent / 'checkpoints'


def is_offline(wanted: bool | None = None) -> bool:
    """Whether only this machine may be asked: as wanted, or as ``SSVRL_MM_OFFLINE`` says."""
    if wanted is not None:
        return wanted
    return os.environ.get(OFFLINE_VARIABLE, '').lower() not in ('', '0', 'false', 'no', 'off')


def origin_of(weights: str, base_url: str | os.PathLike | None = None) -> Path | str | None:
    """Where to fetch a file from that is not on this machine yet.

    Args:
        weights: Its name, or its URL, which is taken as it is.
        base_url: A folder or the URL of one; None: ``SSVRL_MM_ZOO``.

    Returns:
        A path, an ``http(s)://`` URL, or None if no place is known.

    Raises:
        AddressError: It is none of these.
    """
    if '://' in weights:
        return _address(weights)
    base = os.fspath(base_url or os.environ.get(BASE_VARIABLE, ''))
    if not base:
        return None
    folder = _address(base)
    path = folder if isinstance(folder, Path) else PurePosixPath(urlsplit(folder).path)
    if path.suffix in ('.pth', '.safetensors') and not (path == folder and folder.is_dir()):
        raise AddressError(
            f'{shown(folder)}: the base URL is that of a folder, to which the name of the file is '
            f'added; leave out {path.name}'
        )
    if isinstance(folder, Path):
        return folder / weights
    # What follows a question mark, such as a signature, belongs to each file.
    parts = urlsplit(folder)
    return parts._replace(path=f'{parts.path.rstrip("/")}/{quote(weights)}').geturl()


def beside(weights: str, name: str) -> str:
    """Where a file of this name is that lies beside the weights of a model.

    Args:
        weights: As :func:`origin_of` takes them, a name or a URL.
        name: Of the other file.

    Example:
        >>> beside('https://host/models/one-1a2b3c4d.pth', 'one.log.json')
        'https://host/models/one.log.json'
    """
    if '://' not in weights:
        return name
    parts = urlsplit(weights)
    return parts._replace(path=f'{parts.path.rpartition("/")[0]}/{quote(name)}').geturl()


def shown(origin: Path | str) -> str:
    """A path or URL as messages have it: without what follows a question mark, often a secret."""
    return str(origin) if isinstance(origin, Path) else origin.partition('?')[0]


def _address(text: str) -> Path | str:
    if '://' not in text:
        return Path(text).expanduser()
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise AddressError(f'{shown(text)}: no URL ({error})') from None
    if parts.scheme in ('http', 'https') and parts.hostname and '@' not in parts.netloc:
        return text
    if parts.scheme == 'file' and parts.netloc in ('', 'localhost'):
        return Path(url2pathname(parts.path))
    # A name and password before the @ are not repeated.
    host = parts.netloc.rpartition('@')[2]
    raise AddressError(
        f'{parts.scheme}://{host}{parts.path}: models come from https://HOST/..., http://HOST/..., '
        'file:///... or a folder, without a user name in front of the host'
    )
