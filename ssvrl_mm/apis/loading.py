"""Models for inference from config and checkpoint, sure to carry the checkpoint's weights."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader

import ssvrl_mm  # noqa: F401 - arranges the workarounds for upstream defects
from ssvrl_mm import config_files
from ssvrl_mm.engine.config_checks import merge_options
from ssvrl_mm.models.utils.weights import load_weights, named_weights
from ssvrl_mm.registry import MODELS
from ssvrl_mm.zoo.local_checkpoint import local_checkpoint


def read_config(config: str | os.PathLike | Config) -> Config:
    """A config from its file, or a copy of one; its default scope is entered.

    Raises:
        ConfigReadError: There is no such file, or it is no config.
    """
    cfg = config.copy() if isinstance(config, Config) else config_files.read_config(config)
    init_default_scope(cfg.get('default_scope', 'ssvrl_mm'))
    return cfg


def read_configs(
    configs: Sequence[str | os.PathLike | Config], options: Mapping[str, Any]
) -> list[Config]:
    """Configs, each option set in those that have what it sets.

    Args:
        configs: Of models that are compared, or one.
        options: What ``--cfg-options`` was given: dotted keys and values.

    Raises:
        OptionsError: An option is for none of them.
    """
    cfgs = [read_config(config) for config in configs]
    merge_options(cfgs, options)
    return cfgs


def init_model(
    config: Config,
    checkpoint: str | os.PathLike | None,
    device: str | None = None,
    training_too: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Builds a model for inference and loads its weights, with ``weights_only=True``.

    Every weight that inference uses must be there: a random network would give figures too, but
    meaningless ones.

    Args:
        config: Config with ``model``.
        checkpoint: File, URL, or name of a model of the zoo; None: random weights that follow from
            the config's seed, for comparison.
        device: Where the model goes; by default a CUDA device if there is one.
        training_too: Whether the weights that only training uses, pretext heads, must be there too.

    Returns:
        The model in evaluation mode, and the ``meta`` of the checkpoint.

    Raises:
        WeightsError: Some of these weights are missing or differ in shape.
        FileNotFoundError: There is no such checkpoint.
        ZooError: It cannot be fetched, or no model of the zoo is called so.
    """
    model = build_model(config, initialise=checkpoint is None)
    meta: dict[str, Any] = {}
    if checkpoint is not None:
        loaded = CheckpointLoader.load_checkpoint(local_checkpoint(checkpoint), map_location='cpu')
        meta = loaded.get('meta', {}) if isinstance(loaded, Mapping) else {}
        name = str(checkpoint)
        load_weights(
            model,
            named_weights(loaded, name),
            name,
            ignore=() if training_too else getattr(model, 'training_only', ()),
            allow_left_over=True,
        )
    if device is None:
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return model.to(device).eval(), meta


def build_model(config: Config, initialise: bool = False) -> Any:
    """Builds a model, whose random weights follow from the config's seed.

    Args:
        config: Config with ``model``.
        initialise: Whether to start from what the config names, as training would; else that has
            no say, and need not be there.
    """
    model_config = config.model if initialise else _without_init_cfg(config.model.to_dict())
    # Every process draws the same random weights, and nobody else's numbers change by it.
    scope = DefaultScope.overwrite_default_scope(config.get('default_scope', 'ssvrl_mm'))
    with scope, torch.random.fork_rng(devices=[]):
        torch.manual_seed((config.get('randomness') or {}).get('seed') or 0)
        model = MODELS.build(model_config)
        if initialise and hasattr(model, 'init_weights'):
            _init_quietly(model)
    return model


def _init_quietly(model: Any) -> None:
    """Initialises a model; a console does not get two lines for each of its parameters."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        model.init_weights()
    finally:
        logger.setLevel(level)


def _without_init_cfg(node: Any) -> Any:
    """The config of a model without the ``Pretrained`` initialisations inside it."""
    if isinstance(node, Mapping):
        return {
            key: _without_init_cfg(value)
            for key, value in node.items()
            if key not in ('init_cfg', 'pretrained')
        }
    return [_without_init_cfg(value) for value in node] if isinstance(node, list) else node
