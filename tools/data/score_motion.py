"""Scores the frames of videos once, for training on clips whose motion changes.

Motion differential sampling (MSCL, Eqs. (8) and (9)) takes query and key from the half of a
video's clips that have the higher scores; `SampleMotionClips` reads them. A video `a/b.avi` becomes
`a/b.avi.scores` in the folder --out, some 12 bytes a frame. Run again, it goes on with what is
missing. A file of another video or of other options is an error unless --overwrite replaces it.

    # by the codec's motion vectors, followed over 8 frames
    python tools/data/score_motion.py data/ucf101/videos --out data/ucf101/scores --span 8
    # by flow that extract_flow.py has stored
    python tools/data/score_motion.py data/ucf101/videos --out data/ucf101/scores_raft --span 8 \
        --method raft --flow-root data/ucf101/raft
    # by flow that is computed now, of the videos of lists
    python tools/data/score_motion.py data/ucf101/videos --out data/ucf101/scores_dis --span 8 \
        --list data/ucf101/train_list.txt --method dis --scale .5 --cell 2

Exit status: 0 when done, 1 if any video failed, 2 for wrong arguments, 130 and 143 when
interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.video.motion.differential import WEIGHTS
from ssvrl_mm.video.motion.flow import METHODS, VECTORS, FlowOptions
from ssvrl_mm.video.tools.derived_command import (
    add_raft,
    add_videos,
    add_work,
    chosen_videos,
    flow_method,
    run,
)
from ssvrl_mm.video.tools.derived_files import FileResult
from ssvrl_mm.video.tools.motion_scoring import score_motion_tree


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_videos(parser)
    parser.add_argument(
        '--span',
        type=int,
        default=8,
        help="frames from start to end of a map of flow: the clips' frame_interval (default: "
        '%(default)s); negative: the same, on the grid of the first of these frames',
    )
    parser.add_argument(
        '--distance', type=int, help='frames from a map to the one it is compared with (the span)'
    )
    parser.add_argument(
        '--weight',
        choices=WEIGHTS,
        default='softmax',
        help='weights of the foreground: as in the paper (default), or as in the released code',
    )
    parser.add_argument(
        '--method',
        choices=(VECTORS, *METHODS, 'raft'),
        default=VECTORS,
        help="where flow comes from: the codec's vectors (default), or pixels",
    )
    parser.add_argument('--flow-root', type=Path, metavar='FOLDER', help='of stored flow')
    parser.add_argument(
        '--scale', type=float, default=1.0, help='flow is computed on frames of this size'
    )
    parser.add_argument('--cell', type=int, help='px per value, along each side (1; of vectors 8)')
    add_raft(parser)
    add_work(parser)
    args = parser.parse_args(argv)
    try:
        method = args.method if args.flow_root else flow_method(args)
        args.options = FlowOptions(method, args.scale, args.cell, args.span, args.flow_root)
        if args.distance is not None and args.distance < 1:
            raise ValueError(f'--distance must be 1 or more, got {args.distance}')
        if args.flow_root and not args.flow_root.is_dir():
            raise ValueError(f'no folder of flow at {args.flow_root}')
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)

    def score() -> list[FileResult]:
        folder, names = chosen_videos(args)
        return score_motion_tree(
            folder,
            args.out,
            names,
            args.options,
            args.flow_root,
            args.distance,
            args.weight,
            args.overwrite,
            args.workers,
            not args.quiet,
        )

    return run(score)


if __name__ == '__main__':
    sys.exit(main())
