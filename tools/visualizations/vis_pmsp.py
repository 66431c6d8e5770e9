"""Draws where clips move most, the labels of PMSP, as boxes over their I-frames.

    python tools/visualizations/vis_pmsp.py video.avi other.mp4
    python tools/visualizations/vis_pmsp.py video.avi --config CONFIG --checkpoint CHECKPOINT

A row for each temporal scale, a colour for each grid: IMRNet's pyramidal motion statistics
prediction. With config and checkpoint, what the network predicts stands beside, and clips are
taken by the config's test pipeline; otherwise they are five groups of twelve frames in the middle
of a video.
"""

import argparse
from pathlib import Path

from ssvrl_mm.visualization.arguments import (
    add_cfg_options,
    add_device,
    add_out,
    add_side,
    check_out,
    drawing_parser,
    telling_errors,
    write_drawn,
)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('videos', type=Path, nargs='+', metavar='VIDEO')
    add_out(parser, 'pmsp.png')
    parser.add_argument('--config', help='config of a JointPretextRecognizer with a PMSPHead')
    parser.add_argument('--checkpoint', help='its checkpoint, file or URL')
    parser.add_argument(
        '--mode', choices=['virtual', 'real'], help='without config: groups of pictures every '
        '12 frames (virtual, the default), or those of the file, which must be of 12 (real)',
    )  # fmt: skip
    parser.add_argument(
        '--motion', choices=['codec', 'estimate', 'auto'],
        help="without config: the codec's motion vectors (default), an estimate, or what there is",
    )  # fmt: skip
    add_side(parser, 224, 'width of an I-frame')
    add_device(parser)
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    if bool(args.config) != bool(args.checkpoint):
        parser.error('--config and --checkpoint go together')
    if args.config and (args.mode or args.motion):
        parser.error("--mode and --motion are the config's: change them with --cfg-options")
    if args.cfg_options and not args.config:
        parser.error('--cfg-options changes a config: give --config, too')
    return args


def main() -> None:
    """Reads the clips and draws them."""
    args = parse_args()
    with telling_errors():
        check_out(args.out)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads, predicts, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    import ssvrl_mm.datasets  # noqa: F401 - registers the transforms
    from ssvrl_mm.apis import init_model
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.apis.pmsp_clips import label_pipeline, predict_cells, read_clip, with_labels
    from ssvrl_mm.apis.video_samples import pipeline_of
    from ssvrl_mm.visualization import draw_pmsp
    from ssvrl_mm.visualization.tiles import stacked

    model = None
    pipeline = label_pipeline(args.mode or 'virtual', args.motion or 'codec')
    if args.config:
        (cfg,) = read_configs([args.config], args.cfg_options)
        pipeline = with_labels(pipeline_of(cfg))
        model, _ = init_model(cfg, args.checkpoint, args.device, training_too=True)
    pictures = []
    for video in args.videos:
        clip = read_clip(video, pipeline)
        predictions = None if model is None else predict_cells(model, clip)
        title = f'{"/".join(video.parts[-2:])}, I-frames {", ".join(map(str, clip.frames))}'
        pictures.append(draw_pmsp(clip.iframes, clip.labels, predictions, title, args.side))
    write_drawn(args.out, [stacked(pictures, 24)], f'{len(pictures)} videos')


if __name__ == '__main__':
    main()
