"""The main job in minutes on a CPU: pretrains on compressed video, evaluates retrieval.

    python tools/demo.py                              # MVCGC on the embedded MotionPrimitives
    python tools/demo.py --videos /path/to/videos     # on your own folder
    python tools/demo.py --videos /path/to/videos --group 'subject(\\d+)'
    python tools/demo.py --config configs/context_motion/context_motion_demo.py

The table compares R@1 of the network before and after pretraining. Where the folder's sub-folders
are classes, held-out videos look for training videos of their class. Without classes, the second
half of each video looks for the first half of the same video.
"""

import argparse
import sys
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options, config_path, default_work_dir, tool_command
from ssvrl_mm.progress import Progress

CONFIG = Path(__file__).resolve().parents[1] / 'configs/mvcgc/demo.py'


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--config', type=config_path, default=CONFIG, help='demo of another method')
    parser.add_argument('--videos', type=Path, help='folder of your own videos')
    parser.add_argument(
        '--group',
        metavar='PATTERN',
        help='regular expression: videos in whose paths it matches the same (a person, a scene) '
        'are all training videos or all held out',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='folder of the figures, checkpoints and logs (default: work_dirs/demo, '
        'work_dirs/demo_videos with --videos, that of its config with --config)',
    )
    parser.add_argument('--seed', type=int, help="of weights and batches (default: the config's)")
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    if args.group and not args.videos:
        parser.error('--group needs --videos')
    if args.work_dir is None:
        if args.config == CONFIG:
            args.work_dir = Path('work_dirs/demo')
        else:
            args.work_dir = Path(default_work_dir(args.config))
        if args.videos:
            args.work_dir = args.work_dir.with_name(f'{args.work_dir.name}_videos')
    return args


def next_steps(args: argparse.Namespace, config: Path) -> str:
    """Where to go from here."""
    if args.videos:
        first = (f'{tool_command("train.py")} {config}', 'the same config, to change and to train')
    else:
        first = (f'{tool_command("demo.py")} --videos FOLDER', 'the same on videos of your own')
    rows = [
        first,
        ('docs/training.md', 'pretraining in earnest, a config of your own'),
        ('docs/inference.md', 'features and neighbours by a checkpoint'),
    ]
    width = max(len(what) for what, _ in rows)
    return '\n'.join(['next:', *(f'  {what:<{width}}  {why}' for what, why in rows)])


def main() -> None:
    """Runs the demo."""
    args = parse_args()
    takes = '6 to 9 minutes on two cores' if args.config == CONFIG else 'minutes on two cores'
    print(
        'The demo pretrains on compressed video without labels and searches videos by what was '
        f'learned: {takes}.',
        flush=True,
    )
    with Progress('loading torch and OpenMMLab', stream=sys.stdout):
        from ssvrl_mm.config_files import ConfigReadError, read_config
        from ssvrl_mm.datasets import VideoListError
        from ssvrl_mm.demo import Target, run_demo, write_config
        from ssvrl_mm.engine.config_checks import OptionsError, merge_options
        from ssvrl_mm.engine.launch import LaunchError, check_files
        from ssvrl_mm.engine.loader_workers import named_workers, settle_workers
        from ssvrl_mm.engine.work_dir import WorkDirError, claim, clear, clear_report
    config, target = args.config, Target.CLASS
    try:
        claim(args.work_dir, 'demo')
        if args.videos:
            own = write_config(args.config, args.videos, args.work_dir, args.group)
            config, target = own.config, own.target
            print('\n'.join(own.said), flush=True)
        cfg = read_config(config)
        cfg.work_dir = str(args.work_dir)
        if args.seed is not None:
            cfg.merge_from_dict({'randomness.seed': args.seed})
        # One checkpoint, at the end: few videos make for hundreds of short epochs.
        cfg.default_hooks.checkpoint.interval = -1
        merge_options([cfg], args.cfg_options)
        check_files(cfg, ['train_dataloader', 'test_dataloader'])
    except (ConfigReadError, LaunchError, OptionsError, VideoListError, WorkDirError) as error:
        sys.exit(f'error: {error}')
    # The two evaluations around the training are enough.
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None

    settle_workers(cfg)
    clear(args.work_dir)
    clear_report(args.work_dir)
    with named_workers():
        run_demo(cfg, args.work_dir, target, args.config)
    print(
        f'\nfigures: {args.work_dir / "retrieval.json"}; checkpoint: {args.work_dir}\n\n'
        f'{next_steps(args, config)}'
    )


if __name__ == '__main__':
    main()
