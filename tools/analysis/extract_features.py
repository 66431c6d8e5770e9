"""Extracts the features of videos into one file, a row per video.

    python tools/analysis/extract_features.py CONFIG CHECKPOINT --out features.npz --videos FOLDER
    python tools/analysis/extract_features.py CONFIG CHECKPOINT --out train.npz \\
        --list data/ucf101/train_list.txt --root data/ucf101/videos
    python tools/analysis/extract_features.py CONFIG CHECKPOINT --out train.npz --role gallery
    torchrun --nproc_per_node 8 tools/analysis/extract_features.py ... --launcher pytorch

A run that was killed goes on when it is started again. CHECKPOINT `random` stands for random
weights, the figure that a checkpoint has to beat, or for those that the config starts from.
"""

import argparse
import os
import sys

from ssvrl_mm.command_line import add_cfg_options, add_device, add_launcher, config_path


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=config_path, help='config file; its test pipeline is used')
    parser.add_argument('checkpoint', help='checkpoint: file, URL or name in the zoo; or `random`')
    parser.add_argument('--out', required=True, help='.npz, .h5 (h5py) or .parquet (pyarrow)')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--videos', metavar='DIR', help='all videos under this folder')
    source.add_argument('--list', metavar='FILE', help='list of `path [label]` lines')
    source.add_argument(
        '--role', choices=['gallery', 'query'], help='training or test videos of the config'
    )
    parser.add_argument('--root', default='', metavar='DIR', help="where --list's paths start")
    parser.add_argument('--keep-clips', action='store_true', help='a feature of each clip')
    parser.add_argument('--batch-size', type=int, default=4, help='videos at a time')
    parser.add_argument(
        '--workers', type=int, default=2, help='decoding processes for each that computes'
    )
    add_device(parser)
    parser.add_argument('--part-size', type=int, default=64, help='videos lost by a kill, at most')
    add_cfg_options(parser, default={})
    add_launcher(parser)
    return parser.parse_args()


def main() -> None:
    """Extracts."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    import torch
    from mmengine.dist import init_dist

    from ssvrl_mm.apis import FeatureFileError, VideoSource, WeightsError, extract_features
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.datasets import BadVideosError, VideoListError
    from ssvrl_mm.engine import CheckpointFileError, WorkerStoppedError, launch
    from ssvrl_mm.engine.config_checks import OptionsError
    from ssvrl_mm.zoo import ZooError

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        (cfg,) = read_configs([args.config], args.cfg_options)
        launch.setup_launcher(cfg, args.launcher)
        if args.launcher != 'none' and torch.cuda.is_available():
            # The processes share no tensors, they only wait for each other.
            init_dist(args.launcher, backend='gloo')
        if args.videos:
            source = VideoSource.from_folder(args.videos)
        elif args.list:
            source = VideoSource.from_list(args.list, args.root)
        else:
            source = VideoSource.from_config(cfg, args.role)
        table = extract_features(
            cfg,
            None if args.checkpoint == 'random' else args.checkpoint,
            source,
            args.out,
            keep_clips=args.keep_clips,
            batch_size=args.batch_size,
            workers=args.workers,
            device=args.device,
            part_size=args.part_size,
        )
    except (
        BadVideosError, FeatureFileError, FileNotFoundError, ImportError, VideoListError,
        CheckpointFileError, OptionsError, TypeError, ValueError, WeightsError, WorkerStoppedError,
        ZooError, launch.LaunchError,
    ) as error:  # fmt: skip
        sys.exit(f'error: {error}')
    if table is not None:
        shapes = ', '.join(f'{stream} {rows.shape}' for stream, rows in table.features.items())
        print(f'{args.out}: {len(table)} videos, {shapes}')
    launch.finish()


if __name__ == '__main__':
    main()
