"""Tells where the time of a training step goes, on any GPU or CPU.

Trains a copy of a config's model, from random weights, for some steps: first undisturbed, which
gives the videos per second, then as many of which each phase is timed, waiting for the device at
its borders, which gives the shares; both are printed. "preprocessing" is the data preprocessor,
"other" what lies between the phases, such as summing up losses and the hooks of every step. Nothing
is loaded, and nothing remains but the file of --json.

- `--input synthetic`: one batch of generated videos, made by the config's own train pipeline,
  again and again: what the device can do when data do not have to be waited for.
- `--input real`: the config's train dataloader, with its workers: "data wait" is then the time
  that the step waits for a batch.

Operations are those of matrix products, convolutions and attention in forward and backward pass, a
multiplication with its addition as two. Peak memory is what is allocated on a GPU, or else what the
process has in memory.

Example:
    python tools/analysis/benchmark_train.py configs/mvcgc/s3d_ucf101.py
    python tools/analysis/benchmark_train.py configs/mvcgc/s3d_ucf101.py --stage cross --json x.json
    python tools/analysis/benchmark_train.py configs/mvcgc/s3d_ucf101.py --input real
    torchrun --nproc_per_node 8 tools/analysis/benchmark_train.py CONFIG --launcher pytorch
"""

import argparse
import json
import os
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options, add_launcher, config_path


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, got {number}')
    return number


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=config_path, help='config file of a training')
    parser.add_argument('--input', choices=('synthetic', 'real'), default='synthetic')
    parser.add_argument(
        '--device', choices=('auto', 'cpu', 'cuda'), default='auto', help='(default: CUDA if any)'
    )
    parser.add_argument(
        '--batch-size', type=_positive, help="videos of a step (default: the config's)"
    )
    parser.add_argument(
        '--iterations', type=_positive, default=20, help='steps to measure, twice (%(default)s)'
    )
    parser.add_argument('--warmup', type=_positive, default=5, help='steps before (%(default)s)')
    parser.add_argument('--stage', help='stage of the training, such as cross (default: the first)')
    parser.add_argument(
        '--amp',
        action=argparse.BooleanOptionalAction,
        help='mixed precision on CUDA, or float32, whatever the config says',
    )
    parser.add_argument(
        '--channels-last',
        action=argparse.BooleanOptionalAction,
        help='memory layout of the clips, whatever the config says',
    )
    parser.add_argument(
        '--peak-tflops',
        type=float,
        help='what the device does at most, from its data sheet: prints the share',
    )
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    add_cfg_options(parser)
    add_launcher(parser)
    parser.set_defaults(work_dir=None)
    args = parser.parse_args()
    if args.json and not args.json.absolute().parent.is_dir():
        parser.error(f'there is no folder {args.json.absolute().parent} for --json')
    if args.peak_tflops is not None and not args.peak_tflops > 0:
        parser.error(f'--peak-tflops must be above 0, got {args.peak_tflops}')
    return args


def main() -> None:
    """Measures, prints the table and writes the figures."""
    args = parse_args()
    if args.device == 'cpu':
        # Before torch looks for devices.
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from mmengine.device import get_device

    from ssvrl_mm.engine import launch
    from ssvrl_mm.engine.loader_workers import settle_workers
    from ssvrl_mm.engine.optim import set_precision
    from ssvrl_mm.train_benchmark import preparation
    from ssvrl_mm.train_benchmark.devices import check_device
    from ssvrl_mm.train_benchmark.measuring import measure
    from ssvrl_mm.train_benchmark.report import figures, format_report

    with launch.in_words(args.launcher):
        check_device(args.device, get_device())
        cfg = launch.load_config(args)
        preparation.check_trains(cfg)
        if args.input == 'real':
            preparation.check_data(cfg)
        if args.batch_size:
            cfg.train_dataloader.batch_size = args.batch_size
        if args.amp is not None:
            set_precision(cfg.optim_wrapper, args.amp)
        if args.channels_last is not None:
            preparation.set_channels_last(cfg.model, args.channels_last)
        settle_workers(cfg)
        launch.setup_launcher(cfg, args.launcher)
        found = measure(cfg, args.iterations, args.warmup, args.input == 'synthetic', args.stage)
    if launch.is_first_process(args.launcher):
        report = {
            'config': str(args.config),
            'input': args.input,
            **figures(found, args.peak_tflops),
        }
        print(format_report(f'{args.config}, {args.input} input', report))
        if args.json:
            args.json.write_text(json.dumps(report, indent=2) + '\n')
    launch.finish()


if __name__ == '__main__':
    main()
