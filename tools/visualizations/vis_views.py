"""Draws clips, the views that a trained generator makes of them, and the flow of both.

    python tools/visualizations/vis_views.py CONFIG CHECKPOINT --out views.png
    python tools/visualizations/vis_views.py CONFIG CHECKPOINT --videos a.mp4 b.avi --out views.png

Of each video four rows: frames of the clip, of its view, and what the flow estimator sees from
each of these frames to the next, in the colours of the small wheel. Without --videos, held-out
videos of the config. A good view does not look like its clip and moves like it. Above stand the
figures: SSIM of the two (1: equal), the cosine of the features of both (1: equal), the mean length
of the clip's flow and of the difference between the two flows, in px.
"""

import argparse
import sys
from pathlib import Path

from ssvrl_mm.command_line import add_cfg_options


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a ViewSynthesizer')
    parser.add_argument('checkpoint', help='its checkpoint, file or URL')
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
    parser.add_argument('--videos', type=Path, nargs='+', metavar='VIDEO', help='files to draw')
    parser.add_argument('--number', type=int, default=3, help='held-out videos (default: 3)')
    parser.add_argument('--columns', type=int, default=6, help='frames of a clip (default: 6)')
    parser.add_argument('--width', type=int, default=112, help='px of a frame (default: 112)')
    parser.add_argument('--device', help='cpu or cuda (default: cuda if there is one)')
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    for name, least in (('number', 1), ('columns', 1), ('width', 48)):
        if getattr(args, name) < least:
            parser.error(f'--{name} must be {least} or more, got {getattr(args, name)}')
    return args


def main() -> None:
    """Synthesises and draws."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.visualization import PictureError, check_picture, draw_views, write_picture

    try:
        check_picture(args.out)
    except PictureError as error:
        sys.exit(f'error: {error}')
    import ssvrl_mm.datasets  # noqa: F401 - registers datasets and transforms
    from ssvrl_mm.apis import WeightsError, init_model
    from ssvrl_mm.apis.loading import read_config
    from ssvrl_mm.apis.synthesised_views import held_out_videos, synthesise_examples
    from ssvrl_mm.engine import CheckpointFileError
    from ssvrl_mm.engine.config_checks import merge_options
    from ssvrl_mm.video import VideoError
    from ssvrl_mm.visualization.tiles import stacked
    from ssvrl_mm.zoo import ZooError

    try:
        cfg = read_config(args.config)
        merge_options([cfg], args.cfg_options)
        model, _ = init_model(cfg, args.checkpoint, args.device, training_too=True)
        videos = args.videos or held_out_videos(cfg, args.number)
        examples = synthesise_examples(model, cfg, videos)
        titles = [f'{each.name}: {describe(each.quality)}' for each in examples]
        pictures = [
            draw_views(*each[1:5], title=title, columns=args.columns, width=args.width)
            for each, title in zip(examples, titles, strict=True)
        ]
        picture = stacked(pictures, 24)
        write_picture(args.out, picture)
    except (
        CheckpointFileError, FileNotFoundError, KeyError, PictureError, TypeError, ValueError,
        VideoError, WeightsError, ZooError,
    ) as error:  # fmt: skip
        sys.exit(f'error: {error}')
    for title in titles:
        print(title)
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px, {len(examples)} videos')


def describe(quality: dict[str, float]) -> str:
    """The figures that stand above a clip."""
    return (
        'SSIM {ssim:.2f}, features {cosine:.2f}, flow {flow:.2f} px, '
        'flow difference {flow_difference:.2f} px'.format(**quality)
    )


if __name__ == '__main__':
    main()
