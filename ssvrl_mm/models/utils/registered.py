"""Networks from configs that came with weights: nothing but registered classes is ever built.

OpenMMLab's registries import whatever a dotted ``type`` names. A config of one's own may do that; a
file from elsewhere would run code.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from ssvrl_mm.models import standalone
from ssvrl_mm.models.foundation import MODELS
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.suggestions import did_you_mean

_SCOPES = ('ssvrl_mm.', 'mmaction.')
# What mmengine would initialise by, and the registry that it would look in.
_LEFT_OUT = ('init_cfg', '_scope_')
# What is built: the second is what a retrieval dataset builds its two parts of.
_TYPES = ('type', 'dataset_type')
# A file that its class would unpickle, or an address.
_WEIGHTS = ('pretrained',)


class NetworkConfigError(WeightsError):
    """The config of a network is none that a file may bring; the message says what is wrong."""


def registered_network(kind: Any) -> type[nn.Module] | None:
    """The network that is registered under a name; nothing is imported by it.

    Args:
        kind: A name, with or without ``ssvrl_mm.`` or ``mmaction.``.

    Returns:
        The class; None for another name, dotted paths among them.
    """
    if not isinstance(kind, str):
        return None
    found = _entry(MODELS, _plain(kind))
    return found if isinstance(found, type) and issubclass(found, nn.Module) else None


def build_registered(settings: Any, source: str = 'config') -> Any:
    """A network with new weights, whatever its config says of initial ones.

    Args:
        settings: Config of the network: ``type``, a registered name, and the arguments of its
            class. So in the configs of its parts.
        source: Where the config comes from, for messages.

    Raises:
        NetworkConfigError: There is no ``type``, it is not registered, or the class does not take
            the arguments.
        OpenMMLabMissingError: Torch is alone and has no such network.
    """
    if not isinstance(settings, Mapping) or 'type' not in settings:
        raise NetworkConfigError(
            f'{source}: the config of a network has to have a type, got {settings!r}'
        )
    arguments = _checked(
        settings, lambda kind: registered_network(kind) is not None, source, _LEFT_OUT
    )
    name = arguments.pop('type')
    network: Any = registered_network(name)
    try:
        return network(**arguments)
    except standalone.OpenMMLabMissingError:
        raise
    except Exception as error:  # whatever a class says of arguments that it does not take
        raise NetworkConfigError(
            f'{source}: {name} cannot be built of what its config says ({type(error).__name__}: '
            f'{error})'
        ) from error


def registered_config(settings: Any, registries: Iterable[Any], source: str = 'config') -> Any:
    """A copy of a config from elsewhere that runs nothing but what is registered.

    Args:
        settings: Config of anything: models, datasets, pipelines, at any depth.
        registries: Where its types may be.
        source: Where the config comes from, for messages.

    Returns:
        The config without initial weights and without the registries that it asks for.

    Raises:
        NetworkConfigError: A type is not registered under a plain name.

    Example:
        >>> from ssvrl_mm.registry import TRANSFORMS
        >>> registered_config([dict(type='PackSSLInputs', _scope_='x')], [TRANSFORMS])
        [{'type': 'PackSSLInputs'}]
    """
    known = tuple(registries)

    def is_known(kind: Any) -> bool:
        name = _plain(kind, (*_SCOPES, 'mmengine.')) if isinstance(kind, str) else ''
        return name.isidentifier() and any(_entry(each, name) is not None for each in known)

    return _checked(settings, is_known, source, (*_LEFT_OUT, *_WEIGHTS), _unregistered)


def _unregistered(kind: Any, source: str) -> Exception:
    return NetworkConfigError(
        f'{source}: type={kind!r} is not registered, and nothing else of a config from elsewhere '
        'is run'
    )


def _entry(registry: Any, name: str) -> Any:
    """What a registry, or one above it, has under a plain name; nothing is imported by it."""
    found = None
    while registry is not None and found is None:
        registry.import_from_location()
        found = registry.module_dict.get(name)
        registry = registry.parent
    return found


def _unknown(kind: Any, source: str) -> Exception:
    name = _plain(kind) if isinstance(kind, str) else ''
    meant = did_you_mean(name, MODELS.module_dict)
    if isinstance(MODELS, standalone.Registry) and name.isidentifier():
        return standalone.OpenMMLabMissingError(f'{source}: {standalone.not_alone(name, MODELS)}')
    return NetworkConfigError(
        f'{source}: type={kind!r} is no network that is registered' + (meant and f'; {meant}')
    )


def _checked(
    node: Any,
    is_known: Callable[[Any], bool],
    source: str,
    left_out: tuple[str, ...],
    unknown: Callable[[Any, str], Exception] = _unknown,
) -> Any:
    """A copy of a config in which every type is a known one."""
    if isinstance(node, list | tuple):
        return type(node)(_checked(part, is_known, source, left_out, unknown) for part in node)
    if not isinstance(node, Mapping):
        return node
    for key in _TYPES:
        if key in node and not is_known(node[key]):
            raise unknown(node[key], source)
    return {
        key: _checked(part, is_known, source, left_out, unknown)
        for key, part in node.items()
        if key not in left_out
    }


def _plain(name: str, scopes: tuple[str, ...] = _SCOPES) -> str:
    for scope in scopes:
        name = name.removeprefix(scope)
    return name
