"""Draws queries and the videos that models find for them, right and wrong ones marked.

    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT
    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT --videos my_videos --out x.mp4
    python tools/visualizations/vis_retrieval.py CONFIG CHECKPOINT --also CONFIG random \\
        --also OTHER_CONFIG OTHER_CHECKPOINT --names ours 'random weights' rotation -k 1

Without --videos, test videos of the config look for its training videos; with it, some videos of
the folder for the others, whose classes are its sub-folders. Neighbours are those of highest
cosine similarity of the features by the config's test pipeline. CHECKPOINT `random` stands for
random weights. --cfg-options apply to those of the configs that have what they set. In an .mp4 or
.gif all videos play.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.visualization.arguments import (
    add_cfg_options,
    add_out,
    add_seed,
    add_side,
    at_least,
    check_out,
    drawing_parser,
    telling_errors,
    write_drawn,
)
from ssvrl_mm.visualization.model_arguments import (
    add_extraction,
    add_further_models,
    add_model,
    named_models,
)

_PLAYED = 16  # frames of a video in an animation


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    add_model(parser)
    add_out(parser, 'retrieval.png', animated=True)
    add_further_models(parser, 'row')
    parser.add_argument('--videos', type=Path, help='folder of your own videos')
    parser.add_argument(
        '--queries', nargs='+', default=[], metavar='PATH',
        help='the queries, as the list or the folder has them (default: drawn at random)',
    )  # fmt: skip
    parser.add_argument(
        '--number', type=at_least(1), default=6, help='how many to draw (default: %(default)s)'
    )
    add_seed(parser, 'the draw')
    parser.add_argument('-k', type=at_least(1), default=3, help='neighbours (default: %(default)s)')
    parser.add_argument(
        '--frames', type=at_least(1),
        help=f'frames of a video (default: 3 side by side, or {_PLAYED} that play)',
    )  # fmt: skip
    add_side(parser, 96, 'height of a frame', least=8)
    parser.add_argument(
        '--streams', nargs='+', metavar='STREAM',
        help="what to compare, 'rgb' or 'rgb+motion' for instance: of all models, or of each "
        '(default: all streams together)',
    )  # fmt: skip
    add_extraction(parser)
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    args.models = named_models(parser, [[args.config, args.checkpoint], *args.also], args.names)
    if args.streams and len(args.streams) not in {1, len(args.models)}:
        parser.error(f'{len(args.streams)} --streams for {len(args.models)} models')
    return args


def main() -> None:
    """Searches and draws."""
    args = parse_args()
    with telling_errors():
        check_out(args.out, animated=True)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Extracts features, searches, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis import VideoSource
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.apis.retrieval_examples import RetrievalModel, choose_queries, find_examples
    from ssvrl_mm.visualization import draw_retrieval, is_animation, play_retrieval

    streams = args.streams or [None]
    cfgs = read_configs([model.config for model in args.models], args.cfg_options)
    models = [
        RetrievalModel(model.name, cfg, model.checkpoint, streams[number % len(streams)])
        for number, (model, cfg) in enumerate(zip(args.models, cfgs, strict=True))
    ]
    if args.videos:
        queries = gallery = VideoSource.from_folder(args.videos)
    else:
        queries, gallery = (
            VideoSource.from_config(models[0].cfg, role) for role in ('query', 'gallery')
        )
    chosen = choose_queries(queries, args.number, args.seed, args.queries)
    plays = is_animation(args.out)
    with tempfile.TemporaryDirectory(prefix='ssvrl_mm_') as scratch:
        examples = find_examples(
            models, chosen, gallery, args.features or Path(scratch), args.k,
            args.frames or (_PLAYED if plays else 3), workers=args.workers, device=args.device,
        )  # fmt: skip
    say_what_is_missing(
        [path for path, _ in chosen.entries],
        [query.caption for query in examples[0]],
        len(args.queries) or args.number,
    )
    for name, of_queries in examples[1]:
        best = [videos[0].right for videos in of_queries if videos]
        known = [right for right in best if right is not None]
        verdict = f'{sum(known)} of {len(known)} first neighbours right' if known else 'no classes'
        print(f'{name}: {verdict}')
    if plays:
        pictures = list(play_retrieval(*examples, height=args.side))
    else:
        pictures = [draw_retrieval(*examples, height=args.side)]
    write_drawn(args.out, pictures)


def say_what_is_missing(chosen: Sequence[str], drawn: Sequence[str], wanted: int) -> None:
    """Says why there are fewer queries than were asked for, if there are.

    Args:
        chosen: Paths of those that there are.
        drawn: Captions of those that could be read, the last two parts of their paths.
        wanted: How many were asked for.
    """
    if len(drawn) < wanted:
        gone = [path for path in chosen if '/'.join(Path(path).parts[-2:]) not in drawn]
        why = f'cannot be read: {", ".join(gone)}' if gone else f'there are but {len(chosen)}'
        print(f'{len(drawn)} queries are drawn: {why}')


if __name__ == '__main__':
    main()
