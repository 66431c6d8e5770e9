"""The models that the model index lists, by name."""

from pathlib import Path
from typing import NamedTuple

import yaml

from ssvrl_mm.packaged_files import packaged_folder


class ModelNotFoundError(ValueError):
    """A name that the model index does not list, or lists without weights."""


class ZooModel(NamedTuple):
    """A model of the index.

    Attributes:
        name: Its name.
        config: Its config file.
        weights: Path or URL of its checkpoint; None as long as there is none.
    """

    name: str
    config: Path
    weights: str | None


def list_models(index: str | Path | None = None) -> dict[str, ZooModel]:
    """Every model of a model index.

    Args:
        index: A ``model-index.yml``; None: the one that the package brings along.

    Returns:
        Name, or alias -> model.

    Example:
        >>> list_models()['mvcgc_demo'].config.name
        'demo.py'
    """
    file = Path(index) if index is not None else packaged_folder() / 'model-index.yml'
    models = {}
    for metafile in yaml.safe_load(file.read_text(encoding='utf-8'))['Import']:
        content = yaml.safe_load((file.parent / metafile).read_text(encoding='utf-8'))
        for entry in content.get('Models', ()):
            alias = entry.get('Alias', [])
            for name in [entry['Name'], *([alias] if isinstance(alias, str) else alias)]:
                config = file.parent / entry['Config']
                models[name] = ZooModel(name, config, entry.get('Weights') or None)
    return models


def find_model(name: str, need_weights: bool = True, index: str | Path | None = None) -> ZooModel:
    """A model by its name.

    Args:
        name: Name or alias.
        need_weights: Whether a model without a published checkpoint will not do.
        index: See :func:`list_models`.

    Raises:
        ModelNotFoundError: The name is unknown, or weights are needed and there are none; the
            message lists what there is.
    """
    models = list_models(index)
    if name not in models:
        raise ModelNotFoundError(
            f'{name!r} is neither a config file nor a model of the index, which lists '
            f'{", ".join(sorted(models))}'
        )
    if need_weights and models[name].weights is None:
        published = sorted(model.name for model in models.values() if model.weights)
        there = f'those with one are {", ".join(published)}' if published else 'no model has one'
        raise ModelNotFoundError(
            f'{name!r} has no published checkpoint yet ({there}); give the file of a training of '
            f'your own as weights. The index lists {", ".join(sorted(models))}'
        )
    return models[name]
