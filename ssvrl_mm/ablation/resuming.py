"""How a run goes on that was stopped: what it keeps of itself, and what it goes on from."""

import math
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.engine.checkpoint_files import newest_checkpoint
from ssvrl_mm.engine.work_dir import clear
from ssvrl_mm.models.utils.checkpoint_reading import CheckpointFileError

# A stopped run loses a twentieth of its training at most, and writes no more than that often: few
# videos make for hundreds of short epochs.
_SAVES = 20


def keep_newest(cfg: Config) -> None:
    """Lets a run save itself twenty times at most, and keep the newest of these checkpoints.

    A config whose checkpoints are without an optimizer, from which nothing can go on, saves at its
    end alone, as does one whose length is counted otherwise than its checkpoints are.

    Args:
        cfg: Config of a run; the settings of its checkpoints are written.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint')
    if not hook:
        return
    length = cfg.train_cfg.get('max_epochs' if hook.get('by_epoch', True) else 'max_iters')
    whole = hook.get('save_optimizer', True) and hook.get('save_param_scheduler', True)
    if length and whole:
        hook.interval, hook.max_keep_ckpts = math.ceil(length / _SAVES), 1


def checkpoint_left(folder: Path) -> Path | None:
    """The checkpoint that a run in this folder goes on from; where there is none, nothing is left.

    Args:
        folder: Of the run. What cannot be gone on from is deleted.
    """
    try:
        newest = newest_checkpoint(folder)
    except CheckpointFileError as error:
        print(f'{error}: training starts from the beginning', flush=True)
        newest = None
    if newest is None:
        clear(folder)
        return None
    return newest.path
