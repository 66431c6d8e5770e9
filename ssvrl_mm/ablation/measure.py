"""What one run measures."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import MessageHub

from ssvrl_mm.ablation.results import RunResult
from ssvrl_mm.ablation.resuming import checkpoint_left
from ssvrl_mm.demo import train_between_tests
from ssvrl_mm.engine.loader_workers import named_workers
from ssvrl_mm.evaluation.provenance import versions


def measure(config: Path, sha256: str) -> RunResult:
    """Tests a random network, trains it, from where a stopped run ended, and tests it again.

    Args:
        config: The config as it is run, in the folder of the run.
        sha256: What tells that the result is of it.
    """
    cfg = Config.fromfile(config)
    left = checkpoint_left(config.parent)
    if left is not None:
        print(f'going on from {left}; to begin anew, delete {config.parent}', flush=True)
    with named_workers():
        trial = train_between_tests(cfg, resume_from=left)
    hub = trial.runner.message_hub
    times = hub.get_scalar('train/time').data[0]
    return RunResult(
        sha256,
        cfg.get('val_cfg') is not None,
        trial.before,
        trial.after,
        _last_scalars(hub, cfg.get('log_processor', {}).get('window_size', 10)),
        float(np.median(times)),
        len(times),
        versions(),
    )


def _last_scalars(hub: MessageHub, window: int) -> dict[str, float]:
    """What was logged last: of training the mean of the steps that one line of the log is of."""
    return {
        name: float(buffer.mean(window) if name.startswith('train/') else buffer.current())
        for name, buffer in hub.log_scalars.items()
    }
