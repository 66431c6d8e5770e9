"""The model zoo: what the model index lists, and its weights.

Importing it imports neither torch nor OpenMMLab.
"""

from typing import TYPE_CHECKING, Any

from ssvrl_mm.zoo.errors import (
    AddressError,
    DownloadError,
    ModelIndexError,
    ModelNotFoundError,
    NoSpaceError,
    OfflineError,
    StorageError,
    WeightsNotFoundError,
    WrongHashError,
    ZooError,
)
from ssvrl_mm.zoo.fetching import fetch_log, fetch_weights
from ssvrl_mm.zoo.index import ZooModel, find_model, list_models
from ssvrl_mm.zoo.loading import load_model

if TYPE_CHECKING:
    from ssvrl_mm.zoo.backbones import load_backbone

__all__ = [
    'AddressError',
    'DownloadError',
    'ModelIndexError',
    'ModelNotFoundError',
    'NoSpaceError',
    'OfflineError',
    'StorageError',
    'WeightsNotFoundError',
    'WrongHashError',
    'ZooError',
    'ZooModel',
    'fetch_log',
    'fetch_weights',
    'find_model',
    'list_models',
    'load_backbone',
    'load_model',
]


def __getattr__(name: str) -> Any:
    """Imports :func:`load_backbone`, and torch with it, on first use."""
    if name != 'load_backbone':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from ssvrl_mm.zoo.backbones import load_backbone

    return load_backbone
