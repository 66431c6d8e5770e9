"""Draws clips, the views that a trained generator makes of them, and the flow of both.

    python tools/visualizations/vis_views.py CONFIG CHECKPOINT
    python tools/visualizations/vis_views.py CONFIG CHECKPOINT --videos a.mp4 b.avi --out views.png

Of each video four rows: frames of the clip, of its view, and what the flow estimator sees from
each of these frames to the next, in the colours of the small wheel. Without --videos, held-out
videos of the config. A good view does not look like its clip and moves like it. Above stand the
figures: SSIM of the two (1: equal), the cosine of the features of both (1: equal), the mean length
of the clip's flow and of the difference between the two flows, in px.
"""

import argparse
from pathlib import Path

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


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('config', help='config of a ViewSynthesizer')
    parser.add_argument('checkpoint', help='its checkpoint, file or URL')
    add_out(parser, 'views.png')
    parser.add_argument('--videos', type=Path, nargs='+', metavar='VIDEO', help='files to draw')
    parser.add_argument(
        '--number', type=at_least(1), default=3, help='held-out videos (default: %(default)s)'
    )
    parser.add_argument(
        '--columns', type=at_least(1), default=6, help='frames of a clip (default: %(default)s)'
    )
    add_side(parser, 112, 'width of a frame')
    add_device(parser)
    add_cfg_options(parser, default={})
    return parser.parse_args()


def main() -> None:
    """Synthesises and draws."""
    args = parse_args()
    with telling_errors():
        check_out(args.out)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads, synthesises, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    import ssvrl_mm.datasets  # noqa: F401 - registers datasets and transforms
    from ssvrl_mm.apis import init_model
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.apis.synthesised_views import held_out_videos, synthesise_examples
    from ssvrl_mm.visualization import draw_views
    from ssvrl_mm.visualization.tiles import stacked

    (cfg,) = read_configs([args.config], args.cfg_options)
    model, _ = init_model(cfg, args.checkpoint, args.device, training_too=True)
    videos = args.videos or held_out_videos(cfg, args.number)
    examples = synthesise_examples(model, cfg, videos)
    titles = [f'{each.name}: {describe(each.quality)}' for each in examples]
    pictures = [
        draw_views(*each[1:5], title=title, columns=args.columns, width=args.side)
        for each, title in zip(examples, titles, strict=True)
    ]
    for title in titles:
        print(title)
    write_drawn(args.out, [stacked(pictures, 24)], f'{len(examples)} videos')


def describe(quality: dict[str, float]) -> str:
    """The figures that stand above a clip."""
    return (
        'SSIM {ssim:.2f}, features {cosine:.2f}, flow {flow:.2f} px, '
        'flow difference {flow_difference:.2f} px'.format(**quality)
    )


if __name__ == '__main__':
    main()
