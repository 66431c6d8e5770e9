"""What the training of a run started from: random weights, or those of a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.engine.starting_points import starting_weights

RANDOM = 'random weights'


@dataclass(frozen=True)
class Start:
    """The weights that a training starts from.

    Attributes:
        label: What they are, in words.
        checkpoint: The file of all of them, ``load_from``; None: they are drawn, or of parts.
        files: The files of parts of them, by ``init_cfg``.
        seeded: Whether the config names the seed of those that are drawn.
    """

    label: str
    checkpoint: str | None
    files: tuple[str, ...]
    seeded: bool

    def gone(self) -> bool:
        """Whether a file of them is not here."""
        names = (self.checkpoint, *self.files)
        return any(name and not os.path.isfile(os.path.expanduser(name)) for name in names)

    def remark(self) -> str:
        """What is not known of them, in words; '' where all is known."""
        if self.gone():
            return f'The {self.label}, are not shown: the file is not here.'
        if not self.checkpoint and not self.seeded:
            return (
                'The config names no seed: the random weights that are shown are of seed 0, and '
                'need not be those that the training started from.'
            )
        return ''


def start_of(cfg: Config) -> Start:
    """The weights that the training of a config starts from.

    Args:
        cfg: Config of a run that was not resumed.

    Example:
        >>> start_of(Config(dict(load_from='work_dirs/x/epoch_3.pth'))).label
        'initial weights, from epoch_3.pth'
    """
    load_from = cfg.get('load_from') or None
    parts = tuple(dict.fromkeys(starting_weights(cfg.get('model'))))
    names = [load_from] if load_from else parts
    shown = ', '.join(Path(str(name)).name for name in names)
    label = f'initial weights, from {shown}' if names else RANDOM
    seeded = (cfg.get('randomness') or {}).get('seed') is not None
    return Start(label, load_from, () if load_from else parts, seeded)
