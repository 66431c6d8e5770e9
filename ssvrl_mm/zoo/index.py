"""The models that a model index lists, by name: those with weights, and the recipes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, NamedTuple

import yaml

from ssvrl_mm.packaged_files import packaged_folder
from ssvrl_mm.suggestions import did_you_mean
from ssvrl_mm.zoo.errors import ModelIndexError, ModelNotFoundError


class ZooModel(NamedTuple):
    """A model of an index.

    Attributes:
        name: Its name.
        config: Its config file.
        weights: Name or URL of its file; None for a recipe, which nobody has trained for the zoo.
        aliases: Its other names.
        sha256: SHA-256 of the file, 64 hexadecimal digits; None where the index does not say.
        log: Name of the log of its training, a file beside the weights; None where there is none.
        metadata: What the index says of network, data and training.
        results: What it says of figures: a task, a data set and its metrics each.
        collection: Name of its method.
        folder: The folder of the index, whose ``checkpoints`` may hold the file.
    """

    name: str
    config: Path
    weights: str | None = None
    aliases: tuple[str, ...] = ()
    sha256: str | None = None
    log: str | None = None
    metadata: Mapping[str, Any] = MappingProxyType({})
    results: Sequence[Mapping[str, Any]] = ()
    collection: str | None = None
    folder: Path | None = None

    def __repr__(self) -> str:
        """One line: a shell shows all that :func:`list_models` gives."""
        return f'ZooModel({self.name!r}, config={self.config.name!r}, weights={self.weights!r})'


def list_models(*, recipes: bool = False, index: str | Path | None = None) -> dict[str, ZooModel]:
    """The models of an index that have weights, or those that have none.

    Args:
        recipes: Whether to give the models without weights, and only those: configs that nobody has
            trained for the zoo.
        index: A ``model-index.yml``; None: the one that the package brings along.

    Returns:
        Name, or alias -> model.

    Raises:
        ModelIndexError: The index cannot be read.

    Example:
        >>> list_models(recipes=True)['mvcgc_s3d_ucf101'].config.name
        's3d_ucf101.py'
    """
    models = _all_models(index)
    return {name: model for name, model in models.items() if (model.weights is None) == recipes}


def find_model(name: str, need_weights: bool = True, index: str | Path | None = None) -> ZooModel:
    """A model by its name.

    Args:
        name: Name or alias.
        need_weights: Whether a model without a published checkpoint will not do.
        index: See :func:`list_models`.

    Raises:
        ModelNotFoundError: The name is unknown, or weights are needed and there are none; the
            message names what is like it, and what has weights.
        ModelIndexError: The index cannot be read.
    """
    models = _all_models(index)
    published = ', '.join(sorted({m.name for m in models.values() if m.weights})) or 'none'
    if name not in models:
        meant = did_you_mean(name, models)
        raise ModelNotFoundError(
            f'{name[:200]!r} is no model of the index; {meant}{" " if meant else ""}models with '
            f'weights: {published}; list_models(recipes=True) has the rest'
        )
    if need_weights and models[name].weights is None:
        raise ModelNotFoundError(f'{no_weights(name)} (models that have one: {published})')
    return models[name]


def as_model(model: str | ZooModel, need_weights: bool = True) -> ZooModel:
    """A model that is given, or named.

    Args:
        model: A model, or its name or alias in the index of the package.
        need_weights: See :func:`find_model`, which tells the errors of a name.

    Raises:
        TypeError: It is neither, a path for instance.
    """
    if isinstance(model, ZooModel):
        return model
    if not isinstance(model, str):
        raise TypeError(
            f'a model of the zoo is given by its name, got a {type(model).__name__}: {model!r}; '
            'ssvrl_mm.zoo.backbones.read_backbone(path) reads a file'
        )
    return find_model(model, need_weights)


def no_weights(name: str) -> str:
    """What to say of a model without weights, and how to come by them."""
    return (
        f'{name!r} is a recipe: it has no published checkpoint; train it: python '
        f'tools/model_zoo/reproduce.py {name}'
    )


def _all_models(index: str | Path | None) -> dict[str, ZooModel]:
    file = Path(index) if index is not None else packaged_folder() / 'model-index.yml'
    models: dict[str, ZooModel] = {}
    for metafile in _entry(_read(file), 'Import', list, file):
        place = file.parent / str(metafile)
        for entry in _entry(_read(place), 'Models', list, place, []):
            for name, model in _named(entry, file.parent, place):
                if name in models:
                    raise ModelIndexError(f'{place}: another model is called {name!r}, too')
                models[name] = model
    return models


def _named(entry: Any, folder: Path, place: Path) -> Iterator[tuple[str, ZooModel]]:
    """A model of a metafile under each of its names."""
    name = _entry(entry, 'Name', str, place)
    where = f'{place}: {name}'
    alias = _entry(entry, 'Alias', str | list, where, [])
    aliases = (alias,) if isinstance(alias, str) else tuple(alias)
    metadata = _entry(entry, 'Metadata', dict, where, {})
    model = ZooModel(
        name,
        folder / _entry(entry, 'Config', str, where),
        _entry(entry, 'Weights', str, where, None),
        aliases,
        _entry(metadata, 'Weights SHA-256', str, where, None),
        _entry(metadata, 'Log', str, where, None),
        metadata,
        _entry(entry, 'Results', list, where, []),
        entry.get('In Collection'),
        folder,
    )
    return ((known, model) for known in (name, *aliases))


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelIndexError(f'{file}: cannot be read ({error})') from error
    if not isinstance(content, dict):
        raise ModelIndexError(f'{file}: has to hold keys with values, as model-index.yml does')
    return content


def _entry(
    content: Any, key: str, kind: type | UnionType, place: str | Path, absent: Any = ...
) -> Any:
    """A value of a certain kind; where there is none, ``absent`` if that is given."""
    value = content.get(key) if isinstance(content, dict) else None
    if value is None and absent is not ...:
        return absent
    if not isinstance(value, kind):
        name = getattr(kind, '__name__', str(kind))
        raise ModelIndexError(f'{place}: {key} has to be a {name}, got {value!r}')
    return value
