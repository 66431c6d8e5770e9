"""Trains a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ssvrl_mm.command_line import add_arguments, config_path

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', type=config_path, help='config file')
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from this checkpoint; without a value (or with "auto"), from the newest whole '
        'one in the work dir, if there is one',
    )
    start.add_argument(
        '--overwrite', action='store_true', help='delete the checkpoints in the work dir first'
    )
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument(
        '--amp', action='store_true', help='mixed precision on CUDA, whatever the config says'
    )
    precision.add_argument(
        '--no-amp', action='store_true', help='float32, whatever the config says'
    )
    parser.add_argument('--no-validate', action='store_true', help='never run the validation')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the real over the base batch size of the config',
    )
    parser.add_argument('--seed', type=int, help='seed of the run (default: what the config says)')
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic algorithms on CUDA (slower)'
    )
    add_arguments(parser)
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Writes what the arguments say into the config."""
    from ssvrl_mm.engine.optim import forbid_amp, set_precision

    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        set_precision(cfg.optim_wrapper, amp=True)
    if args.no_amp:
        forbid_amp(cfg)
    if args.auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    if args.seed is not None:
        cfg.merge_from_dict({'randomness.seed': args.seed})
    if args.deterministic:
        cfg.merge_from_dict({'randomness.deterministic': True})


def choose_start(cfg: Config, args: argparse.Namespace) -> str:
    """Writes into the config what the run starts from; gives the reason, for the log."""
    from ssvrl_mm.engine import work_dir

    resume = args.resume
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is not None:
        return work_dir.setup_resume(cfg, resume)
    if not args.overwrite:
        work_dir.check_free(cfg.work_dir)
    return 'training starts from the beginning'


def main() -> None:
    """Trains."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.engine import launch, work_dir
    from ssvrl_mm.engine.hooks.training_amount import check_iterations
    from ssvrl_mm.engine.loader_workers import named_workers
    from ssvrl_mm.engine.runner import ToolRunner

    cfg = launch.load_config(args, 'train_dataloader', 'optim_wrapper')
    merge_args(cfg, args)
    with launch.in_words(args.launcher):
        start = choose_start(cfg, args)
        launch.prepare(cfg, args, ['train_dataloader', 'val_dataloader'])
        if args.overwrite and launch.is_first_process(args.launcher):
            work_dir.clear(cfg.work_dir)
        runner = ToolRunner.from_cfg(cfg)
        runner.logger.info(start)
        # Before mmengine's schedules, which stumble over an epoch without iterations.
        check_iterations(runner.train_dataloader)
        with named_workers():
            runner.train()
    launch.finish()


if __name__ == '__main__':
    main()
