"""Tools for video files: a health report, and re-encoding.

    # what a video is, or a dataset, and what is wrong with it
    python -m ssvrl_mm.video info clip.mp4
    python -m ssvrl_mm.video info ucf101/videos --json health.json
    # re-encode a video, or a dataset; run again to go on where it stopped
    python -m ssvrl_mm.video transcode clip.webm clip.mp4 --preset h264-nob
    python -m ssvrl_mm.video transcode ucf101/videos ucf101/gop12 --preset mpeg4-gop12 --fps 30

Exit status: 0 when done. info: 1 if not one video can be read. transcode: 1 if any failed.
2 for wrong arguments, 130 and 143 when interrupted.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from tqdm import tqdm

from ssvrl_mm.video.tools.encoding import PRESETS, EncoderSettings
from ssvrl_mm.video.tools.files import VideoFilesError, find_videos
from ssvrl_mm.video.tools.health import VideoHealth, as_json, inspect_video, inspect_videos
from ssvrl_mm.video.tools.health_report import dataset_report, summarize, video_report
from ssvrl_mm.video.tools.parallel import count_cores
from ssvrl_mm.video.tools.transcode import TranscodeResult, transcode_or_report, transcode_tree

# Failures that the summary of a transcode names before it breaks off.
_LISTED = 50


class _UsageError(Exception):
    """Arguments that do not go together."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    args = _parser().parse_args(argv)
    # So that what was begun is cleaned up when somebody ends the run.
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return args.command(args)
    except (VideoFilesError, _UsageError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; run it again to go on', file=sys.stderr)
        return 128 + signal.SIGINT
    finally:
        signal.signal(signal.SIGTERM, previous)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m ssvrl_mm.video',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title='commands', required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        '--list',
        type=Path,
        nargs='+',
        default=[],
        metavar='FILE',
        help='only the videos of these lists (`path [label]` lines)',
    )
    shared.add_argument(
        '--workers', type=int, default=count_cores(), help='processes (default: %(default)s)'
    )
    shared.add_argument('--quiet', action='store_true', help='no progress bar')

    info = commands.add_parser('info', parents=[shared], help='what videos are, and their problems')
    info.add_argument('path', type=Path, nargs='?', help='a video, or a folder of videos')
    info.add_argument('--root', type=Path, help='the folder that the paths of --list start from')
    info.add_argument('--json', type=Path, metavar='FILE', help='write the full report there')
    info.add_argument(
        '--full', action='store_true', help='decode every frame: finds damage anywhere'
    )
    info.set_defaults(command=_info)

    transcode = commands.add_parser('transcode', parents=[shared], help='re-encode videos')
    transcode.add_argument('source', type=Path, help='a video, or a folder of videos')
    transcode.add_argument('target', type=Path, help='the file, or the folder, to write')
    transcode.add_argument('--preset', choices=sorted(PRESETS), required=True)
    transcode.add_argument(
        '--quality',
        type=int,
        help='lower is better; mpeg4: quantiser 1-31 (default 3), h264: CRF 1-51 (default 18)',
    )
    transcode.add_argument(
        '--gop', type=int, default=12, help='frames from I-frame to I-frame (default: 12)'
    )
    transcode.add_argument(
        '--short-side', type=int, metavar='PX', help='scale what is larger to this'
    )
    transcode.add_argument(
        '--fps',
        type=frame_rate,
        help='rate, e.g. 30 or 30000/1001; by default frames as they are',
    )
    transcode.add_argument(
        '--suffix', help='of the files to write, e.g. .mp4; by default names stay as they are'
    )
    transcode.add_argument(
        '--overwrite', action='store_true', help='replace videos that were not written by this tool'
    )
    transcode.set_defaults(command=_transcode)
    return parser


def frame_rate(text: str) -> Fraction:
    """A number of frames per second."""
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(text) from None


def _info(args: argparse.Namespace) -> int:
    folder = args.path or args.root
    if folder is None or (args.root and not args.list) or (args.path and args.root):
        raise _UsageError('give a video or a folder, or --list with --root')
    if args.list or folder.is_dir():
        paths = [folder / name for name in find_videos(folder, args.list)]
        healths = _inspect_all(paths, args.full, args.workers, not args.quiet)
        print(dataset_report(healths))
    else:
        healths = [inspect_video(folder, args.full)]
        print(video_report(healths[0]))
    if args.json:
        report = {'summary': summarize(healths), 'videos': [as_json(h) for h in healths]}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    return 0 if any(health.readable for health in healths) else 1


def _inspect_all(
    paths: Sequence[Path], full: bool, workers: int, progress: bool
) -> list[VideoHealth]:
    healths = [VideoHealth(str(path), readable=False) for path in paths]
    with closing(inspect_videos(paths, full, workers)) as reports:
        for number, health in tqdm(reports, total=len(paths), unit='video', disable=not progress):
            healths[number] = health
    return healths


def _transcode(args: argparse.Namespace) -> int:
    try:
        settings = EncoderSettings(args.preset, args.quality, args.gop, args.short_side, args.fps)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    source, target, suffix = args.source, args.target, args.suffix
    if suffix and not suffix.startswith('.'):
        raise _UsageError(f'--suffix must start with a dot, got {suffix!r}')
    if args.list or source.is_dir():
        results = transcode_tree(
            source,
            target,
            find_videos(source, args.list),
            settings,
            suffix,
            args.overwrite,
            args.workers,
            not args.quiet,
        )
    else:
        target = target / source.name if target.is_dir() else target
        target = target.with_suffix(suffix) if suffix else target
        results = [transcode_or_report((source, target), settings, args.overwrite)]
    print(_transcode_summary(results))
    return int(any(result.status == 'failed' for result in results))


def _transcode_summary(results: Sequence[TranscodeResult]) -> str:
    by_status = {s: [r for r in results if r.status == s] for s in ('written', 'skipped', 'failed')}
    written, failed = by_status['written'], by_status['failed']
    lines = [', '.join(f'{len(found)} {status}' for status, found in by_status.items())]
    if written:
        frames = sum(r.num_frames for r in written)
        before = sum(r.source_bytes for r in written) / 1e6
        after = sum(r.target_bytes for r in written) / 1e6
        lines.append(f'{frames} frames, {before:.1f} MB became {after:.1f} MB')
    lines += [
        f'{r.target}: {r.num_replaced} frames could not be decoded and repeat the one before'
        for r in written
        if r.num_replaced
    ]
    lines += [
        f'{r.target}: {r.num_missing} frames are missing in {r.source}, it is truncated'
        for r in written
        if r.num_missing
    ]
    lines += [f'failed: {r.reason}' for r in failed[:_LISTED]]
    if len(failed) > _LISTED:
        lines.append(f'and {len(failed) - _LISTED} more')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
