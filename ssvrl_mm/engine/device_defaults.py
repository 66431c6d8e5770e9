"""What a run gets for the device that it runs on, where its config does not say otherwise."""

import os

from mmengine.config import Config


def settle_device(cfg: Config) -> None:
    """Gives a config, and the process, what the device asks for.

    A deterministic run gets the setting of cuBLAS without which torch refuses matrix products.

    Args:
        cfg: Config of a run.
    """
    if (cfg.get('randomness') or {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
