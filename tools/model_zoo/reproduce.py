"""Trains a model of the zoo again and compares its figures with the published ones.

    python tools/model_zoo/reproduce.py mscl_r3d10                 # as it was published
    python tools/model_zoo/reproduce.py mscl_r3d10 --epochs 10     # as one of the seeds was
    # a model to publish: its training, three shorter ones for the spread, files and metafile
    python tools/model_zoo/reproduce.py mscl_r3d10 --seeds 3 --epochs 10 --publish --fp16

One command does all of it: the videos of MotionPrimitives are written on first use, runs that
weights start from (a generator of views, say) come first, then random weights are tested, trained,
and tested again: R@1 by the config's own evaluator, and a logistic probe. Fewer epochs mean a
schedule and stages that are shorter in proportion. Each run leaves its result in WORK_DIR; started
again, the command goes on with what is missing, a run that was stopped from its last checkpoint.

Exit status: 0 when done, 1 if something failed or the figures are beyond their published spread, 2
for wrong arguments, 130 and 143 when interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.progress import Progress
from ssvrl_mm.zoo.publishing_arguments import (
    add_publishing_arguments,
    choices_of,
    index_to_write,
    say_published,
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('name', metavar='NAME', help='name or alias of a model of the index')
    parser.add_argument('--epochs', type=int, help='fewer epochs than the config has')
    parser.add_argument('--seed', type=int, default=0, help='of the run (default: %(default)s)')
    parser.add_argument(
        '--seeds', type=int, metavar='N', help='train with the seeds 0 to N - 1, for the spread'
    )
    parser.add_argument(
        '--publish',
        action='store_true',
        help='publish a run of full length; --seeds and --epochs are those of the spread',
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/reproduce'),
        help='folder of the runs (default: %(default)s)',
    )  # fmt: skip
    add_publishing_arguments(parser)
    args = parser.parse_args(argv)
    for name in ('epochs', 'seeds'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name} must be 1 or more, got {value}')
    if args.publish and args.seeds is not None and args.seeds < 2:
        parser.error('one seed has no spread: --seeds N with --publish is 2 or more')
    if args.publish and args.epochs is not None and args.seeds is None:
        parser.error('a model is published at its full length: --epochs is for --seeds')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    with Progress('loading torch and OpenMMLab', stream=sys.stdout):
        from ssvrl_mm.ablation import AblationError, RunFailedError
        from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
        from ssvrl_mm.engine.launch import LaunchError
        from ssvrl_mm.models.utils.weights import WeightsError
        from ssvrl_mm.zoo.publishing import PublishError
        from ssvrl_mm.zoo.reproduction import ReproductionError
    try:
        return _reproduce(args)
    except (
        AblationError, CheckpointFileError, LaunchError, OSError, PublishError, ReproductionError,
        RunFailedError, ValueError, WeightsError,
    ) as error:  # fmt: skip
        print(f'error: {error}', file=sys.stderr)
        return 1


def _reproduce(args: argparse.Namespace) -> int:
    from mmengine.config import Config

    from ssvrl_mm.ablation import ended_with_its_runs
    from ssvrl_mm.engine.checkpoint_files import newest_checkpoint
    from ssvrl_mm.evaluation.report import markdown_table
    from ssvrl_mm.zoo.index import find_model
    from ssvrl_mm.zoo.measuring import figures_of
    from ssvrl_mm.zoo.page import write_page
    from ssvrl_mm.zoo.publishing import check_before_training, publish
    from ssvrl_mm.zoo.reproduction import agreement, figure_rows, run_again, spread_metadata

    model = find_model(args.name, False, index_to_write(args.index))
    if args.publish:
        check_before_training(model.config, choices_of(args))
    whole = (Config.fromfile(model.config).get('train_cfg') or {}).get('max_epochs')
    length = args.epochs or whole
    wanted = [(seed, length) for seed in range(args.seeds or 0)]
    single = (args.seed, whole if args.publish else length)
    rows, results = [], {}
    for seed, epochs in dict.fromkeys(
        [*([] if args.seeds and not args.publish else [single]), *wanted]
    ):
        title = f'seed {seed}, {epochs} epochs'
        print(f'{model.name}: {title}', flush=True)
        with ended_with_its_runs():
            run, result = run_again(model.config, seed, epochs, args.work_dir)
        results[seed, epochs] = run, result
        rows += figure_rows(title, figures_of(result))
    measures = ['R@1 (random)', 'probe (random)'][: len(rows[0]) - 2]
    print(f'\n{markdown_table(["run", "stream", *measures], rows)}\n')
    spread = None
    if wanted:
        spread = spread_metadata([results[key][1] for key in wanted], length)
        print('over seeds: ' + ', '.join(f'{name} {value}' for name, value in spread.items()))
    if args.publish:
        newest = newest_checkpoint(results[single][0].folder)
        if newest is None:
            raise FileNotFoundError(f'{results[single][0].folder} holds no checkpoint any more')
        choices = choices_of(args, spread)
        done = publish(newest.path, model.config, choices)
        say_published(done, write_page(choices.index))
        return 0
    compared = wanted or [single]
    verdict = agreement(model, [results[key][1] for key in compared], compared[0][1])
    print(verdict.text)
    return 1 if verdict.holds is False else 0


if __name__ == '__main__':
    sys.exit(main())
