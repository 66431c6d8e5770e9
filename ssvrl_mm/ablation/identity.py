"""What tells whether a result is of a config: its settings, and what is in its checkpoints."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.engine.starting_points import starting_weights
from ssvrl_mm.evaluation.provenance import config_sha256, file_sha256

# Neither where results go, nor what is looked at in between, changes them.
_NOT_IDENTITY = ('work_dir', 'val_cfg', 'val_dataloader', 'val_evaluator')
# Larger checkpoints are told by size and time: nobody waits for them to be read.
_LARGE = 2**31


def identity_of(cfg: Config) -> str:
    """The SHA-256 of a resolved config, seed and paths of the data included.

    The content of the checkpoints that it starts from counts (``load_from``, and ``checkpoint`` of
    an ``init_cfg``), as far as they are files that exist; folder and evaluations during training
    do not.
    """
    settings = config_sha256(cfg, ignore=_NOT_IDENTITY)
    named = filter(None, [cfg.get('load_from'), *starting_weights(cfg.get('model'))])
    contents = {str(path): _content(Path(path)) for path in named if Path(path).is_file()}
    if not contents:
        return settings
    return hashlib.sha256(json.dumps([settings, contents], sort_keys=True).encode()).hexdigest()


def _content(path: Path) -> str:
    status = path.stat()
    if status.st_size >= _LARGE:
        return f'{status.st_size} bytes of {status.st_mtime_ns}'
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache
def _sha256(path: Path, size: int, changed: int) -> str:
    """Every seed starts from the same file, which is read once."""
    return file_sha256(path)
