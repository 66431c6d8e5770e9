"""The checkpoints that a run starts from, on this machine before it starts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from ssvrl_mm.zoo.local_checkpoint import local_checkpoint


def fetch_checkpoints(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Fetches, before anything is built, the checkpoints of a run that are not on this machine.

    Args:
        cfg: Config of the run; a ``load_from`` that is an address or a model of the zoo becomes the
            file.
        dataloaders: Names of the dataloaders that will be used.

    Raises:
        ZooError: One cannot be had.
    """
    for name, source in named_checkpoints(cfg, dataloaders):
        file = local_checkpoint(name)
        if source == 'load_from':
            cfg.load_from = file


def named_checkpoints(cfg: Config, dataloaders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a run starts from: paths, addresses and models of the zoo.

    Args:
        cfg: Config of the run.
        dataloaders: Names of the dataloaders that will be used.

    Yields:
        The checkpoint, and where the config names it: ``'load_from'`` or ``'init_cfg'``.
    """
    if cfg.get('load_from'):
        yield cfg.load_from, 'load_from'
    if 'train_dataloader' in dataloaders:
        for name in dict.fromkeys(starting_weights(cfg.get('model'))):
            yield name, 'init_cfg'


def starting_weights(node: Any) -> Iterator[str]:
    """The checkpoints that the ``init_cfg`` of a model and of its parts name.

    Args:
        node: Config of the model; None: no checkpoint.

    Yields:
        Paths, addresses and models of the zoo.
    """
    if isinstance(node, list | tuple):
        for part in node:
            yield from starting_weights(part)
    elif isinstance(node, Mapping):
        init_cfg = node.get('init_cfg')
        for start in init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg or {}]:
            yield from filter(None, [start.get('checkpoint')])
            yield from filter(None, (start.get('checkpoints') or {}).values())
        for key, part in node.items():
            if key != 'init_cfg':
                yield from starting_weights(part)
