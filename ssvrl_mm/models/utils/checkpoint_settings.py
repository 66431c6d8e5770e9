"""What a checkpoint says of the networks that its weights belong to, and whether they are these.

BatchNorm's epsilon changes features and is not among the weights: a network with another one takes
them without a word.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssvrl_mm.config_text import literal_settings
from ssvrl_mm.models.utils.registered import registered_network
from ssvrl_mm.models.utils.weights import WeightsError

# A stream's network, or its momentum copy, in a checkpoint of ours.
_OF_STREAM = re.compile(r'(?:key_)?backbone_(\w+?)\.(?:module\.)?')


def backbone_settings(checkpoint: Any, prefix: str = 'backbone.') -> dict[str, Any] | None:
    """The config of a backbone in a checkpoint.

    Args:
        checkpoint: The content of a file: a converted one has the config in ``meta['backbone']``,
            one that a run has saved has the text of the run's config in ``meta['cfg']``. The text
            is read, not run.
        prefix: What the names of the backbone's weights start with.

    Returns:
        The config; None where the checkpoint does not tell.
    """
    meta = _meta(checkpoint)
    if isinstance(meta.get('backbone'), Mapping):
        return dict(meta['backbone'])
    return backbone_of(model_settings(checkpoint), prefix)


def model_settings(checkpoint: Any) -> dict[str, Any] | None:
    """The config of the recognizer that a run has saved in a checkpoint.

    Args:
        checkpoint: The content of a file, with the text of the run's config in ``meta['cfg']``.
            The text is read, not run.

    Returns:
        The config; None where the checkpoint does not tell.
    """
    text = _meta(checkpoint).get('cfg')
    model = literal_settings(text, ('model',)).get('model') if isinstance(text, str) else None
    return dict(model) if isinstance(model, Mapping) else None


def _meta(checkpoint: Any) -> Mapping[str, Any]:
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def backbone_of(model: Any, prefix: str) -> dict[str, Any] | None:
    """The config of a backbone in that of its recognizer.

    Args:
        model: Config of a recognizer.
        prefix: What the names of the backbone's weights start with.

    Returns:
        The config; None where there is none.
    """
    if not isinstance(model, Mapping):
        return None
    stream = _OF_STREAM.fullmatch(prefix)
    if stream:
        backbones = model.get('backbones')
        config = backbones.get(stream[1]) if isinstance(backbones, Mapping) else None
    else:
        config = model.get('backbone') if prefix in ('', 'backbone.') else None
    return dict(config) if isinstance(config, Mapping) else None


def check_norm_eps(module: nn.Module, checkpoint: Any, source: str, prefix: str = '') -> None:
    """Checks that the backbones of a module have the epsilon that their weights belong to.

    Args:
        module: A backbone, or a recognizer with a ``backbone`` or with one per stream.
        checkpoint: The content of the file that its weights come from.
        source: The file, for the message.
        prefix: What the names of the module's weights start with there.

    Raises:
        WeightsError: The checkpoint says that it is another one.
    """
    parts = [part for part in module.named_children() if part[0].startswith('backbone')]
    for name, part in parts:
        check_norm_eps(part, checkpoint, source, f'{prefix}{name}.')
    wanted = None if parts else _norm_eps(backbone_settings(checkpoint, prefix))
    found = {layer.eps for layer in module.modules() if isinstance(layer, _BatchNorm)}
    if wanted is not None and found and found != {wanted}:
        raise WeightsError(
            f'{source}: the weights {f"under {prefix!r} " if prefix else ""}belong to a network '
            f'with norm_eps={wanted}, and {type(module).__name__} has {min(found)}: its features '
            f'would be others. Set norm_eps={wanted} in the config of the backbone'
        )


def _norm_eps(settings: Mapping[str, Any] | None) -> float | None:
    """The epsilon in a config, or the default of the network that it names."""
    if settings is None:
        return None
    network = registered_network(settings.get('type'))
    argument = inspect.signature(network).parameters.get('norm_eps') if network else None
    value = settings.get('norm_eps', argument.default) if argument else None
    return float(value) if isinstance(value, int | float) else None
