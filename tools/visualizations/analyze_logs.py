"""Draws what runs have logged, and says in tables what they reached and how long it took.

    python tools/visualizations/analyze_logs.py work_dirs/demo
    python tools/visualizations/analyze_logs.py work_dirs/a work_dirs/b --names ours theirs
    python tools/visualizations/analyze_logs.py work_dirs/ablation --keys 'loss*' '*R@1' --x iter

A RUN is a work dir, a folder of some, or a file: scalars (.json) or text (.log). A run that was
killed and resumed is one curve. Runs in folders seed_N side by side, which have the same settings,
are one curve with the standard deviation around it. Curves of the training are smoothed, with what
was logged behind them; points are evaluations, dots what chance reaches. --out may also end in
.svg or .pdf.
"""

import argparse
import sys

from ssvrl_mm.visualization.arguments import (
    add_out,
    add_side,
    at_least,
    drawing_parser,
    telling_errors,
)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('runs', nargs='+', metavar='RUN', help='work dirs, or files of logs')
    parser.add_argument('--names', nargs='+', help='what to call the curves, in their order')
    parser.add_argument(
        '--keys',
        nargs='+',
        metavar='PATTERN',
        help='which figures, such as "loss*"; * alone: all (default: losses, accuracies, R@1, lr)',
    )
    parser.add_argument(
        '--x', choices=('epoch', 'iter'), help='what to draw over (default: epochs, if counted)'
    )
    parser.add_argument(
        '--smooth',
        type=at_least(1),
        metavar='POINTS',
        help='of the log to smooth over, 1: none (default: a tenth of the curve)',
    )
    parser.add_argument(
        '--apart', action='store_true', help='a curve for each seed, instead of their mean'
    )
    add_side(parser, 400, 'width of a panel', least=150)
    add_out(parser, 'curves.png')
    return parser.parse_args()


def main() -> None:
    """Reads the logs, draws them and prints the tables."""
    args = parse_args()
    from ssvrl_mm.run_logs import (
        RunGroup,
        RunLogError,
        choose_keys,
        find_runs,
        group_runs,
        keys_of,
        time_table,
        unfinished_seeds,
        value_table,
    )
    from ssvrl_mm.visualization.curves import check_figure, draw_curves, write_figure

    with telling_errors():
        check_figure(args.out)
        runs = [run for path in dict.fromkeys(args.runs) for run in find_runs(path)]
        groups = group_runs(runs, args.apart)
        if args.names and len(args.names) != len(groups):
            found = ', '.join(group.name for group in groups)
            raise RunLogError(f'{len(args.names)} --names for {len(groups)} curves: {found}')
        if args.names:
            named = zip(args.names, groups, strict=True)
            groups = [RunGroup(name, group.runs) for name, group in named]
        uncounted = [run.path for run in runs if not run.epoch_length]
        if args.x == 'epoch' and uncounted:
            raise RunLogError(f'{uncounted[0]}: its log counts no epochs: --x iter')
        keys = choose_keys(keys_of(runs), args.keys)
        by_epoch = not uncounted if args.x is None else args.x == 'epoch'
        figure = draw_curves(groups, keys, by_epoch, args.smooth, args.side)
        write_figure(args.out, figure)
    notes = [note for run in runs for note in run.notes] + unfinished_seeds(groups)
    for note in dict.fromkeys(notes):
        print(f'note: {note}', file=sys.stderr)
    print(value_table(groups, keys), time_table(groups), sep='\n\n', end='\n\n')
    width, height = figure.canvas.get_width_height()
    print(f'wrote {args.out}: {width}x{height} px, {len(keys)} figures of {len(runs)} runs')


if __name__ == '__main__':
    main()
