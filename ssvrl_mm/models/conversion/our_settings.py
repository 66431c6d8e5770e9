"""What of a network changes its features and is not among its weights."""

import inspect
from collections.abc import Mapping
from typing import Any

from ssvrl_mm.models.utils.checkpoint_settings import backbone_of, backbone_settings
from ssvrl_mm.registry import MODELS

# Arguments that leave the features of a trained network as they are.
_HARMLESS = {'init_cfg', 'frozen_stages', 'norm_eval', 'norm_momentum', 'zero_init_residual'}
# The stages that are returned: that those of the other library are there, the weights show.
_HARMLESS.add('out_indices')


def config_of_backbone(content: Any, prefix: str, config: str | None) -> dict[str, Any] | None:
    """The config of a backbone, of a config file or as its checkpoint tells it.

    Args:
        content: The checkpoint.
        prefix: What the names of its weights start with there, in our terms.
        config: A config file; None: the checkpoint has to tell.
    """
    if config is None:
        return backbone_settings(content, prefix)
    from mmengine.config import Config

    return backbone_of(Config.fromfile(config).get('model'), prefix)


def unlike_ours(settings: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[str]:
    """What of the config of a backbone of ours is not as another library has it, in words.

    Args:
        settings: Its config; None where nobody knows it.
        wanted: The config that the other library's network corresponds to.
    """
    if settings is None:
        return ['the file does not tell the config of its backbone']
    if str(settings.get('type')).split('.')[-1] != wanted['type']:
        return [f'the backbone is {settings.get("type")}, not {wanted["type"]}']
    network = MODELS.get(wanted['type'])
    assert network is not None
    differing = []
    for name, argument in inspect.signature(network).parameters.items():
        if name in _HARMLESS:
            continue
        has, wants = (_tuple(c.get(name, argument.default)) for c in (settings, wanted))
        if has != wants:
            differing.append(f'{name}={has} (there it is {wants})')
    return differing


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
