"""Evaluates a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ssvrl_mm.command_line import add_arguments, config_path

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint')
    parser.add_argument('config', type=config_path, help='config file')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint: file, URL or name of a model of the zoo; left out where the model names '
        'one for each of its streams; `random`: the weights that a training starts from',
    )
    parser.add_argument('--dump', metavar='FILE.pkl', help='also write the predictions there')
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision on CUDA: figures may differ a little'
    )
    add_arguments(parser)
    args = parser.parse_args()
    if args.dump is not None and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes a pickle file (.pkl, .pickle), got {args.dump}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Writes what the arguments say into the config; ends the process without weights to test."""
    # Backbones that all start from weights of their own need none.
    backbones = list((cfg.model.get('backbones') or {}).values())
    has_own = bool(backbones) and all(b and b.get('pretrained') for b in backbones)
    if args.checkpoint is None and not cfg.model.get('checkpoints') and not has_own:
        sys.exit(f'error: {args.config}: give a checkpoint to test')
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.checkpoint == 'random':
        cfg.load_from = None
        hooks = [h for h in cfg.get('custom_hooks') or () if not _is_init_before_test(h['type'])]
        cfg.custom_hooks = [*hooks, {'type': 'InitBeforeTestHook', 'random': True}]
    if args.amp:
        from ssvrl_mm.engine.optim import evaluate_with_amp

        evaluate_with_amp(cfg)
    if args.dump is not None:
        evaluators = cfg.test_evaluator
        evaluators = list(evaluators) if isinstance(evaluators, list | tuple) else [evaluators]
        cfg.test_evaluator = [*evaluators, {'type': 'DumpResults', 'out_file_path': args.dump}]


def _is_init_before_test(kind: str | type) -> bool:
    """Whether a hook's type is InitBeforeTestHook, with a scope before its name or not."""
    name = kind if isinstance(kind, str) else kind.__name__
    return name.rpartition('.')[2] == 'InitBeforeTestHook'


def main() -> None:
    """Evaluates."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.engine import launch
    from ssvrl_mm.engine.loader_workers import named_workers
    from ssvrl_mm.engine.runner import ToolRunner

    cfg = launch.load_config(args, 'test_dataloader')
    merge_args(cfg, args)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), {'type': 'EvaluationReportHook'}]
    launch.prepare(cfg, args, ['test_dataloader'])
    with launch.in_words(args.launcher), named_workers():
        ToolRunner.from_cfg(cfg).test()
    launch.finish()


if __name__ == '__main__':
    main()
