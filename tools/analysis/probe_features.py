"""Probes features: nearest neighbours and logistic regression, in seconds.

    python tools/analysis/probe_features.py train.npz test.npz
    python tools/analysis/probe_features.py train.npz test.npz --also train_1.npz test_1.npz
    python tools/analysis/probe_features.py all.npz --splits 5 --group 'subject_(\\d+)'

The first form takes the split as it is, the second adds runs of other seeds, the third makes
folds that keep groups (subjects, source videos) together; of several runs the table shows mean
and standard deviation. `tools/analysis/extract_features.py` writes the files.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssvrl_mm.apis import FeatureTable
    from ssvrl_mm.evaluation import ProbeSplit


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('features', nargs='+', help='TRAIN TEST, or with --splits any files')
    parser.add_argument(
        '--also', nargs=2, action='append', default=[], metavar=('TRAIN', 'TEST'),
        help='files of another run, of another seed for instance (repeatable)',
    )  # fmt: skip
    parser.add_argument('--splits', type=int, help='folds over all videos of the files')
    parser.add_argument(
        '--group', metavar='REGEX', help="first group (or match) in a path: stays in one fold; of "
        'the cross-validation of the training videos too',
    )  # fmt: skip
    parser.add_argument('--k', type=int, nargs='+', default=[1, 5, 20], help='neighbours')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds of the folds')
    parser.add_argument('--no-logistic', action='store_true', help='nearest neighbours only')
    parser.add_argument('--out', help='writes OUT.json and OUT.md (default: beside the features)')
    args = parser.parse_args()
    if args.splits is None and len(args.features) != 2:
        parser.error('give TRAIN and TEST, or --splits')
    if args.splits is not None and args.also:
        parser.error('--also goes with TRAIN and TEST, not with --splits')
    return args


def load_pair(train: FeatureTable, test: FeatureTable) -> tuple[FeatureTable, ProbeSplit]:
    """Two tables as one, and which rows are which."""
    from ssvrl_mm.apis import FeatureFileError, join_tables
    from ssvrl_mm.evaluation import ProbeSplit

    common = set(train.paths) & set(test.paths)
    if common and train.provenance.get('root') == test.provenance.get('root'):
        raise FeatureFileError(f'{len(common)} videos are in both files: {sorted(common)[0]} ...')
    rows = np.arange(len(train) + len(test))
    return join_tables([train, test]), ProbeSplit(rows[: len(train)], rows[len(train) :])


def source_of(path: str, table: FeatureTable) -> dict:
    """What a file of features follows from."""
    from ssvrl_mm.evaluation.provenance import file_sha256

    names = (
        'config', 'config_sha256', 'checkpoint', 'checkpoint_sha256', 'data_list',
        'data_list_sha256', 'seed',
    )  # fmt: skip
    described = {name: table.provenance.get(name) for name in names}
    left_out = len(table.provenance.get('left_out', ()))
    return {'file': path, 'sha256': file_sha256(path), 'videos': len(table),
            'left_out': left_out, **described}  # fmt: skip


def main() -> None:
    """Probes."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis import FeatureFileError, FeatureTable, join_tables
    from ssvrl_mm.evaluation import (
        format_probe,
        group_splits,
        probe_features,
        probe_groups,
        summarise_probes,
    )
    from ssvrl_mm.evaluation.provenance import versions
    from ssvrl_mm.evaluation.report import write_report

    files = [*args.features, *(file for pair in args.also for file in pair)]
    try:
        tables = {file: FeatureTable.load(file) for file in files}
        if args.splits is None:
            pairs = [args.features, *args.also]
            problems = [load_pair(tables[train], tables[test]) for train, test in pairs]
        else:
            table = join_tables([tables[file] for file in args.features])
            groups = probe_groups(table.paths, args.group) if args.group else None
            problems = [
                (table, split)
                for seed in args.seeds
                for split in group_splits(table.labels, groups, args.splits, seed)
            ]
        runs = []
        for table, split in problems:
            groups = probe_groups(table.paths, args.group) if args.group else None
            for seed in args.seeds if args.splits is None else args.seeds[:1]:
                runs.append(
                    probe_features(
                        table.averaged(), table.labels, split, args.k, groups, seed,
                        logistic=not args.no_logistic,
                    )
                )  # fmt: skip
    except (FeatureFileError, ImportError, ValueError) as error:
        sys.exit(f'error: {error}')
    report = summarise_probes(runs)
    text = format_probe(report)
    sources = {
        'runs': len(runs),
        'splits': args.splits or 'as the files have them',
        'group': args.group or 'none',
        'seeds': ', '.join(map(str, args.seeds)),
        'features': [source_of(file, tables[file]) for file in files],
        'versions': versions(),
    }
    stem = args.out or str(Path(args.features[0]).with_suffix('')) + '_probe'
    figures = {
        'mean': report.mean,
        'deviation': {
            stream: {name: None if math.isnan(value) else value for name, value in row.items()}
            for stream, row in report.deviation.items()
        },
        'runs': report.runs,
    }
    paths = write_report(stem, 'Feature probe', figures, f'Top-1 in per cent.\n\n{text}', sources)
    print(f'{text}\n\n{len(runs)} run(s); {paths[0]} and {paths[1]}')


if __name__ == '__main__':
    main()
