"""The arguments of tools that compare models in one picture."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ssvrl_mm.visualization.arguments import add_device, at_least

RANDOM = 'random'


class NamedModel(NamedTuple):
    """A model of the command line.

    Attributes:
        name: What it is called in the picture.
        config: Its config file.
        checkpoint: File, URL or name of a model; None: random weights.
    """

    name: str
    config: str
    checkpoint: str | None


def add_further_models(parser: argparse.ArgumentParser, place: str) -> None:
    """Adds ``--also`` and ``--names``.

    Args:
        parser: Of the tool, which takes a config and a checkpoint.
        place: What a model has in the picture: 'row' or 'panel'.
    """
    parser.add_argument(
        '--also', nargs=2, action='append', default=[], metavar=('CONFIG', 'CHECKPOINT'),
        help=f'another model, another {place} of the picture (repeatable)',
    )  # fmt: skip
    parser.add_argument('--names', nargs='+', help='what to call the models, in their order')


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the config and the checkpoint of the first model."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help=f'checkpoint file, URL or model, or `{RANDOM}`')


def add_extraction(parser: argparse.ArgumentParser) -> None:
    """Adds what tools share that extract features: ``--features``, ``--workers``, ``--device``."""
    parser.add_argument(
        '--features', type=Path, metavar='DIR', help='keep the features here for the next picture'
    )
    parser.add_argument(
        '--workers', type=at_least(0), default=2, help='decoding processes (default: %(default)s)'
    )
    add_device(parser)


def named_models(
    parser: argparse.ArgumentParser,
    models: Sequence[Sequence[str]],
    names: Sequence[str] | None,
) -> list[NamedModel]:
    """The models, each with its name.

    Args:
        parser: Of the tool, which ends where there are more or fewer names than models.
        models: Config and checkpoint of each.
        names: What they are called; None: by config and weights.
    """
    if names and len(names) != len(models):
        parser.error(f'{len(names)} --names for {len(models)} models')
    return [
        NamedModel(
            names[number] if names else f'{Path(config).stem}, {_weights(checkpoint)}',
            config,
            None if checkpoint == RANDOM else checkpoint,
        )
        for number, (config, checkpoint) in enumerate(models)
    ]


def _weights(checkpoint: str) -> str:
    return 'random weights' if checkpoint == RANDOM else Path(checkpoint).stem
