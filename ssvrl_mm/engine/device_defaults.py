"""What a run gets for the device that it runs on, where its config does not say otherwise."""

import os

from mmengine.config import Config

from ssvrl_mm.engine.optim import settle_optimizer


def settle_device(cfg: Config) -> None:
    """Gives a config, and the process, what the device asks for.

    A deterministic run gets the setting of cuBLAS without which torch refuses matrix products; the
    optimizer what :func:`~ssvrl_mm.engine.optim.settle_optimizer` gives it.

    Args:
        cfg: Config of a run, changed in place.
    """
    if (cfg.get('randomness') or {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    settle_optimizer(cfg.get('optim_wrapper'))
