r"""Writes the list of the videos under a folder: ``path label`` lines, and the class names.

The first-level folders are the classes. Videos that do not open are left out and reported.

    # one list, video_list.txt (and classes.txt where there are classes)
    python tools/data/build_video_list.py data/gym/videos --out data/gym
    # train_list.txt and test_list.txt, a fifth of each class held out
    python tools/data/build_video_list.py data/gym/videos --out data/gym --test-ratio 0.2
    # the same, but nobody appears on both sides: what the pattern matches names the person
    python tools/data/build_video_list.py data/gym/videos --out data/gym --test-ratio 0.2 \
        --group 'subject(\d+)'
    # or these persons
    python tools/data/build_video_list.py data/gym/videos --out data/gym \
        --group 'subject(\d+)' --test-groups 03 07
    # and groups.txt: which videos were cut from one recording, for contrastive training
    python tools/data/build_video_list.py data/gym/videos --out data/gym \
        --write-groups '(subject\d+_take\d+)_'
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssvrl_mm.datasets import VideoEntry


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='folder of videos, searched recursively')
    parser.add_argument('--out', type=Path, help='where to write; default: the folder itself')
    parser.add_argument('--test-ratio', type=float, default=0.0, help='share to hold out')
    parser.add_argument(
        '--group', help='regular expression: videos with the same match stay together'
    )
    parser.add_argument('--test-groups', nargs='+', default=[], help='groups to hold out')
    parser.add_argument(
        '--write-groups',
        metavar='REGEX',
        help='write groups.txt: videos with the same match are of one recording',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the random split')
    parser.add_argument('--no-check', action='store_true', help='do not open the videos')
    parser.add_argument('--workers', type=int, default=4, help='threads that open videos')
    parser.add_argument('--overwrite', action='store_true', help='replace existing lists')
    args = parser.parse_args(argv)
    if not 0 <= args.test_ratio < 1:
        parser.error(f'--test-ratio must be in 0..1, got {args.test_ratio}')
    if args.test_groups and not args.group:
        parser.error('--test-groups needs --group')
    if args.group and not (args.test_groups or args.test_ratio):
        parser.error('--group needs --test-groups or --test-ratio')
    return args


def build(args: argparse.Namespace) -> dict[str, list[VideoEntry]]:
    """Scans, checks, splits and writes; gives the lists by their file names."""
    from ssvrl_mm.datasets import (
        GROUPS_FILE,
        VideoListError,
        describe_recordings,
        find_bad_videos,
        group_of,
        scan_videos,
        split_by_group,
        split_by_ratio,
        write_groups,
        write_video_list,
    )

    out = args.out or args.folder
    entries, classes = scan_videos(args.folder)
    if not args.no_check:
        paths = [args.folder / entry.path for entry in entries]
        bad = find_bad_videos(paths, args.workers)
        entries = [e for e, path in zip(entries, paths, strict=True) if str(path) not in bad]
        for path, cause in bad.items():
            print(f'left out {path}: {cause}', file=sys.stderr)
        if not entries:
            raise VideoListError(f'none of the {len(bad)} videos under {args.folder} can be read')

    if args.group:
        splits = split_by_group(entries, args.group, args.test_groups, args.test_ratio, args.seed)
    else:
        splits = split_by_ratio(entries, args.test_ratio, args.seed)
    wants_split = bool(args.test_ratio or args.test_groups)
    if wants_split and not all(splits):
        raise VideoListError(
            f'the split has an empty side: {len(splits[0])} to train, {len(splits[1])} to test'
        )
    names = ('train_list.txt', 'test_list.txt') if wants_split else ('video_list.txt',)
    lists = dict(zip(names, splits, strict=False))

    groups = {e.path: group_of(e.path, args.write_groups) for e in entries if args.write_groups}

    written = [*lists, 'classes.txt', *([GROUPS_FILE] if groups else [])]
    there = [str(out / name) for name in written if (out / name).exists()]
    if there and not args.overwrite:
        raise VideoListError(f'{", ".join(there)}: already there; --overwrite replaces')
    out.mkdir(parents=True, exist_ok=True)
    if groups:
        write_groups(out / GROUPS_FILE, groups)
        print(f'{out / GROUPS_FILE}: {describe_recordings(list(groups.values()))}')
    for name, part in lists.items():
        write_video_list(out / name, part)
        print(f'{out / name}: {len(part)} videos')
    if classes:
        (out / 'classes.txt').write_text('\n'.join(classes) + '\n', encoding='utf-8')
        print(f'{out / "classes.txt"}: {len(classes)} classes')
    return lists


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the tool."""
    args = parse_args(argv)
    # Seconds of imports, which --help need not wait for.
    from ssvrl_mm.datasets import VideoListError

    try:
        build(args)
    except VideoListError as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
