"""Draws where clips move most, the labels of PMSP, as boxes over their I-frames.

    python tools/visualizations/vis_pmsp.py video.avi other.mp4 --out pmsp.png
    python tools/visualizations/vis_pmsp.py video.avi --config CONFIG --checkpoint CHECKPOINT \\
        --out pmsp.png

A row for each temporal scale, a colour for each grid: IMRNet's pyramidal motion statistics
prediction. With config and checkpoint, what the network predicts stands beside, and clips are
taken by the config's test pipeline; otherwise they are five groups of twelve frames in the middle
of a video.
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
    parser.add_argument('videos', type=Path, nargs='+', metavar='VIDEO')
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
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
    parser.add_argument('--width', type=int, default=224, help='px of an I-frame (default: 224)')
    parser.add_argument('--device', help='cpu or cuda (default: cuda if there is one)')
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    if bool(args.config) != bool(args.checkpoint):
        parser.error('--config and --checkpoint go together')
    if args.config and (args.mode or args.motion):
        parser.error("--mode and --motion are the config's: change them with --cfg-options")
    if args.cfg_options and not args.config:
        parser.error('--cfg-options changes a config: give --config, too')
    if args.width < 48:
        parser.error(f'--width must be 48 or more, got {args.width}')
    return args


def main() -> None:
    """Reads the clips and draws them."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.visualization import PictureError, check_picture, draw_pmsp, write_picture

    try:
        check_picture(args.out)
    except PictureError as error:
        sys.exit(f'error: {error}')
    import ssvrl_mm.datasets  # noqa: F401 - registers the transforms
    from ssvrl_mm.apis import WeightsError, init_model
    from ssvrl_mm.apis.loading import read_config
    from ssvrl_mm.apis.pmsp_clips import label_pipeline, predict_cells, read_clip, with_labels
    from ssvrl_mm.apis.video_samples import pipeline_of
    from ssvrl_mm.engine import CheckpointFileError
    from ssvrl_mm.engine.config_checks import merge_options
    from ssvrl_mm.video import VideoError
    from ssvrl_mm.visualization.tiles import stacked
    from ssvrl_mm.zoo import ZooError

    try:
        model = None
        pipeline = label_pipeline(args.mode or 'virtual', args.motion or 'codec')
        if args.config:
            cfg = read_config(args.config)
            merge_options([cfg], args.cfg_options)
            pipeline = with_labels(pipeline_of(cfg))
            model, _ = init_model(cfg, args.checkpoint, args.device, training_too=True)
        pictures = []
        for video in args.videos:
            clip = read_clip(video, pipeline)
            predictions = None if model is None else predict_cells(model, clip)
            title = f'{"/".join(video.parts[-2:])}, I-frames {", ".join(map(str, clip.frames))}'
            pictures.append(draw_pmsp(clip.iframes, clip.labels, predictions, title, args.width))
        picture = stacked(pictures, 24)
        write_picture(args.out, picture)
    except (
        CheckpointFileError, FileNotFoundError, KeyError, PictureError, TypeError, ValueError,
        VideoError, WeightsError, ZooError,
    ) as error:  # fmt: skip
        sys.exit(f'error: {error}')
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px, {len(pictures)} videos')


if __name__ == '__main__':
    main()
