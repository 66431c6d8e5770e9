"""Writes a page about a run: one file of HTML that holds all it shows, to look at or to send.

    python tools/analysis/report.py work_dirs/demo
    python tools/analysis/report.py work_dirs/mvcgc/s3d_ucf101 --out report.html --videos 12

It says what was run, how it went, what the videos are made of, what the network finds with its
newest checkpoint, and what a step costs. What the network gives is kept in NAME_cache beside the
page, so that the next report takes seconds. The config of the run is executed, as every config of
OpenMMLab is.
"""

import argparse
import sys
from pathlib import Path

from ssvrl_mm.command_line import add_device, config_path


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', type=Path, metavar='WORK_DIR', help='folder of the run')
    parser.add_argument(
        '--out', type=Path, help='the page to write (default: WORK_DIR/report.html)'
    )
    parser.add_argument(
        '--videos', type=int, default=6, metavar='N', help='queries that are shown (default: 6)'
    )
    parser.add_argument('--no-videos', action='store_true', help='show none')
    parser.add_argument('-k', type=int, default=3, help='neighbours of each (default: 3)')
    parser.add_argument(
        '--limit-mb', type=float, default=10, help='the page is no larger (default: 10)'
    )
    parser.add_argument(
        '--config', type=config_path, help='config file to compare with (default: that of its name)'
    )
    parser.add_argument(
        '--look-at', type=int, default=100, metavar='N',
        help='videos that are looked into, 0: none (default: 100)',
    )  # fmt: skip
    parser.add_argument(
        '--no-network', action='store_true', help='do not run the network; use what was kept'
    )
    parser.add_argument('--workers', type=int, default=2, help='decoding processes (default: 2)')
    add_device(parser)
    args = parser.parse_args()
    args.out = args.out or args.work_dir / 'report.html'
    for name, least in (('videos', 0), ('k', 1), ('look_at', 0), ('workers', 0)):
        if getattr(args, name) < least:
            option = ('--' if len(name) > 1 else '-') + name.replace('_', '-')
            parser.error(f'{option} must be {least} or more, got {getattr(args, name)}')
    if not args.limit_mb > 0:
        parser.error(f'--limit-mb must be above 0, got {args.limit_mb:g}')
    if args.out.suffix.lower() not in ('.html', '.htm'):
        parser.error(f'--out must end in .html, got {args.out}')
    return args


def main() -> None:
    """Writes the page."""
    args = parse_args()
    if not args.work_dir.is_dir():
        # At once: what follows imports for seconds.
        sys.exit(f'error: there is no folder {args.work_dir}')
    from ssvrl_mm.visualization.arguments import telling_errors

    with telling_errors():
        from ssvrl_mm.report import NetworkOptions, ReportOptions, write_page

        network = NetworkOptions(not args.no_network, args.workers, args.device)
        options = ReportOptions(
            videos=0 if args.no_videos else args.videos,
            neighbours=args.k,
            limit_mb=args.limit_mb,
            look_at=args.look_at,
            base=args.config,
            network=network,
        )
        write_page(args.work_dir, args.out, options)
    print(f'wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
