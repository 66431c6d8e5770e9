"""The command line that the tools of all datasets share."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.command_line import dataset_parser
from ssvrl_mm.datasets.official.archives import unpack_dataset
from ssvrl_mm.datasets.official.dataset import OfficialDataset, PreparationError
from ssvrl_mm.datasets.official.preparation import REPORT, Preparation, prepare
from ssvrl_mm.datasets.video_list import VideoListError


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
    args = dataset_parser(dataset.name, description).parse_args(argv)
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
