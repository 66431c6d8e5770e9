"""Evaluates a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

import argparse
import sys

from mmengine.config import Config
from mmengine.runner import Runner

import ssvrl_mm  # noqa: F401 - arranges the workarounds for upstream defects
from ssvrl_mm.engine import launch
from ssvrl_mm.engine.loader_workers import named_workers


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; left out where the model names one for each of its streams',
    )
    parser.add_argument('--dump', metavar='FILE.pkl', help='also write the predictions there')
    launch.add_arguments(parser)
    args = parser.parse_args()
    if args.dump is not None and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes a pickle file (.pkl, .pickle), got {args.dump}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Writes what the arguments say into the config; ends the process without weights to test."""
    if args.checkpoint is None and not cfg.model.get('checkpoints'):
        sys.exit(f'{args.config}: give a checkpoint to test')
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.dump is not None:
        evaluators = cfg.test_evaluator
        evaluators = list(evaluators) if isinstance(evaluators, list | tuple) else [evaluators]
        cfg.test_evaluator = [*evaluators, {'type': 'DumpResults', 'out_file_path': args.dump}]


def main() -> None:
    """Evaluates."""
    args = parse_args()
    cfg = launch.load_config(args)
    merge_args(cfg, args)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), {'type': 'EvaluationReportHook'}]
    launch.prepare(cfg, args, ['test_dataloader'])
    with launch.in_words(args.launcher), named_workers():
        Runner.from_cfg(cfg).test()
    launch.finish()


if __name__ == '__main__':
    main()
