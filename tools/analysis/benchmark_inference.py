"""Measures what a video costs from its file to the output of networks, in the papers' set-ups.

Table 1 of MVCGC: pre-processing, inference, total and bytes on disk per video; and the frames per
second at which whole files give keyframes and motion vectors, "over 500 on CPU" in Context-Motion.
Table 2 of IMRNet: milliseconds and multiply-adds per frame, a clip divided by its frames.

- mvcgc: frames and motion vectors on the fly; S3D on each.
- coclr: all frames, and the TV-L1 flow between them, go to JPEG files, which are read; S3D on each.
- stored-flow: frames on the fly, the same flow from the file of tools/data/extract_flow.py.
- imrnet, imrnet-r50: re-encoded as MPEG-4 with GOPs of 12; five I-frames of that, vectors and
  residuals of 25 P-frames; IMRNet of 18 or 50 layers.
- coviar: the same, accumulated; ResNet-152 on I-frames, ResNet-18 on vectors and on residuals.
- r2plus1d, resnet152: all frames of a clip of 16 or 25; R(2+1)D-18, ResNet-152.
- context-motion: clip, keyframe and motion vectors on the fly; V-, I- and M-network.

Each stores what it needs ("store"), reads the clips that its networks take, cropped and packed
("read"), and forwards them ("network"). As in the paper, pre-processing is storing, and inference
the rest; where nothing is stored, reading is the pre-processing. Files are met as if for the first
time. Set-ups take turns; medians over rounds and videos. Networks have random weights.

TV-L1 takes minutes per video, round and set-up (0.7 s per frame and more), and needs
opencv-contrib-python; --flow-method dis is a hundred times as fast.

Example:
    python tools/analysis/benchmark_inference.py                     # on generated videos
    python tools/analysis/benchmark_inference.py video.avi other.mp4 --json inference.json
    python tools/analysis/benchmark_inference.py data/ucf101/test_list.txt --number 20
    python tools/analysis/benchmark_inference.py --device cuda --protocol ten_crops
    python tools/analysis/benchmark_inference.py --setups mvcgc imrnet --rounds 21
    python tools/analysis/benchmark_inference.py --setups imrnet r2plus1d --width 0.1 --rounds 1

Exit status: 0 when done, 1 if a video failed, 2 for wrong arguments.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

#: Names of ssvrl_mm.inference_benchmark, which --help need not wait for.
SETUPS = (
    'mvcgc',
    'coclr',
    'stored-flow',
    'imrnet',
    'imrnet-r50',
    'coviar',
    'r2plus1d',
    'resnet152',
    'context-motion',
)
PROTOCOLS = ('one_clip', 'ten_clips', 'three_crops', 'ten_crops')

FIGURES = ('.png', '.jpg', '.svg', '.pdf')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'videos',
        nargs='*',
        help='videos, folders of videos, or .txt lists of them; generated ones if none',
    )
    parser.add_argument(
        '--number',
        type=_positive,
        default=1,
        help='videos of each folder or list, or generated ones (default: %(default)s)',
    )
    generated = parser.add_argument_group('generated videos')
    generated.add_argument('--codec', choices=('mpeg4', 'h264'), default='mpeg4')
    generated.add_argument('--size', type=_size, default='320x240', metavar='WIDTHxHEIGHT')
    generated.add_argument('--frames', type=_positive, default=186, help='of each')
    parser.add_argument('--setups', nargs='+', choices=SETUPS, default=SETUPS)
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        default='one_clip',
        help='the clips of a video: the one in the middle, ten, a moving window (default: '
        '%(default)s)',
    )
    parser.add_argument(
        '--flow-method', choices=('tvl1', 'farneback', 'dis'), default='tvl1', help='of the flow'
    )
    parser.add_argument(
        '--width',
        type=float,
        default=1.0,
        help='factor on the channels; of IMRNet on those of I-frames',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu', help='of the networks')
    parser.add_argument(
        '--threads', type=_positive, default=1, help='of PyTorch and OpenCV; decoding has one'
    )
    parser.add_argument('--rounds', type=_positive, default=3, help='measurements of each video')
    parser.add_argument(
        '--clock',
        choices=('wall', 'cpu'),
        default='wall',
        help='what is measured; CPU time of the process is steady on a machine with other work',
    )
    parser.add_argument('--memory', action='store_true', help='measure peak memory (Linux)')
    parser.add_argument('--scratch', type=Path, help='folder for what set-ups store')
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    parser.add_argument('--figure', type=Path, help="draw the paper's Figure 1 to this file")
    args = parser.parse_args(argv)
    if args.clock == 'cpu' and args.device == 'cuda':
        parser.error('--clock cpu does not see what a GPU does')
    if not 0 < args.width <= 1:
        parser.error(f'--width must be above 0 and at most 1, got {args.width}')
    if args.figure and args.figure.suffix.lower() not in FIGURES:
        parser.error(f'--figure {args.figure}: its suffix must be one of {" ".join(FIGURES)}')
    for folder in [args.scratch] + [f.parent for f in (args.json, args.figure) if f]:
        if folder is not None and not folder.is_dir():
            parser.error(f'no folder {folder}')
    return args


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 1 on')
    return int(text)


def _size(text: str) -> tuple[int, int]:
    """``(h, w)``."""
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f'{text!r} is not like 320x240')
    size = int(height), int(width)
    if min(size) < 32 or any(side % 2 for side in size):
        raise argparse.ArgumentTypeError(f'{text}: sides must be even, and 32 px or more')
    return size


def run(args: argparse.Namespace, folder: Path) -> int:
    """Measures, prints the tables, writes the files; returns the exit status."""
    # What --help need not wait for.
    import torch
    from tqdm import tqdm

    from ssvrl_mm.decode_benchmark.generated import generate_alike
    from ssvrl_mm.decode_benchmark.measuring import peak_memory
    from ssvrl_mm.inference_benchmark.base import Options
    from ssvrl_mm.inference_benchmark.machine import describe_machine
    from ssvrl_mm.inference_benchmark.measuring import Clock, Run, measure
    from ssvrl_mm.inference_benchmark.report import format_report, make_report
    from ssvrl_mm.inference_benchmark.setups import build_setups, once
    from ssvrl_mm.inference_benchmark.videos import check_video, choose_videos
    from ssvrl_mm.inference_benchmark.whole_files import measure_whole_files
    from ssvrl_mm.video import VideoError

    failures: list[VideoError] = []
    videos = []
    paths = choose_videos(args.videos, args.number) or generate_alike(
        folder, args.number, args.frames, args.size, args.codec
    )
    for path in paths:
        try:
            videos.append(check_video(path))
        except VideoError as error:
            failures.append(error)
    _print_errors(failures)
    if not videos:
        return 1
    options = Options(args.protocol, args.width, args.device, args.threads, args.flow_method)
    setups, not_measured = build_setups(args.setups, options)
    clock = Clock(
        time.process_time if args.clock == 'cpu' else time.perf_counter,
        torch.cuda.synchronize if args.device == 'cuda' else bool,
    )
    rates, unreadable = measure_whole_files(videos, args.rounds, clock)
    runs: dict[str, list[Run]] = {name: [] for name in setups}
    steps = tqdm(
        measure(setups, videos, args.rounds, folder, clock),
        total=len(setups) * len(videos) * args.rounds,
        disable=None,
    )
    for name, outcome in steps:
        if isinstance(outcome, VideoError):
            unreadable.append(outcome)
            not_measured[f'{name} of {outcome.path}'] = outcome.reason
        else:
            runs[name].append(outcome)
    _print_errors(unreadable)
    not_measured |= {name: setup.remark for name, setup in setups.items() if setup.remark}
    report = make_report(
        describe_machine(), options, args.clock, videos, setups, runs, rates, not_measured
    )
    if args.memory:
        for name, summary in report['setups'].items():
            summary['peak_MiB'] = peak_memory(partial(once, name, options, videos[0]), name, 1)
    print(format_report(report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + '\n')
    if args.figure:
        from ssvrl_mm.inference_benchmark.figure import draw_figure

        draw_figure(report, args.figure)
    return int(bool(failures or unreadable))


def _print_errors(errors: Sequence[Exception]) -> None:
    for text in dict.fromkeys(map(str, errors)):
        print(f'error: {text}', file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    from ssvrl_mm.inference_benchmark.base import GpuMissingError
    from ssvrl_mm.video.tools.files import VideoFilesError

    try:
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            return run(args, Path(folder))
    except (VideoFilesError, GpuMissingError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2 if isinstance(error, GpuMissingError) else 1


if __name__ == '__main__':
    sys.exit(main())
