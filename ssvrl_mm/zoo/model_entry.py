"""What a metafile says of a published model, from its config, its run and its figures."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ssvrl_mm.datasets.motion_primitives import MotionPrimitivesSpec
from ssvrl_mm.wrapping import walk_datasets
from ssvrl_mm.zoo.measuring import Figures

_NETWORKS = {'r3d': 'R3D', 'r2d': 'R2D', 'r2plus1d': 'R(2+1)D'}
_MODALITIES = {'rgb': 'RGB', 'motion': 'motion vectors', 'iframe': 'I-frames'}
# The order in which Metadata is read.
_ORDER = (
    'Architecture', 'Width', 'Batch Size', 'Epochs', 'Resolution', 'Training Data', 'Data Spec',
    'Seed', 'Device', 'Training Time (hours)', 'Parameters (M)', 'Weights SHA-256', 'Safetensors',
    'Safetensors SHA-256', 'Log', 'Log SHA-256', 'Command', 'Seeds',
)  # fmt: skip
# Of a training that has been published before: another one brings its own.
_OF_ONE_TRAINING = (
    'Seed', 'Weights SHA-256', 'Safetensors', 'Safetensors SHA-256', 'Log', 'Log SHA-256',
    'Command',
)  # fmt: skip
_TASK = 'Video Retrieval'


def alias_of(name: str) -> str | None:
    """METHOD_NETWORK of METHOD_NETWORK-wWIDTH_DATA; None for other names, which have no short one.

    Example:
        >>> alias_of('context_motion_c3d-w50_motion-primitives')
        'context_motion_c3d'
    """
    parts = re.fullmatch(r'(.+)-w\d+_[^_]+', name)
    return parts[1] if parts else None


def still_true(
    known: Mapping[str, Any], facts: Mapping[str, Any], same_settings: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What of an entry still holds once the model has other weights.

    Files and digests go with the weights that they were of, the spread over seeds with the
    settings, and figures that are not measured anew, of another task, with the weights.

    Args:
        known: The entry so far.
        facts: Of the new training, for ``Metadata``.
        same_settings: Whether the weights before were trained with the same settings.

    Returns:
        The entry, and in words what was left out although nothing comes in its place.
    """
    metadata, results = dict(known.get('Metadata') or {}), list(known.get('Results') or [])
    same_weights = metadata.get('Weights SHA-256') == facts['Weights SHA-256']
    outdated = []
    for name in _OF_ONE_TRAINING:
        metadata.pop(name, None)
    if not same_settings and metadata.pop('Seeds', None) and 'Seeds' not in facts:
        outdated.append('the spread over seeds, of other settings')
    others = [part for part in results if part.get('Task') != _TASK]
    if others and not same_weights:
        tasks = ', '.join(str(part.get('Task')) for part in others)
        outdated.append(f'figures of earlier weights ({tasks})')
        others = []
    return {**known, 'Metadata': metadata, 'Results': others}, tuple(outdated)


def model_entry(
    name: str,
    config: str,
    cfg: Config,
    known: Mapping[str, Any],
    facts: Mapping[str, Any],
    figures: Figures,
    weights: str,
) -> dict[str, Any]:
    """The entry of a model with weights.

    Args:
        name: Its name.
        config: Path of its config, as the index has it.
        cfg: The config.
        known: What the metafile says of it so far, see :func:`still_true`; what the config does
            not tell is kept.
        facts: Of this training, for ``Metadata``.
        figures: See :data:`~ssvrl_mm.zoo.measuring.Figures`.
        weights: Name of the file.
    """
    alias = known.get('Alias') or alias_of(name)
    short = (alias if isinstance(alias, str) else alias[0]) if alias else name
    metadata = {**_facts_of(cfg), **(known.get('Metadata') or {}), **_settings(cfg), **facts}
    seed = f' --seed {facts["Seed"]}' if facts.get('Seed') else ''
    metadata['Command'] = f'python tools/model_zoo/reproduce.py {short}{seed}'
    names = [key for key in _ORDER if key in metadata]
    names += [key for key in metadata if key not in names]
    entry = {
        'Name': name,
        **({'Alias': alias} if alias else {}),
        'Config': config,
        'In Collection': known.get('In Collection'),
        'Modality': known.get('Modality') or _modality(cfg),
        'Metadata': {key: metadata[key] for key in names},
        'Results': [
            {
                'Task': _TASK,
                'Dataset': metadata.get('Training Data', 'unknown'),
                'Metrics': metrics_of(figures),
            },
            *(known.get('Results') or ()),
        ],
    }
    # Of empty keys nothing is kept.
    others = {k: value for k, value in known.items() if k not in entry and value is not None}
    return {**entry, **others, 'Weights': weights}


