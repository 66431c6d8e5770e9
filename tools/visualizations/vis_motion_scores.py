"""Draws what motion differential sampling makes of a video.

    python tools/visualizations/vis_motion_scores.py video.avi --out scores.png
    python tools/visualizations/vis_motion_scores.py video.avi --span 16 --method dis --out x.png
    python tools/visualizations/vis_motion_scores.py video.avi --flow video.avi.flow --out x.png

Frames, their flow, the weights of its foreground and the flow turned round stand above the time
that they belong to; below, the score of the clip that starts at each time, the median of all, and
in green the starts that clips are drawn from. The last column may stand to the right of its time,
as the last frames have no flow. RAFT's flow is drawn from a file of tools/data/extract_flow.py.
"""

import argparse
import sys
from pathlib import Path

from ssvrl_mm.video.errors import FlowFileError
from ssvrl_mm.video.flow_files import FlowFile
from ssvrl_mm.video.motion.differential import FUNCTIONS, WEIGHTS
from ssvrl_mm.video.motion.flow import METHODS, VECTORS, FlowOptions


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('video', type=Path, help='a video file')
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
    parser.add_argument('--clip-len', type=int, default=8, help='frames of a clip (default: 8)')
    parser.add_argument(
        '--span', type=int, default=8,
        help='from one of them to the next, and from start to end of flow (default: 8)',
    )  # fmt: skip
    parser.add_argument(
        '--distance', type=int, help='frames from a map to the one it is compared with (the span)'
    )
    parser.add_argument('--function', choices=FUNCTIONS, default='dw', help='(default: dw)')
    parser.add_argument('--weight', choices=WEIGHTS, default='softmax', help='(default: softmax)')
    parser.add_argument(
        '--method', choices=(VECTORS, *METHODS), default=VECTORS,
        help="where flow comes from: the codec's vectors (default), or pixels",
    )  # fmt: skip
    parser.add_argument(
        '--flow',
        type=Path,
        metavar='FILE',
        help='stored flow of the video, in the place of --method',
    )
    parser.add_argument('--angle', type=float, default=120, help='degrees that flow is turned by')
    parser.add_argument('--columns', type=int, default=8, help='frames that are shown (default: 8)')
    parser.add_argument('--width', type=int, default=168, help='px of a frame (default: 168)')
    args = parser.parse_args()
    for name, least in (('clip_len', 1), ('span', 1), ('columns', 1), ('width', 48)):
        if getattr(args, name) < least:
            shown = name.replace('_', '-')
            parser.error(f'--{shown} must be {least} or more, got {getattr(args, name)}')
    if args.distance is not None and args.distance < 1:
        parser.error(f'--distance must be 1 or more, got {args.distance}')
    try:
        args.options = flow_options(args)
    except (FlowFileError, ImportError, ValueError) as error:
        parser.error(str(error))
    return args


def flow_options(args: argparse.Namespace) -> FlowOptions:
    """The flow that the arguments mean; of a file, the very flow that it holds.

    Raises:
        FlowFileError: the file of flow is missing or damaged.
        ImportError: 'tvl1' without OpenCV's contrib modules.
        ValueError: the file holds flow of another span, or of an unknown method.
    """
    if args.flow is None:
        return FlowOptions(args.method, span=args.span)
    header = FlowFile(args.flow).header
    if header.span != args.span:
        raise ValueError(f'{args.flow} holds flow of span {header.span}, not of --span {args.span}')
    return FlowOptions(header.method, header.scale, header.cell, header.span, args.flow)


def main() -> None:
    """Scores the video and draws it."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis.scored_video import read_scored_video
    from ssvrl_mm.video import VideoError
    from ssvrl_mm.visualization import (
        PictureError,
        check_picture,
        draw_motion_scores,
        write_picture,
    )

    try:
        check_picture(args.out)
        found = read_scored_video(
            args.video, args.options, args.clip_len, args.distance, args.weight, args.function,
            args.columns,
        )  # fmt: skip
        title = '/'.join(args.video.parts[-2:])
        picture = draw_motion_scores(
            *found.shown, found.scores, found.chosen.tolist(), found.num_frames,
            args.options.px_per_value, found.clip_frames, title, args.angle, args.width,
        )  # fmt: skip
        write_picture(args.out, picture)
    except (PictureError, VideoError) as error:
        sys.exit(f'error: {error}')
    kept = f'{len(found.chosen)} of {len(found.scores)} starts kept'
    if found.interval < args.span:
        kept += f'; frames of clips are {found.interval} apart, as the video is short'
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px, {kept}')


if __name__ == '__main__':
    main()
