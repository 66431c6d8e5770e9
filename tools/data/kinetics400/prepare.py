r"""Prepares Kinetics-400: official archives, or videos and annotations, to lists of all splits.

    # how to get it
    python tools/data/kinetics400/prepare.py --print-commands
    # unpack the archives, decode a few frames of every video, write the lists
    python tools/data/kinetics400/prepare.py --archives ARCHIVES --out data/kinetics400 --check
    # or from folders that are there already
    python tools/data/kinetics400/prepare.py --videos VIDEOS --annotations LISTS \
        --out data/kinetics400

Run it again to go on where it was interrupted.
"""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the tool."""
    from ssvrl_mm.command_line import dataset_parser

    # --help and wrong arguments end here, before seconds of imports.
    dataset_parser('kinetics400', __doc__).parse_args(argv)
    # Here, as the processes of --check import this file but need none of it.
    from ssvrl_mm.datasets.official import Kinetics400
    from ssvrl_mm.datasets.official.command_line import run

    run(Kinetics400(), argv, __doc__)


if __name__ == '__main__':
    main()
