"""Opens what files are fetched from: another file, or a server, which may go on from the middle."""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ssvrl_mm.version import __version__
from ssvrl_mm.zoo.errors import AddressError, DownloadError, WeightsNotFoundError
from ssvrl_mm.zoo.places import shown

# Seconds in which a server has to begin to answer, and to go on.
_TIMEOUT = 30.0
_NOT_THERE = (404, 410)
_PASSING = (408, 425, 429)


class BrokenOffError(Exception):
    """A server, or the way to it, failed as it may not the next time."""


class RangeRefusedError(Exception):
    """A server does not go on from where it was asked to."""


class Content(NamedTuple):
    """What comes.

    Attributes:
        read: Gives at most so many bytes, none at the end; raises ``BrokenOffError``, or
            ``DownloadError`` where another attempt would not help.
        start: At which byte of the file it begins.
        length: How many bytes are to come; None where nobody says.
    """

    read: Callable[[int], bytes]
    start: int
    length: int | None


def open_origin(origin: Path | str, start: int = 0) -> AbstractContextManager[Content]:
    """Opens a file, or what a URL leads to: see :func:`open_file` and :func:`open_url`."""
    return open_file(origin, start) if isinstance(origin, Path) else open_url(origin, start)


@contextmanager
def open_file(file: Path, start: int = 0) -> Iterator[Content]:
    """A file from a byte on.

    Raises:
        WeightsNotFoundError: There is none.
        DownloadError: It cannot be read.
    """
    try:
        source = open(file, 'rb')  # noqa: SIM115 - an error in what writes it is not one of reading
        length = os.fstat(source.fileno()).st_size - source.seek(start)
    except FileNotFoundError:
        raise WeightsNotFoundError(f'there is no file {file}') from None
    except OSError as error:
        raise DownloadError(f'{file}: cannot be read ({error.strerror})') from error

    def read(size: int) -> bytes:
        try:
            return source.read(size)
        except OSError as error:
            raise DownloadError(f'{file}: cannot be read ({error.strerror})') from error

    with source:
        yield Content(read, start, length)


@contextmanager
def open_url(url: str, start: int = 0) -> Iterator[Content]:
    """A file of a server from a byte on, or as a whole where the server does not heed that.

    Args:
        url: ``http(s)://...``
        start: The byte.

    Raises:
        BrokenOffError: Another attempt may succeed.
        RangeRefusedError: The server gives another part than the one from ``start``.
        WeightsNotFoundError: It has no such file.
        DownloadError: It does not give it.
        AddressError: The URL is none.
    """
    headers = {'User-Agent': f'ssvrl_mm/{__version__}'}
    if start:
        headers['Range'] = f'bytes={start}-'
    with _answer(url, headers) as response:

        def read(size: int) -> bytes:
            try:
                return response.read1(size)
            except (OSError, HTTPException) as error:
                raise BrokenOffError(f'the connection broke off ({_reason(error)})') from error

        yield Content(read, _first_byte(response, start, url), response.length)


def _answer(url: str, headers: dict[str, str]) -> HTTPResponse:
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()
        answer = f'the server answers {error.code} {_told(error.reason)}'
        if error.code == 416 and 'Range' in headers:
            raise RangeRefusedError(answer) from None
        if error.code in _NOT_THERE:
            raise WeightsNotFoundError(f'{shown(url)}: not there, {answer}') from None
        if error.code in _PASSING or error.code >= 500:
            raise BrokenOffError(answer) from None
        raise DownloadError(f'{shown(url)}: {answer}') from None
    except (InvalidURL, ValueError) as error:
        raise AddressError(f'{shown(url)}: no URL ({_told(error)})') from None
    except (OSError, HTTPException) as error:
        if isinstance(getattr(error, 'reason', None), ssl.SSLCertVerificationError):
            raise DownloadError(
                f'{shown(url)}: the server is not trusted ({_told(error)})'
            ) from error
        raise BrokenOffError(f'the server cannot be reached ({_reason(error)})') from error
    if not isinstance(response, HTTPResponse):
        response.close()
        raise DownloadError(f'{shown(url)}: the server leads to what is not http(s)://')
    return response


def _first_byte(response: HTTPResponse, wanted: int, url: str) -> int:
    """At which byte an answer begins."""
    if response.status == 200:
        return 0
    given = response.headers.get('Content-Range')
    said = _told(f'{response.status} {response.reason}, Content-Range: {given}')
    answer = f'the server answers {said}'
    match = re.match(r'bytes (\d+)-', given or '')
    if response.status == 206 and match and int(match[1]) == wanted:
        return wanted
    if wanted:
        raise RangeRefusedError(answer)
    raise DownloadError(f'{shown(url)}: {answer}')


def _reason(error: Exception) -> str:
    if isinstance(error, URLError):
        return _told(error.reason)
    return _told(error) or type(error).__name__


def _told(words: object) -> str:
    """What a server says, or whoever answers in its place: short, and without control codes."""
    text = str(words)[:200]
    return text if text.isprintable() else repr(text)
