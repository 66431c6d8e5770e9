"""Prepares UCF101: official archives, or videos and annotations, to lists of all splits.

    # how to get it
    python tools/data/ucf101/prepare.py --print-commands
    # unpack the archives, decode a few frames of every video, write the lists
    python tools/data/ucf101/prepare.py --archives ARCHIVES --out data/ucf101 --check
    # or from folders that are there already
    python tools/data/ucf101/prepare.py --videos VIDEOS --annotations LISTS --out data/ucf101

Run it again to go on where it was interrupted.
"""

from collections.abc import Sequence

from ssvrl_mm.datasets.official import UCF101, Preparation
from ssvrl_mm.datasets.official.command_line import run


def main(argv: Sequence[str] | None = None) -> Preparation | None:
    """Runs the tool."""
    return run(UCF101(), argv, __doc__)


if __name__ == '__main__':
    main()
