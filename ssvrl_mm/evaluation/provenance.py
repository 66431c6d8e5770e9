"""Where a figure comes from: checksums of files, data lists and configs, and versions."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from ssvrl_mm.wrapping import innermost_datasets

_PACKAGES = (
    'ssvrl_mm',
    'torch',
    'mmengine',
    'mmaction2',
    'numpy',
    'av',
    'scikit-learn',
)

_HOW_IT_RUNS = {
    'custom_hooks',
    'default_hooks',
    'env_cfg',
    'find_unused_parameters',
    'launcher',
    'load_from',
    'log_level',
    'log_processor',
    'model_wrapper_cfg',
    'resume',
    'vis_backends',
    'visualizer',
    'work_dir',
}


def file_sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, as ``sha256sum`` prints it."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def entries_sha256(entries: Iterable[tuple[str, int]]) -> str:
    """The SHA-256 of the list of videos ``path label``, whether or not such a file exists.

    It is that of the file which ``tools/data/build_video_list.py`` writes for labelled videos.

    Args:
        entries: Paths, relative to the folder of the videos, and labels.
    """
    digest = hashlib.sha256()
    for path, label in entries:
        # As the file system has it: names need not be UTF-8.
        digest.update(f'{path} {label}\n'.encode('utf-8', 'surrogateescape'))
    return digest.hexdigest()


def config_sha256(cfg: Config, ignore: Collection[str] = _HOW_IT_RUNS) -> str:
    """The SHA-256 of a config as it was used, whatever it inherits and wherever it lies.

    Args:
        cfg: The config.
        ignore: Keys that do not count; by default how it was started: launcher, folders, hooks,
            logging.
    """
    content = {key: value for key, value in cfg.to_dict().items() if key not in ignore}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that have a part in a figure."""
    found = {'python': platform.python_version()}
    for name in _PACKAGES:
        # What runs says more than what is installed: torch names its build, too.
        module: Any = sys.modules.get(name)
        try:
            found[name] = str(getattr(module, '__version__', None) or version(name))
        except PackageNotFoundError:
            found[name] = 'not installed'
    return found


def describe_config(cfg: Config) -> dict[str, Any]:
    """File, checksum and seed of a config."""
    return {
        'config': str(cfg.filename) if cfg.filename else 'given as a dict',
        'config_sha256': config_sha256(cfg),
        'seed': (cfg.get('randomness') or {}).get('seed'),
    }


def describe_checkpoint(path: str | os.PathLike | None) -> dict[str, str | None]:
    """Path and SHA-256 of a checkpoint; of a remote one the path alone."""
    if path is None:
        return {'checkpoint': 'none: random weights', 'checkpoint_sha256': None}
    local = Path(path).is_file()
    return {'checkpoint': str(path), 'checkpoint_sha256': file_sha256(path) if local else None}


def describe_datasets(dataset: Any) -> list[dict[str, Any]]:
    """What the data of a run are: each list with its checksum, its role and its size.

    Args:
        dataset: A dataset, or a wrapper of some such as ``ConcatDataset``.

    Returns:
        ``dict(data_list, sha256, videos[, role])`` of each dataset without others below it. A
        dataset that reads no list has the checksum of its samples' paths and labels.
    """
    return [_describe_dataset(part) for part in innermost_datasets(dataset)]


def _describe_dataset(dataset: Any) -> dict[str, Any]:
    file = getattr(dataset, 'ann_file', '') or ''
    described: dict[str, Any] = {'data_list': str(file) or type(dataset).__name__}
    if file and Path(file).is_file():
        described['sha256'] = file_sha256(file)
    elif hasattr(dataset, 'get_data_info'):
        described['sha256'] = entries_sha256(_entries(dataset))
    described['videos'] = len(dataset)
    if getattr(dataset, 'role', None):
        described['role'] = dataset.role
    return described


def _entries(dataset: Any) -> Iterator[tuple[str, int]]:
    folder = (getattr(dataset, 'data_prefix', None) or {}).get('video', '')
    for index in range(len(dataset)):
        info: Mapping[str, Any] = dataset.get_data_info(index)
        path = str(info.get('filename', index))
        path = Path(path).relative_to(folder).as_posix() if _is_below(path, folder) else path
        label = info.get('label', -1)
        yield path, int(label) if isinstance(label, int | np.integer) else -1


def _is_below(path: str, folder: str) -> bool:
    return bool(folder) and Path(path).is_relative_to(folder)
