"""Keys of a config that nothing reads, because they are misspelt."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ssvrl_mm.engine.optim import each_wrapper
from ssvrl_mm.suggestions import argument_names, did_you_mean, takes_any_argument

# What mmengine reads of a config beside the arguments of its runner, and mmaction2's tools too.
_FURTHER_KEYS = (
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'vis_backends',
)
_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# A config has variables of its own, `train_pipeline` for instance, that only look a little alike.
_LIKENESS = 0.8


class OptionsError(ValueError):
    """Something of ``--cfg-options`` is for none of the configs."""


def runner_keys() -> set[str]:
    """The top-level keys that mean something to mmengine's runner."""
    names = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}
    return {*names, *_FURTHER_KEYS}


def check_keys(cfg: Config | Mapping[str, Any]) -> list[str]:
    """Finds keys that are read by nobody and are like one that would be.

    Looks at the top level, and at the keys of the dataloaders. Variables that a config file needs
    for itself are no mistakes, so at the top level only what is like a known key counts.

    Args:
        cfg: A whole config.

    Returns:
        A message for each such key.

    Example:
        >>> check_keys(dict(model=None, train_dataloder=dict()))
        ['train_dataloder: nothing reads this key; did you mean train_dataloader?']
    """
    known = runner_keys()
    messages = []
    for key in cfg:
        meant = did_you_mean(key, known, most=1, likeness=_LIKENESS)
        if key not in known and not key.startswith('_') and meant:
            messages.append(f'{key}: nothing reads this key; {meant}')
    for loader in _DATALOADERS:
        if isinstance(cfg.get(loader), Mapping):
            messages += _unknown(cfg[loader], _dataloader_keys(), f'{loader}.')
    return messages


def check_options(cfg: Config | Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Finds options that would add a key to a config instead of changing one.

    To be called before ``cfg.merge_from_dict(options)``, which adds them in silence. An option
    may add what the runner reads (``load_from``), arguments of a class that the config names by
    ``type``, and anything to a dict without ``type``.

    Args:
        cfg: The config.
        options: What ``--cfg-options`` was given: dotted keys and values.

    Returns:
        A message for each other option.

    Example:
        >>> check_options(dict(model=dict()), {'modle.width': 2})
        ['modle.width: the config has no modle; did you mean model?']
    """
    keys = cfg._cfg_dict if isinstance(cfg, Config) else cfg
    return [message for option in options for message in _check_option(keys, option)]


def merge_options(cfgs: Sequence[Config], options: Mapping[str, Any]) -> None:
    """Applies each option to those of some configs that have what it sets.

    Args:
        cfgs: The configs, changed in place.
        options: What ``--cfg-options`` was given: dotted keys and values.

    Raises:
        OptionsError: An option is for none of them; nothing is changed then.
    """
    found: list[str] = []
    takers = []
    for key, value in options.items():
        messages = [check_options(cfg, {key: value}) for cfg in cfgs]
        takers.append([cfg for cfg, told in zip(cfgs, messages, strict=True) if not told])
        if not takers[-1]:
            found += dict.fromkeys(message for told in messages for message in told)
    if found:
        raise OptionsError('--cfg-options: ' + ', '.join(found))
    for (key, value), taking in zip(options.items(), takers, strict=True):
        for cfg in taking:
            cfg.merge_from_dict({key: value})


def _check_option(cfg: Mapping[str, Any], option: str) -> list[str]:
    at: Any = cfg
    path: list[str] = []
    for part in option.split('.'):
        if isinstance(at, (list, tuple)):
            if not part.lstrip('-').isdigit() or not -len(at) <= int(part) < len(at):
                return [f'{option}: {".".join(path)} has {len(at)} entries, and none {part!r}']
            at = at[int(part)]
        elif isinstance(at, Mapping):
            if part not in at:
                allowed = _allowed(at, path)
                if allowed is None or part in allowed:
                    return []
                where = ' in ' + '.'.join(path) if path else ''
                meant = did_you_mean(part, {*at, *allowed})
                return [f'{option}: the config has no {part}{where}' + (meant and f'; {meant}')]
            at = at[part]
        else:
            # mmengine replaces a plain value by a dict, or fails with a message of its own.
            return []
        path.append(part)
    return []


def _allowed(at: Mapping[str, Any], path: list[str]) -> set[str] | None:
    """What may be added to a dict of a config; None: anything."""
    if not path:
        return runner_keys()
    if len(path) == 1 and path[0] in _DATALOADERS:
        return _dataloader_keys()
    if 'type' in at:
        return _arguments_of(at['type'])
    if path == ['optim_wrapper'] and '' not in each_wrapper(at):
        # What is meant for an optimizer of the whole model would be taken for a further part.
        return {*at, 'constructor'}
    return None


def _arguments_of(kind: Any) -> set[str] | None:
    """The arguments of a class by its name in a config; None: anything, or nobody knows."""
    from ssvrl_mm import registry

    if isinstance(kind, str):
        registries = [r for r in vars(registry).values() if isinstance(r, registry.Registry)]
        found = [cls for cls in (_find(entry, kind) for entry in registries) if cls is not None]
    else:
        found = [kind]
    if not found or any(takes_any_argument(cls) for cls in found):
        return None
    names = {name for cls in found for name in argument_names(cls)}
    # mmengine takes the last two out of the config of an optimizer's wrapper.
    return {*names, 'type', '_scope_', 'constructor', 'paramwise_cfg'}


def _find(registry: Any, name: str) -> Any:
    try:
        return registry.get(name)
    except RuntimeError:  # a name with dots that is no module
        return None


def _dataloader_keys() -> set[str]:
    names = set(inspect.signature(DataLoader.__init__).parameters) - {'self'}
    # What mmengine's runner takes out before it makes the loader.
    return {*names, 'dataset', 'sampler', 'batch_sampler', 'num_batch_per_epoch', '_delete_'}


def _unknown(given: Iterable[str], known: set[str], prefix: str) -> list[str]:
    messages = []
    for key in given:
        if key not in known:
            meant = did_you_mean(key, known)
            messages.append(f'{prefix}{key}: nothing reads this key' + (meant and f'; {meant}'))
    return messages
