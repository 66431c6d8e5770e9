"""Computes the optical flow of videos once, for training that reads it instead.

A video `a/b.avi` becomes `a/b.avi.flow` in the folder --out. Run again, it goes on with what is
missing. A file of another video or of other options is an error unless --overwrite replaces it.

    # dense flow at full size
    python tools/data/extract_flow.py data/ucf101/videos --out data/ucf101/tvl1 --method tvl1
    # the mean of each 2x2 px (MVCGC's "OF_Low"), of the videos of lists
    python tools/data/extract_flow.py data/ucf101/videos --out data/ucf101/tvl1_low \
        --list data/ucf101/train_list.txt --method tvl1 --cell 2
    # computed at half size, which is faster
    python tools/data/extract_flow.py data/ucf101/videos --out data/ucf101/tvl1_half \
        --method tvl1 --scale .5 --cell 2
    # by RAFT, on a GPU
    python tools/data/extract_flow.py data/ucf101/videos --out data/ucf101/raft --method raft \
        --weights raft_small_C_T_V2-01064c6d.pth --device cuda --workers 1

Exit status: 0 when done, 1 if any video failed, 2 for wrong arguments, 130 and 143 when
interrupted.
"""

import argparse
import sys
from collections.abc import Sequence

from ssvrl_mm.video.motion.flow import METHODS, FlowOptions
from ssvrl_mm.video.tools.derived_command import (
    add_raft,
    add_videos,
    add_work,
    chosen_videos,
    flow_method,
    run,
)
from ssvrl_mm.video.tools.derived_files import FileResult
from ssvrl_mm.video.tools.flow_extraction import extract_flow_tree


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_videos(parser)
    parser.add_argument('--method', choices=(*METHODS, 'raft'), default='dis')
    parser.add_argument(
        '--scale', type=float, default=1.0, help='flow is computed on frames of this size'
    )
    parser.add_argument('--cell', type=int, default=1, help='px per value, along each side')
    parser.add_argument(
        '--span', type=int, default=1, help='frames from start to end; negative: to later ones'
    )
    add_raft(parser)
    add_work(parser)
    args = parser.parse_args(argv)
    try:
        args.options = FlowOptions(flow_method(args), args.scale, args.cell, args.span)
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)

    def extract() -> list[FileResult]:
        folder, names = chosen_videos(args)
        return extract_flow_tree(
            folder, args.out, names, args.options, args.overwrite, args.workers, not args.quiet
        )

    return run(extract)


if __name__ == '__main__':
    sys.exit(main())
