"""Compares configs: trains each with several seeds, and says what differs and what is undecided.

    python tools/analysis/run_ablation.py configs/mvcgc/demo.py --seeds 3
    python tools/analysis/run_ablation.py full.py no_ctp.py no_pmsp.py --columns train/top1_pmsp
    python tools/analysis/run_ablation.py full.py no_ctp.py --only-table --json ablation.json

Of every config and seed: R@1 by the config's own evaluator and streams, and a logistic probe on
the frozen features, with random weights and after training. Each run is a process of its own and
leaves its result in WORK_DIR/NAME/seed_N-HASH; started again, the command goes on with what is
missing, a run that was stopped from its last checkpoint. A result of another state of a config has
another HASH: it stays, and does not count. Exit status: 1 if a run failed, 130 and 143 when
interrupted.
"""

import argparse
import json
import sys
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options
from ssvrl_mm.progress import Progress


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='+', type=Path, metavar='CONFIG')
    parser.add_argument('--seeds', type=int, default=3, help='how many: 0, 1, ... (default: 3)')
    parser.add_argument('--baseline', metavar='NAME', help='default: the first config')
    parser.add_argument(
        '--columns', nargs='+', default=[], metavar='SCALAR',
        help='logged scalars to add, train/loss for instance, the last of each run; val/... makes '
        'the runs evaluate during training, as their configs say',
    )  # fmt: skip
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/ablation'),
        help='folder of runs and table (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    parser.add_argument('--only-table', action='store_true', help='of what is there; run nothing')
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    names = [config.stem for config in args.configs]
    args.baseline = args.baseline or names[0]
    if len(set(names)) < len(names):
        parser.error(f'configs of the same name: {", ".join(sorted(names))}')
    if args.baseline not in names:
        parser.error(f'--baseline {args.baseline} is none of {", ".join(names)}')
    if args.seeds < 1:
        parser.error(f'--seeds must be 1 or more, got {args.seeds}')
    if args.json and not args.json.absolute().parent.is_dir():
        parser.error(f'there is no folder {args.json.absolute().parent} for --json')
    return args


def main() -> None:
    """Runs what is missing and writes the table."""
    args = parse_args()
    with Progress('loading torch and OpenMMLab', stream=sys.stdout):
        from ssvrl_mm.ablation import (
            AblationError,
            RunFailedError,
            ended_with_its_runs,
            execute,
            format_ablation,
            other_results,
            prepare_config,
            read_result,
            summarise_ablation,
            unknown_columns,
        )
        from ssvrl_mm.engine.launch import LaunchError, check_files
        from ssvrl_mm.suggestions import did_you_mean
    validate = any(column.startswith('val/') for column in args.columns)
    try:
        runs = [
            prepare_config(config, seed, args.work_dir, args.cfg_options, validate)
            for config in args.configs
            for seed in range(args.seeds)
        ]
        # Of all of them before the first one takes its hours.
        for run in [] if args.only_table else runs:
            if read_result(run) is None:
                loaders = ['train_dataloader', 'test_dataloader', 'val_dataloader']
                check_files(run.cfg, loaders)
    except (AblationError, FileNotFoundError, LaunchError) as error:
        sys.exit(f'error: {error}')
    results: dict = {run.name: {} for run in runs}
    failed: dict = {run.name: {} for run in runs}
    for number, run in enumerate(runs, start=1):
        result = read_result(run)
        title = f'run {number} of {len(runs)}: {run.name}, seed {run.seed}'
        others = ', '.join(map(str, other_results(run))) if result is None else ''
        told = f'there is a result with other options, data or checkpoints in {others}'
        if result is not None:
            print(f'{title}: done before', flush=True)
        elif args.only_table:
            why = f'no result of this config in {run.folder}'
            failed[run.name][run.seed] = f'{why}; {told}' if others else why
        else:
            print(f'{title} ({told})' if others else title, flush=True)
            try:
                with ended_with_its_runs():
                    result = execute(run)
            except RunFailedError as error:
                failed[run.name][run.seed] = str(error)
                print(f'failed: {error}', flush=True)
        if result is not None:
            results[run.name][run.seed] = result
    summary = summarise_ablation(results, failed, args.baseline, args.columns)
    text = format_ablation(summary)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    table = args.work_dir / 'ablation.md'
    table.write_text(f'{text}\n', encoding='utf-8')
    if args.json:
        args.json.write_text(json.dumps(summary, indent=2) + '\n')
    print(f'\n{text}\n\n{table}')
    problems = []
    for column, logged in unknown_columns(results, args.columns).items():
        hint = did_you_mean(column, logged) or f'there are {", ".join(logged)}'
        problems.append(f'no run logged {column}: {hint}')
    missing = sum(map(len, failed.values()))
    if missing:
        problems.append(f'{missing} of {len(runs)} runs have no result')
    if problems:
        sys.exit('error: ' + '; '.join(problems))


if __name__ == '__main__':
    main()