def metrics_of(figures: Figures) -> dict[str, float]:
    """The figures in per cent, as ``Metrics`` names them.

    Example:
        >>> metrics_of({'RGB': {'R@1': dict(trained=79.69, random=15.31, chance=6.25)}})
        {'RGB R@1': 79.7, 'RGB R@1 random weights': 15.3, 'Chance': 6.2}
    """
    metrics: dict[str, float] = {}
    chance = None
    for stream, measures in figures.items():
        for measure, found in measures.items():
            metrics[f'{stream} {measure}'] = round(found['trained'], 1)
            metrics[f'{stream} {measure} random weights'] = round(found['random'], 1)
            if measure == 'R@1':
                chance = round(found['chance'], 1)
    return metrics if chance is None else {**metrics, 'Chance': chance}


def _backbones(cfg: Config) -> dict[str, Any]:
    return dict(cfg.model.get('backbones') or {'rgb': cfg.model.get('backbone') or {}})


def _settings(cfg: Config) -> dict[str, Any]:
    """What the config says for certain."""
    facts: dict[str, Any] = {
        'Batch Size': cfg.train_dataloader.get('batch_size'),
        'Epochs': cfg.train_cfg.get('max_epochs'),
    }
    datasets = list(walk_datasets(cfg.train_dataloader.dataset))
    primitives = [d for d in datasets if str(d.get('type')).endswith('MotionPrimitives')]
    if primitives:
        spec = MotionPrimitivesSpec(**(primitives[0].get('spec') or {}))
        facts.update({'Training Data': 'MotionPrimitives', 'Data Spec': asdict(spec)})
    return facts


def _facts_of(cfg: Config) -> dict[str, Any]:
    """What the config is likely to mean, where the metafile says nothing of it."""
    network = next(iter(_backbones(cfg).values()))
    kind, depth = str(network.get('type')).rpartition('.')[2], network.get('depth')
    name = _NETWORKS.get(network.get('arch'), kind)
    facts: dict[str, Any] = {'Architecture': f'{name}-{depth}' if depth else name}
    facts['Width'] = network.get('width', 1.0)
    sizes = [
        step['size']
        for dataset in walk_datasets(cfg.train_dataloader.dataset)
        for step in dataset.get('pipeline') or ()
        if 'Crop' in str(step.get('type')) and isinstance(step.get('size'), int)
    ]
    if sizes:
        facts['Resolution'] = f'{sizes[-1]}x{sizes[-1]}'
    return facts


def _modality(cfg: Config) -> str:
    return ', '.join(_MODALITIES.get(stream, stream) for stream in _backbones(cfg))


def published_text(config: Path) -> str:
    """The config as text for whoever has the file alone: without places of this machine."""
    return published_config(config).pretty_text


def published_config(config: Path) -> Config:
    """The config without what the environment chooses, and where its runs lie."""
    with _without_choices():
        cfg = Config.fromfile(config)
    for place in ('work_dir', 'load_from'):
        cfg.pop(place, None)
    return cfg


@contextmanager
def _without_choices() -> Iterator[None]:
    """Takes away what the environment says of data and checkpoints."""
    ours = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith('SSVRL_')}
    try:
        yield
    finally:
        os.environ.update(ours)
