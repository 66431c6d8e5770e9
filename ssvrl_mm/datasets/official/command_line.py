"""The command line that the tools of all datasets share."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.datasets.official.archives import unpack_dataset
from ssvrl_mm.datasets.official.dataset import OfficialDataset, PreparationError
from ssvrl_mm.datasets.official.preparation import REPORT, Preparation, prepare
from ssvrl_mm.datasets.video_list import VideoListError
from ssvrl_mm.video.tools.parallel import count_cores


def parser_of(dataset: OfficialDataset, description: str | None) -> argparse.ArgumentParser:
    """The arguments; the defaults are those of the dataset."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data', dataset.name),
        help='folder of the dataset: lists and reports go there (default: %(default)s)',
    )
    parser.add_argument('--videos', type=Path, help='folder of the videos (default: OUT/videos)')
    parser.add_argument(
        '--annotations', type=Path, help='folder of the official lists (default: OUT/annotations)'
    )
    parser.add_argument(
        '--archives', type=Path, help='folder of the official archives, to unpack them first'
    )
    parser.add_argument(
        '--check',
        nargs='?',
        const='sample',
        choices=('sample', 'full'),
        help='decode a few frames of every video (full: all frames) and leave out what fails',
    )
    parser.add_argument(
        '--subset',
        action='store_true',
        help='other numbers than the official ones, and missing videos, are no mistake',
    )
    parser.add_argument(
        '--no-checksums', action='store_true', help='do not compare the archives to known sha256'
    )
    parser.add_argument(
        '--no-link', action='store_true', help='do not link OUT/videos to the folder of --videos'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace lists made otherwise')
    parser.add_argument(
        '--workers', type=int, default=count_cores(), help='processes of --check (%(default)s)'
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bars')
    parser.add_argument(
        '--print-commands',
        action='store_true',
        help='print how to download the dataset, and do nothing',
    )
    return parser


def run(
    dataset: OfficialDataset, argv: Sequence[str] | None = None, description: str | None = None
) -> Preparation | None:
    """Runs a dataset's tool.

    Args:
        dataset: Which one.
        argv: Arguments; those of the process by default.
        description: What ``--help`` says first.

    Returns:
        The report; None after ``--print-commands``.

    Raises:
        SystemExit: With a message, if the dataset cannot be prepared; 130 when interrupted.
    """
    args = parser_of(dataset, description).parse_args(argv)
    if args.print_commands:
        print(f'# {dataset.title}: {dataset.homepage}\n# terms: {dataset.terms}')
        archives = args.archives or args.out / 'archives'
        words = [shlex.quote(str(path)) for path in (archives, args.out)]
        print(dataset.commands(*words).strip())
        return None
    videos = args.videos or args.out / 'videos'
    annotations = args.annotations or args.out / 'annotations'
    try:
        if args.archives:
            targets = {'videos': videos, 'annotations': annotations}
            done = unpack_dataset(
                dataset, args.archives, targets, not args.no_checksums, not args.quiet
            )
            print(f'{len(done)} archives unpacked, the others were already')
        result = prepare(
            dataset,
            videos,
            annotations,
            args.out,
            args.check,
            args.subset,
            args.overwrite,
            args.workers,
            not args.quiet,
        )
        if not args.no_link:
            _link(videos, args.out / 'videos')
    except VideoListError as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        print('interrupted; run it again to go on', file=sys.stderr)
        sys.exit(130)
    print_report(result, args.out)
    return result


def _link(videos: Path, place: Path) -> None:
    """Makes the videos appear where the configs look for them."""
    if os.path.realpath(videos) == os.path.realpath(place):
        return
    if place.exists() or place.is_symlink():
        raise PreparationError(
            f'{place} is already there, but the lists are of {videos}: remove it, or give '
            '--no-link and set data_prefix in the config'
        )
    place.symlink_to(videos.absolute(), target_is_directory=True)
    print(f'{place} -> {videos.absolute()}')


def print_report(result: Preparation, out: Path) -> None:
    """Prints a row per list, and the warnings."""
    print(f'{result.dataset}: {result.num_files:,} video files; official lists: ', end='')
    print(result.official_lists)
    width = max(len(name) for name in result.lists)
    print(f'{"list":{width}}  official  annotated   listed  missing  unreadable')
    for name, report in result.lists.items():
        print(
            f'{name:{width}}  {report.official:8,}  {report.annotated:9,}  {report.listed:7,}  '
            f'{len(report.missing):7,}  {len(report.unreadable):10,}'
        )
    for warning in result.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    if result.damaged:
        print(f'{len(result.damaged):,} videos are damaged but can be read', file=sys.stderr)
    print(f'details: {out / REPORT}')
