"""The model zoo: what the model index lists, and its weights.

Importing it imports neither torch nor OpenMMLab.
"""

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
from ssvrl_mm.zoo.fetching import fetch_weights
from ssvrl_mm.zoo.index import ZooModel, find_model, list_models
from ssvrl_mm.zoo.loading import load_model

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
    'fetch_weights',
    'find_model',
    'list_models',
    'load_model',
]
