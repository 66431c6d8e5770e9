"""Draws what a network really sees: samples of a config behind all augmentation.

    python tools/visualizations/browse_dataset.py CONFIG
    python tools/visualizations/browse_dataset.py CONFIG --split test --number 2 --out test.png
    python tools/visualizations/browse_dataset.py CONFIG --shuffle --seed 3 --out train.mp4

All streams and all clips of some samples, after the pipeline and the model's data preprocessor,
with the normalisation undone; above, the class and what the pretext task asks. As .png a contact
sheet, as .mp4 or .gif an animation. Where the config takes away what is still (remove_still), it is
grey. What a model does with its inputs later, such as turning flow, is not shown.
"""

import argparse

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


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('config', help='config file')
    add_out(parser, 'dataset.png', animated=True)
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='train',
        help='whose data (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--number', type=at_least(1), default=4, help='samples (default: %(default)s)'
    )
    parser.add_argument(
        '--shuffle', action='store_true', help='samples at random, not evenly from the list'
    )
    parser.add_argument(
        '--frames', type=at_least(1), help='frames of a clip in a sheet (default: as there is room)'
    )
    add_side(parser, 96, 'width of a frame', least=16)
    add_seed(parser, 'the samples that --shuffle draws, and of augmentation')
    parser.add_argument(
        '--fps', type=at_least(0.1, float), default=8,
        help='frames of an animation per second (default: %(default)s)',
    )  # fmt: skip
    add_cfg_options(parser, default={})
    return parser.parse_args()


def main() -> None:
    """Reads the samples and draws them."""
    args = parse_args()
    with telling_errors():
        check_out(args.out, animated=True)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis.browsing import browse_dataset
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.visualization import is_animation
    from ssvrl_mm.visualization.dataset_sheet import animate_sheet, draw_sheet

    (cfg,) = read_configs([args.config], args.cfg_options)
    samples = browse_dataset(cfg, args.split, args.number, args.shuffle, args.seed)
    if is_animation(args.out):
        pictures = list(animate_sheet(samples, args.side))
    else:
        pictures = [draw_sheet(samples, args.side, args.frames)]
    facts = [f'{len(samples)} samples of {args.split}', f'streams {", ".join(samples[0].streams)}']
    write_drawn(args.out, pictures, *facts, fps=args.fps)


if __name__ == '__main__':
    main()
