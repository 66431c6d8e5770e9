"""Checkpoints that are named as a model of the zoo instead of as a file."""

from pathlib import Path


def is_model_name(checkpoint: str) -> bool:
    """Whether what a config calls a checkpoint is the name of a model, and no file or address.

    Names have neither folders nor a suffix. A file that is there counts before them.

    Example:
        >>> is_model_name('mscl_r3d10'), is_model_name('epoch_5.pth'), is_model_name('runs/mine')
        (True, False, False)
    """
    path = Path(checkpoint)
    is_path = any(mark in checkpoint for mark in '/\\:') or path.suffix or path.is_file()
    return not is_path
