"""Downloads the weights of published models, and prints where they are.

A file is looked for in the cache (SSVRL_MM_CACHE, by default ~/.cache/ssvrl_mm/checkpoints) and in
checkpoints/ of a clone, and else fetched from the base URL. Its SHA-256 has to be the one of the
model index. A download that broke off is gone on with. With --log comes the log of the training.

    python tools/model_zoo/download.py mvcgc_s3d --base-url https://HOST/FOLDER
    # all of them into a folder, from a folder
    python tools/model_zoo/download.py --all --dest weights --base-url /mnt/models

Exit status: 0 when all files are there, 1 if one is not, 2 for wrong arguments.
"""

import argparse
import sys
from collections.abc import Sequence


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('names', metavar='NAME', nargs='*', help='name or alias of a model')
    parser.add_argument('--all', action='store_true', help='every model that has weights')
    parser.add_argument('--dest', metavar='FOLDER', help='where to put them instead of the cache')
    parser.add_argument(
        '--base-url',
        metavar='URL',
        help='https://, http:// or file:// URL, or path, of a folder that holds the files '
        '(default: SSVRL_MM_ZOO)',
    )
    parser.add_argument(
        '--log', action='store_true', help='also the log of the training, beside the weights'
    )
    parser.add_argument(
        '--offline',
        action='store_true',
        default=None,
        help='look on this machine alone (also: SSVRL_MM_OFFLINE=1)',
    )
    args = parser.parse_args(argv)
    if bool(args.names) == args.all:
        parser.error('give names of models, or --all')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    from ssvrl_mm.zoo import ZooError, fetch_log, fetch_weights, list_models

    failed = False
    try:
        names = sorted({m.name for m in list_models().values()}) if args.all else args.names
        if not names:
            raise ZooError('the model index lists no model with weights')
    except ZooError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    for name in names:
        try:
            for fetch in (fetch_weights, fetch_log)[: 1 + args.log]:
                print(f'{name}: {fetch(name, args.base_url, args.dest, args.offline)}')
        except ZooError as error:
            # The others may be there.
            print(f'error: {error}', file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
