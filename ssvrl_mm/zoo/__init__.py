"""The model zoo: what the model index lists. Needs neither torch nor OpenMMLab to be imported."""

from ssvrl_mm.zoo.index import (
    ModelIndexError,
    ModelNotFoundError,
    ZooModel,
    find_model,
    list_models,
)

__all__ = ['ModelIndexError', 'ModelNotFoundError', 'ZooModel', 'find_model', 'list_models']
