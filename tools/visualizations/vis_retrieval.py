"""Draws queries and the videos that models find for them, right and wrong ones marked.

    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT --out retrieval.png
    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT --videos my_videos --out x.png
    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT --also CONFIG random \\
        --also OTHER_CONFIG OTHER_CHECKPOINT --names ours 'random weights' rotation -k 1 --out x.png

Without --videos, test videos of the config look for its training videos; with it, some videos of
the folder for the others, whose classes are its sub-folders. Neighbours are those of highest
cosine similarity of the features by the config's test pipeline. CHECKPOINT `random` stands for
random weights. --cfg-options apply to those of the configs that have what they set.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL, or `random`')
    parser.add_argument(
        '--also', nargs=2, action='append', default=[], metavar=('CONFIG', 'CHECKPOINT'),
        help='another model, another row of the picture (repeatable)',
    )  # fmt: skip
    parser.add_argument('--names', nargs='+', help='what to call the models, in their order')
    parser.add_argument('--videos', type=Path, help='folder of your own videos')
    parser.add_argument(
        '--queries', nargs='+', default=[], metavar='PATH',
        help='the queries, as the list or the folder has them (default: drawn at random)',
    )  # fmt: skip
    parser.add_argument('--number', type=int, default=6, help='how many to draw (default: 6)')
    parser.add_argument('--seed', type=int, default=0, help='of the draw')
    parser.add_argument('-k', type=int, default=3, help='neighbours (default: 3)')
    parser.add_argument('--frames', type=int, default=3, help='frames of a video (default: 3)')
    parser.add_argument('--height', type=int, default=96, help='px of a frame (default: 96)')
    parser.add_argument(
        '--streams', nargs='+', metavar='STREAM',
        help="what to compare, 'rgb' or 'rgb+motion' for instance: of all models, or of each "
        '(default: all streams together)',
    )  # fmt: skip
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
    parser.add_argument(
        '--features', type=Path, metavar='DIR', help='keep the features here for the next picture'
    )
    parser.add_argument('--workers', type=int, default=2, help='decoding processes (default: 2)')
    parser.add_argument('--device', help='cpu or cuda (default: cuda if there is one)')
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    args.models = [[args.config, args.checkpoint], *args.also]
    for name in ('names', 'streams'):
        given = getattr(args, name)
        if given and len(given) not in ({len(args.models)} | ({1} if name == 'streams' else set())):
            parser.error(f'{len(given)} --{name} for {len(args.models)} models')
    for name in ('number', 'k', 'frames', 'height'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be 1 or more, got {getattr(args, name)}')
    return args


def names_of(models: list[list[str]]) -> list[str]:
    """What models are called that nobody gave a name."""
    weights = [
        'random weights' if checkpoint == 'random' else Path(checkpoint).stem
        for _, checkpoint in models
    ]
    return [
        f'{Path(config).stem}, {weight}'
        for (config, _), weight in zip(models, weights, strict=True)
    ]


def main() -> None:
    """Searches and draws."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.visualization import PictureError, check_picture, draw_retrieval, write_picture

    try:
        check_picture(args.out)
    except PictureError as error:
        sys.exit(f'error: {error}')
    from ssvrl_mm.apis import FeatureFileError, VideoSource, WeightsError
    from ssvrl_mm.apis.loading import read_config
    from ssvrl_mm.apis.retrieval_examples import RetrievalModel, choose_queries, find_examples
    from ssvrl_mm.datasets import BadVideosError, VideoListError
    from ssvrl_mm.engine import CheckpointFileError, WorkerStoppedError
    from ssvrl_mm.engine.config_checks import merge_options
    from ssvrl_mm.video import VideoError
    from ssvrl_mm.zoo import ZooError

    names = args.names or names_of(args.models)
    streams = args.streams or [None]
    try:
        cfgs = [read_config(config) for config, _ in args.models]
        merge_options(cfgs, args.cfg_options)
        models = []
        for number, (name, cfg) in enumerate(zip(names, cfgs, strict=True)):
            checkpoint = args.models[number][1]
            weights = None if checkpoint == 'random' else checkpoint
            models.append(RetrievalModel(name, cfg, weights, streams[number % len(streams)]))
        if args.videos:
            queries = gallery = VideoSource.from_folder(args.videos)
        else:
            queries, gallery = (
                VideoSource.from_config(models[0].cfg, role) for role in ('query', 'gallery')
            )
        chosen = choose_queries(queries, args.number, args.seed, args.queries)
        with tempfile.TemporaryDirectory(prefix='ssvrl_mm_') as scratch:
            examples = find_examples(
                models, chosen, gallery, args.features or Path(scratch), args.k, args.frames,
                workers=args.workers, device=args.device,
            )  # fmt: skip
        picture = draw_retrieval(*examples, height=args.height)
        write_picture(args.out, picture)
    except (
        BadVideosError, CheckpointFileError, FeatureFileError, FileNotFoundError, PictureError,
        TypeError, ValueError, VideoError, VideoListError, WeightsError, WorkerStoppedError,
        ZooError,
    ) as error:  # fmt: skip
        sys.exit(f'error: {error}')
    for name, of_queries in examples[1]:
        best = [videos[0].right for videos in of_queries if videos]
        known = [right for right in best if right is not None]
        verdict = f'{sum(known)} of {len(known)} first neighbours right' if known else 'no classes'
        print(f'{name}: {verdict}')
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px')


if __name__ == '__main__':
    main()
