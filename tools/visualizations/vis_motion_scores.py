"""Draws what motion differential sampling makes of a video.

    python tools/visualizations/vis_motion_scores.py video.avi
    python tools/visualizations/vis_motion_scores.py video.avi --span 16 --method dis --out x.png
    python tools/visualizations/vis_motion_scores.py video.avi --flow video.avi.flow --out x.png

Frames, their flow, the weights of its foreground and the flow turned round stand above the time
that they belong to; below, the score of the clip that starts at each time, the median of all, and
in green the starts that clips are drawn from. The last column may stand to the right of its time,
as the last frames have no flow. RAFT's flow is drawn from a file of tools/data/extract_flow.py.
"""

import argparse
from pathlib import Path

from ssvrl_mm.video.errors import FlowFileError
from ssvrl_mm.video.flow_files import FlowFile
from ssvrl_mm.video.motion.differential import FUNCTIONS, WEIGHTS
from ssvrl_mm.video.motion.flow import METHODS, VECTORS, FlowOptions
from ssvrl_mm.visualization.arguments import (
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
    parser.add_argument('video', type=Path, help='a video file')
    add_out(parser, 'scores.png')
    parser.add_argument(
        '--clip-len', type=at_least(1), default=8, help='frames of a clip (default: %(default)s)'
    )
    parser.add_argument(
        '--span', type=at_least(1), default=8,
        help='from one of them to the next, and from start to end of flow (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--distance', type=at_least(1),
        help='frames from a map to the one it is compared with (default: the span)',
    )  # fmt: skip
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
    parser.add_argument(
        '--columns',
        type=at_least(1),
        default=8,
        help='frames that are shown (default: %(default)s)',
    )
    add_side(parser, 168, 'width of a frame')
    args = parser.parse_args()
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
    with telling_errors():
        check_out(args.out)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads, scores, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis.scored_video import read_scored_video
    from ssvrl_mm.visualization import draw_motion_scores

    found = read_scored_video(
        args.video, args.options, args.clip_len, args.distance, args.weight, args.function,
        args.columns,
    )  # fmt: skip
    title = '/'.join(args.video.parts[-2:])
    picture = draw_motion_scores(
        *found.shown, found.scores, found.chosen.tolist(), found.num_frames,
        args.options.px_per_value, found.clip_frames, title, args.angle, args.side,
    )  # fmt: skip
    kept = f'{len(found.chosen)} of {len(found.scores)} starts kept'
    if found.interval < args.span:
        kept += f'; frames of clips are {found.interval} apart, as the video is short'
    write_drawn(args.out, [picture], kept)


if __name__ == '__main__':
    main()
