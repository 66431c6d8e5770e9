"""Publishes the checkpoint of a run: weights, log, and the model's entry in its metafile.

    python tools/model_zoo/publish_model.py work_dirs/mscl/mscl_demo/epoch_15.pth --name mscl_demo
    python tools/model_zoo/publish_model.py RUN/epoch_60.pth --name mscl_r3d10 --fp16 --replace

Optimizer and schedule are left out, and momentum encoders, queue and heads that only training uses
unless they are asked for. What is left are tensors that torch loads with weights_only=True. R@1 and
a logistic probe are measured from the file that is written; with --fp16 none of them may change by
more than 0.1 points. The run's log is read from the folder of the checkpoint, and the config must
be the run's.

Exit status: 0 when done, 1 if the model cannot be published, 2 for wrong arguments.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.command_line import config_path
from ssvrl_mm.progress import Progress
from ssvrl_mm.zoo.publishing_arguments import (
    add_publishing_arguments,
    choices_of,
    say_published,
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', type=Path, metavar='CHECKPOINT', help='the last one of a run')
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--name', help='name or alias of the model in the index')
    which.add_argument('--config', type=config_path, help='config that it was trained with')
    add_publishing_arguments(parser)
    args = parser.parse_args(argv)
    if not args.checkpoint.is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    with Progress('loading torch and OpenMMLab', stream=sys.stdout):
        from ssvrl_mm.ablation import AblationError
        from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
        from ssvrl_mm.models.utils.weights import WeightsError
        from ssvrl_mm.zoo.index import find_model
        from ssvrl_mm.zoo.page import write_page
        from ssvrl_mm.zoo.publishing import PublishError, publish
    try:
        choices = choices_of(args)
        config = args.config or find_model(args.name, False, choices.index).config
        done = publish(args.checkpoint, config, choices)
        page = write_page(choices.index)
    except (
        AblationError, CheckpointFileError, OSError, PublishError, ValueError, WeightsError,
    ) as error:  # fmt: skip
        print(f'error: {error}', file=sys.stderr)
        return 1
    say_published(done, page)
    return 0


if __name__ == '__main__':
    sys.exit(main())
