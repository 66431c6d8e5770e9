"""What the commands share that make a file of each video."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ssvrl_mm.video.motion.flow import FlowMethod
from ssvrl_mm.video.motion.raft import RAFT
from ssvrl_mm.video.tools.derived_files import FileResult, summary
from ssvrl_mm.video.tools.files import VideoFilesError, find_videos
from ssvrl_mm.video.tools.parallel import count_cores


def add_videos(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say which videos, and where their files go."""
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


def add_work(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say how the work is done."""
    parser.add_argument(
        '--workers',
        type=_number_of_workers,
        default=count_cores(),
        help='processes (default: %(default)s)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files that do not fit')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')


def _number_of_workers(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'must be a number, 0 or more, got {text!r}')
    return int(text)


def add_raft(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of RAFT."""
    parser.add_argument('--weights', type=Path, metavar='FILE', help='of RAFT')
    parser.add_argument('--raft-size', choices=('small', 'large'), default='small')
    parser.add_argument('--raft-updates', type=int, default=12, help='iterations of RAFT')
    parser.add_argument('--device', default='cpu', help='where RAFT computes')


def flow_method(args: argparse.Namespace) -> FlowMethod:
    """The method that ``--method`` and the arguments of RAFT mean.

    Raises:
        ValueError: RAFT's weights are missing, or it does not take its options.
        ImportError: RAFT needs torchvision.
    """
    if (args.method == 'raft') != (args.weights is not None):
        raise ValueError('--weights goes with --method raft')
    if args.method != 'raft':
        return args.method
    if not args.weights.is_file():
        raise ValueError(f'no weights at {args.weights}')
    return RAFT(args.weights, args.raft_size, args.device, args.raft_updates)


def chosen_videos(args: argparse.Namespace) -> tuple[Path, list[str]]:
    """The folder and the names in it that :func:`add_videos` asks for.

    Raises:
        VideoFilesError: there is no video.
    """
    if args.list or args.videos.is_dir():
        return args.videos, find_videos(args.videos, args.list)
    return args.videos.parent, [args.videos.name]


def run(make: Callable[[], Sequence[FileResult]]) -> int:
    """Makes the files and says what became of them; returns the exit status.

    0 when done, 1 if any video failed, 2 if there is none, 130 and 143 when interrupted.
    """
    # So that what was begun is cleaned up when somebody ends the run.
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        results = make()
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
