"""Which file belongs to a model, and whether a file is that one."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ssvrl_mm.zoo.errors import ModelIndexError, WrongHashError
from ssvrl_mm.zoo.index import ZooModel

# One name, without folders, that ends in the first digits of what it holds.
_NAME = re.compile(r'\w[\w.+-]*-([0-9a-f]{8})\.(?:pth|safetensors)', re.ASCII)
_SHA256 = re.compile(r'[0-9a-f]{64}')
# Of a log, whose name ends in the digits of the weights that it is of.
_LOG_NAME = re.compile(r'\w[\w.+-]*\.json', re.ASCII)
# Bytes of the largest file where the index does not say how large its file is.
_MOST = 2 * 10**9


def sha256_of(file: str | Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with open(file, 'rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


@dataclass(frozen=True)
class ExpectedFile:
    """A file of a model: its weights, or the log of their training.

    Attributes:
        name: Its name, without folders.
        sha256: How its SHA-256 begins, of weights at least the 8 digits that the name ends in.
        size: How many bytes it has; None where the index does not say.
    """

    name: str
    sha256: str
    size: int | None = None

    @property
    def most(self) -> int:
        """How many bytes it may have."""
        return _MOST if self.size is None else self.size

    @classmethod
    def of(cls, model: ZooModel) -> 'ExpectedFile':
        """What the index says of a model that has weights.

        Raises:
            ModelIndexError: The name would leave its folder or does not end in the digits, or
                these are not the beginning of the SHA-256, or its size is none.
        """
        weights = model.weights or ''
        name = weights
        if '://' in weights:
            name = unquote(urlsplit(weights).path).removeprefix('/').rpartition('/')[2]
        match = _NAME.fullmatch(name)
        if match is None:
            raise ModelIndexError(
                f'{model.name}: Weights: {weights!r} has to be a URL or a name without folders, '
                'that ends in - and the first 8 digits of its SHA-256, .pth or .safetensors'
            )
        size = model.metadata.get('Weights Bytes')
        if size is not None and (type(size) is not int or size < 1):
            raise ModelIndexError(
                f'{model.name}: Weights Bytes: {size!r} has to be the size of {name} in bytes'
            )
        if model.sha256 is None:
            return cls(name, match[1], size)
        if not _SHA256.fullmatch(str(model.sha256)) or not model.sha256.startswith(match[1]):
            raise ModelIndexError(
                f'{model.name}: Weights SHA-256: {model.sha256!r} has to be 64 hexadecimal digits, '
                f'small letters, that begin with the {match[1]} of {name}'
            )
        return cls(name, model.sha256, size)

    @classmethod
    def of_log(cls, model: ZooModel) -> 'ExpectedFile':
        """What the index says of the log of a model that names one.

        Raises:
            ModelIndexError: The name would leave its folder, or the SHA-256 is none or missing.
        """
        name, sha256 = str(model.log), model.metadata.get('Log SHA-256')
        if not _LOG_NAME.fullmatch(name):
            raise ModelIndexError(
                f'{model.name}: Log: {name!r} has to be a name without folders that ends in .json'
            )
        if sha256 is None:
            raise ModelIndexError(
                f'{model.name}: the index has no SHA-256 of {name} (Log SHA-256), and what cannot '
                'be checked is not fetched; it lies beside the weights'
            )
        if not _SHA256.fullmatch(str(sha256)):
            raise ModelIndexError(
                f'{model.name}: Log SHA-256: {sha256!r} has to be 64 hexadecimal digits, small '
                'letters'
            )
        return cls(name, str(sha256))

    def fits(self, file: Path) -> bool:
        """Whether a file that is there has the hash."""
        return sha256_of(file).startswith(self.sha256)

    def check(self, file: Path, source: str) -> None:
        """Checks a file against the hash.

        Args:
            file: The file.
            source: What to call it in the message.

        Raises:
            WrongHashError: It is another one.
        """
        found = sha256_of(file)
        if not found.startswith(self.sha256):
            raise WrongHashError(
                f'{source}: not the file that the index lists: its {file.stat().st_size} bytes '
                f'have the SHA-256 {found}, instead of {self.sha256}'
                f'{"..." if len(self.sha256) < len(found) else ""}'
            )
