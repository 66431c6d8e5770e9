"""Draws where networks look: maps over frames of clips, before and after training.

    python tools/visualizations/vis_attention.py CONFIG CHECKPOINT
    python tools/visualizations/vis_attention.py CONFIG CHECKPOINT --videos a.mp4 --out x.mp4
    python tools/visualizations/vis_attention.py CONFIG random --also CONFIG CHECKPOINT \\
        --also OTHER_CONFIG OTHER_CHECKPOINT --names before after flow --frames 1
    python tools/visualizations/vis_attention.py CONFIG CHECKPOINT --grad-cam --class 3

A row for each stream of each model. Maps are the mean of squares over the channels of a layer,
the last one of the network by default, of the middle one of the clips that the config tests with;
with --grad-cam, of a model with a classifier, what speaks for a class, the one that the model finds
by default. A self-supervised model that is alone is also drawn with the random weights that its
training began with, unless that began with a checkpoint; CHECKPOINT `random` stands for these.

Every row goes from its own lowest value in the frames shown to its highest: it says how a network
divides its attention, not how much one has more than another. A title has the cells of the layer's
map, which is enlarged. Maps of what moves at another time than the pictures are drawn on grey.
"""

import argparse

from ssvrl_mm.visualization.arguments import (
    add_cfg_options,
    add_device,
    add_out,
    add_side,
    at_least,
    check_out,
    drawing_parser,
    telling_errors,
    write_drawn,
)
from ssvrl_mm.visualization.model_arguments import (
    NamedModel,
    add_further_models,
    add_model,
    named_models,
)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    add_model(parser)
    add_out(parser, 'attention.png', animated=True)
    add_further_models(parser, 'row')
    parser.add_argument(
        '--videos', nargs='+', metavar='VIDEO',
        help='files or folders to draw (default: held-out videos of the first config)',
    )  # fmt: skip
    parser.add_argument(
        '--number', type=at_least(1), default=2,
        help='held-out videos, or videos of a folder (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--frames', type=at_least(1), default=6,
        help='of a clip, in a still; 1: the middle one (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--layer', metavar='NAME',
        help='of the networks, `stages.3` for instance (default: their last feature map)',
    )  # fmt: skip
    parser.add_argument(
        '--grad-cam', action='store_true', help='what speaks for a class, by the classifier'
    )
    parser.add_argument(
        '--class', type=at_least(0), dest='category', metavar='N',
        help='the class of --grad-cam, by number (default: the one that the model finds)',
    )  # fmt: skip
    add_side(parser, 112, 'height of a frame')
    parser.add_argument('--fps', type=at_least(1), default=8, help='of an animation (default: 8)')
    add_device(parser)
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    if args.category is not None and not args.grad_cam:
        parser.error('--class needs --grad-cam: other maps are of no class')
    args.models = named_models(parser, [[args.config, args.checkpoint], *args.also], args.names)
    return args


def main() -> None:
    """Looks and draws."""
    args = parse_args()
    with telling_errors():
        check_out(args.out, animated=True)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads, runs the models, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    import ssvrl_mm.datasets  # noqa: F401 - registers datasets and transforms
    from ssvrl_mm.apis.attention import AttentionModel, attend, expand_folders
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.apis.synthesised_views import held_out_videos, video_name
    from ssvrl_mm.visualization import draw_attention, is_animation, play_attention

    cfgs = read_configs([model.config for model in args.models], args.cfg_options)
    pairs = list(zip(args.models, cfgs, strict=True))
    if len(pairs) == 1 and not args.grad_cam and is_before_training(*pairs[0]):
        before = NamedModel('random weights', args.models[0].config, None)
        pairs.insert(0, (before, cfgs[0]))
    files = expand_folders(args.videos or [], args.number)
    files = files or held_out_videos(cfgs[0], args.number)
    moving = is_animation(args.out)
    of_models = []
    for model, cfg in pairs:
        found = attend(
            AttentionModel(model.name, cfg, model.checkpoint), files,
            None if moving else args.frames, args.layer, args.grad_cam, args.category, args.device,
        )  # fmt: skip
        of_models.append(found.rows)
        if found.left_out:
            print(
                f'{model.name}: nothing is drawn of {", ".join(found.left_out)}, which the '
                'config does not test with, or which has no such layer'
            )
    videos = [
        (video_name(file), [row for rows in of_models for row in rows[number]])
        for number, file in enumerate(files)
    ]
    if moving:
        pictures = list(play_attention(videos, args.side))
    else:
        pictures = [draw_attention(videos, args.side)]
    maps = f'{len(videos[0][1])} maps each'
    write_drawn(args.out, pictures, f'{len(videos)} videos', maps, fps=args.fps)


def is_before_training(model: NamedModel, cfg: object) -> bool:
    """Whether random weights tell what a model was before its training.

    Not of classifiers, which begin with other weights than they are compared with, nor of what
    starts from a checkpoint.
    """
    from ssvrl_mm.engine.starting_points import starting_weights

    settings = cfg.model  # type: ignore[attr-defined]
    supervised = settings.get('cls_head') or settings.get('classifiers')
    return model.checkpoint is not None and not supervised and not any(starting_weights(settings))


if __name__ == '__main__':
    main()
