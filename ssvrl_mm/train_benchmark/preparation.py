"""The config of a training as the benchmark runs it: the same step, and nothing left behind."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from ssvrl_mm.engine import launch
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.registry import MODELS
from ssvrl_mm.suggestions import argument_names

# Hooks of a config that act on every step; others log, save, evaluate or wait for an epoch's end.
_HOOKS = ('RuntimeInfoHook', 'DistSamplerSeedHook', 'IterationSeedHook')
# mmengine adds these to every run that does not name them.
_LEFT_OUT = ('timer', 'logger', 'param_scheduler', 'checkpoint')


def check_trains(cfg: Config) -> None:
    """Checks that a config says how to train.

    Raises:
        LaunchError: It lacks a model, data or an optimizer.
    """
    for key in ('model', 'train_dataloader', 'optim_wrapper'):
        if not cfg.get(key):
            raise LaunchError(
                f'{cfg.filename or "this config"} has no {key}: there is no training step to '
                'measure. Give the config of a training.'
            )
    if cfg.get('compile'):
        raise LaunchError(
            'the phases of a compiled step cannot be told apart: leave compile out, with '
            '--cfg-options compile=False'
        )


def check_data(cfg: Config) -> None:
    """Checks that the files of the training are there.

    Raises:
        LaunchError: Some are missing; the message says how to measure without them.
    """
    try:
        launch.check_files(cfg, ['train_dataloader'])
    except LaunchError as error:
        raise LaunchError(
            f'{error}\n--input synthetic measures without data, on generated videos.'
        ) from None


def strip(cfg: Config, work_dir: str) -> None:
    """Takes out of a config what a benchmark has no need of: evaluation, checkpoints, logs.

    Weights are random, as time does not depend on them: nothing is loaded or downloaded. What hooks
    and schedules do between the steps goes too, but for those that every step needs.

    Args:
        cfg: Config of a training, changed in place.
        work_dir: Where the run's log goes; a folder of its own, as its name is the run's.
    """
    cfg.work_dir, cfg.experiment_name = work_dir, os.path.basename(work_dir)
    cfg.load_from, cfg.resume = None, False
    for split in ('val', 'test'):
        for key in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{split}_{key}'] = None
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.param_scheduler = cfg.visualizer = cfg.vis_backends = None
    kept = {
        name: hook
        for name, hook in (cfg.get('default_hooks') or {}).items()
        if hook and hook['type'].rpartition('.')[2] in _HOOKS
    }
    cfg.default_hooks = {**kept, **dict.fromkeys(_LEFT_OUT)}
    cfg.custom_hooks = []
    for part in _parts(cfg.model):
        if isinstance(part.get('pretrained'), str):
            part['pretrained'] = None
        if _loads(part.get('init_cfg')):
            part['init_cfg'] = None
        part.pop('checkpoints', None)


def set_channels_last(model: Any, value: bool) -> None:
    """Sets the memory layout of the clips wherever a part of the model has an option for it.

    Args:
        model: Config of a model, changed in place.
        value: Whether channels lie last.

    Raises:
        LaunchError: No part has.
    """
    having = [part for part in _parts(model) if 'channels_last' in _arguments(part.get('type'))]
    if not having:
        raise LaunchError(
            f'{model.get("type")} and its parts have no option channels_last: leave '
            '--channels-last and --no-channels-last out'
        )
    for part in having:
        part['channels_last'] = value


def _parts(node: Any) -> Iterator[Any]:
    """All dicts of a config, the outer ones first."""
    if isinstance(node, Mapping):
        yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _parts(child)


def _loads(init_cfg: Any) -> bool:
    """Whether an initialisation, or one of several, reads a checkpoint."""
    return any('Pretrained' in str(part.get('type')) for part in _parts(init_cfg))


def _arguments(kind: Any) -> set[str]:
    found = MODELS.get(kind) if isinstance(kind, str) else kind
    return argument_names(found) if found is not None else set()
