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
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.video.motion.flow import METHODS, FlowMethod, FlowOptions
from ssvrl_mm.video.motion.raft import RAFT
from ssvrl_mm.video.tools.files import VideoFilesError, find_videos
from ssvrl_mm.video.tools.flow_extraction import FlowResult, extract_flow_tree
from ssvrl_mm.video.tools.parallel import count_cores

# Failures that the summary names before it breaks off.
_LISTED = 50


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('videos', type=Path, help='a video, or a folder of videos')
    parser.add_argument('--out', type=Path, required=True, help='the folder to write to')
    parser.add_argument(
        '--list',
        type=Path,
        nargs='+',
        default=[],
        metavar='FILE',
        help='only the videos of these lists (`path [label]` lines)',
    )
    parser.add_argument('--method', choices=(*METHODS, 'raft'), default='dis')
    parser.add_argument(
        '--scale', type=float, default=1.0, help='flow is computed on frames of this size'
    )
    parser.add_argument('--cell', type=int, default=1, help='px per value, along each side')
    parser.add_argument(
        '--span', type=int, default=1, help='frames from start to end; negative: to later ones'
    )
    parser.add_argument('--weights', type=Path, metavar='FILE', help='of RAFT')
    parser.add_argument('--raft-size', choices=('small', 'large'), default='small')
    parser.add_argument('--raft-updates', type=int, default=12, help='iterations of RAFT')
    parser.add_argument('--device', default='cpu', help='where RAFT computes')
    parser.add_argument(
        '--workers', type=int, default=count_cores(), help='processes (default: %(default)s)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files that do not fit')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    args = parser.parse_args(argv)
    if (args.method == 'raft') != (args.weights is not None):
        parser.error('--weights goes with --method raft')
    if args.weights and not args.weights.is_file():
        parser.error(f'no weights at {args.weights}')
    try:
        args.options = FlowOptions(_method(args), args.scale, args.cell, args.span)
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    return args


def _method(args: argparse.Namespace) -> FlowMethod:
    if args.method != 'raft':
        return args.method
    return RAFT(args.weights, args.raft_size, args.device, args.raft_updates)


def extract(args: argparse.Namespace) -> list[FlowResult]:
    """Finds the videos and stores their flow."""
    folder, names = args.videos, [args.videos.name]
    if args.list or args.videos.is_dir():
        names = find_videos(folder, args.list)
    else:
        folder = folder.parent
    return extract_flow_tree(
        folder, args.out, names, args.options, args.overwrite, args.workers, not args.quiet
    )


def summary(results: Sequence[FlowResult]) -> str:
    """Counts, bytes per second of video, and what failed."""
    failed = [result for result in results if result.status == 'failed']
    counts = [
        f'{sum(result.status == status for result in results)} {status}'
        for status in ('written', 'skipped', 'failed')
    ]
    lines = [', '.join(counts)]
    seconds = sum(result.seconds for result in results)
    if seconds:
        size = sum(result.target_bytes for result in results)
        lines.append(
            f'{size / 1e6:.1f} MB for {seconds:.1f} s of video: '
            f'{size / seconds / 1e3:.1f} kB per second'
        )
    lines += [f'failed: {result.reason}' for result in failed[:_LISTED]]
    if len(failed) > _LISTED:
        lines.append(f'and {len(failed) - _LISTED} more')
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    # So that what was begun is cleaned up when somebody ends the run.
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        results = extract(args)
    except VideoFilesError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; run it again to go on', file=sys.stderr)
        return 128 + signal.SIGINT
    finally:
        signal.signal(signal.SIGTERM, previous)
    print(summary(results))
    return int(any(result.status == 'failed' for result in results))


if __name__ == '__main__':
    sys.exit(main())
