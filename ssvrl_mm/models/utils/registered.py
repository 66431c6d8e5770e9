"""Networks from configs that came with weights: nothing but registered classes is ever built.

OpenMMLab's registries import whatever a dotted ``type`` names. A config of one's own may do that; a
file from elsewhere would run code.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ssvrl_mm.models import standalone
from ssvrl_mm.models.foundation import MODELS
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.suggestions import did_you_mean

_SCOPES = ('ssvrl_mm.', 'mmaction.')
# What mmengine would initialise by, and the registry that it would look in.
_LEFT_OUT = ('init_cfg', '_scope_')


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
    registry: Any = MODELS
    found = None
    while registry is not None and found is None:
        registry.import_from_location()
        found = registry.module_dict.get(_plain(kind))
        registry = registry.parent
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
    arguments = _checked(settings, source)
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


def _checked(node: Any, source: str) -> Any:
    """A copy of a config in which every type is a registered one."""
    if isinstance(node, list | tuple):
        return type(node)(_checked(part, source) for part in node)
    if not isinstance(node, Mapping):
        return node
    if 'type' in node and registered_network(node['type']) is None:
        raise _unknown(node['type'], source)
    return {key: _checked(part, source) for key, part in node.items() if key not in _LEFT_OUT}


def _unknown(kind: Any, source: str) -> Exception:
    name = _plain(kind) if isinstance(kind, str) else ''
    meant = did_you_mean(name, MODELS.module_dict)
    if isinstance(MODELS, standalone.Registry) and name.isidentifier():
        return standalone.OpenMMLabMissingError(f'{source}: {standalone.not_alone(name, MODELS)}')
    return NetworkConfigError(
        f'{source}: type={kind!r} is no network that is registered' + (meant and f'; {meant}')
    )


def _plain(name: str) -> str:
    for scope in _SCOPES:
        name = name.removeprefix(scope)
    return name
