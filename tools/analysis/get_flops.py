"""Counts the multiply-adds and parameters of a config's backbones, per stage, for one clip.

The clip is what the config's pipeline makes of a generated video, or what --shape says. Nothing is
loaded and the backbones compute nothing, so that every size takes seconds. Multiply-adds are those
of matrix products, convolutions and attention; many papers call them FLOPs. Heads, momentum copies
and what happens outside the backbones are left out.

Example:
    python tools/analysis/get_flops.py configs/mvcgc/s3d_ucf101.py
    python tools/analysis/get_flops.py configs/mvcgc/s3d_ucf101.py --json flops.json \\
        --shape rgb=3,32,224,224 motion=2,32,224,224
"""

import argparse
import json
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options, config_path


def _stream_and_shape(text: str) -> tuple[str, tuple[int, ...]]:
    stream, _, numbers = text.partition('=')
    try:
        shape = tuple(int(number) for number in numbers.split(','))
    except ValueError:
        shape = ()
    if not stream or len(shape) != 4 or min(shape) < 1:
        raise argparse.ArgumentTypeError(
            f'must be STREAM=CHANNELS,FRAMES,HEIGHT,WIDTH, such as rgb=3,32,112,112: {text!r}'
        )
    return stream, shape


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=config_path, help='config file of a training or a test')
    parser.add_argument(
        '--shape',
        nargs='+',
        type=_stream_and_shape,
        metavar='STREAM=C,T,H,W',
        help='one clip of each stream that the backbones take (default: as the pipeline makes it)',
    )
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    add_cfg_options(parser)
    parser.set_defaults(work_dir=None, launcher='none', local_rank=0)
    args = parser.parse_args()
    if args.json and not args.json.absolute().parent.is_dir():
        parser.error(f'there is no folder {args.json.absolute().parent} for --json')
    streams = [stream for stream, _ in args.shape or ()]
    if len(set(streams)) < len(streams):
        parser.error(f'--shape names a stream twice: {", ".join(streams)}')
    return args


def main() -> None:
    """Counts, prints the table and writes the figures."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.complexity.report import figures, format_report
    from ssvrl_mm.engine import launch

    with launch.in_words(args.launcher):
        cfg = launch.load_config(args)
        report = {'config': str(args.config), **figures(cfg, dict(args.shape or ()))}
    print(format_report(str(args.config), report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    main()
