"""Draws what a compressed video is made of: frames, vectors, flow, residuals and the GOPs.

    python tools/visualizations/vis_motion.py video.mp4
    python tools/visualizations/vis_motion.py video.mp4 other.avi --frames 10 20 --out motion.png
    python tools/visualizations/vis_motion.py video.mp4 --out motion.mp4

A row for each frame: the frame, its motion vectors as arrows, its motion in colours, optical flow
in the same colours, and the residual. Below, a bar for each frame as high as its bits, coloured by
its type. Without --frames, an I-, a P- and a B-frame of one group in the middle of the video.
Several videos stand one below the other. As .mp4 or .gif, the frames of one video in turn: with
--frames FIRST LAST those between, and without the first 300.
"""

import argparse
import sys
from pathlib import Path

from ssvrl_mm.video.motion.flow import METHODS, VECTORS
from ssvrl_mm.visualization.arguments import (
    add_out,
    add_side,
    at_least,
    check_out,
    drawing_parser,
    say_written,
    telling_errors,
    write_drawn,
)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('videos', type=Path, nargs='+', metavar='VIDEO', help='video files')
    add_out(parser, 'motion.png', animated=True)
    parser.add_argument(
        '--frames', '--frame', type=at_least(0), nargs='+', metavar='N',
        help='numbers of frames, from 0 on; of an animation the first and the last one',
    )  # fmt: skip
    parser.add_argument(
        '--motion', choices=['auto', 'codec', 'estimate'], default='auto',
        help="the codec's motion vectors, an estimate on pixels, or the first there is (default)",
    )  # fmt: skip
    parser.add_argument(
        '--flow', choices=(*METHODS, VECTORS), default='dis',
        help='how optical flow is computed; vectors: from motion vectors (default: %(default)s)',
    )  # fmt: skip
    add_side(parser, 256, 'longer side of a frame')
    parser.add_argument(
        '--step',
        type=at_least(1),
        help='an arrow for STEP x STEP cells (default: as there is room)',
    )
    parser.add_argument(
        '--gain', type=at_least(0.1, float),
        help='length of the arrows in multiples of the motion (default: 1 to 16, by the room)',
    )  # fmt: skip
    parser.add_argument(
        '--fps', type=at_least(0.1, float), default=8,
        help='frames of an animation per second (default: %(default)s)',
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Reads the videos and draws them."""
    args = parse_args()
    with telling_errors():
        check_out(args.out, animated=True)
        # OpenCV and PyAV, which --help does not need.
        from ssvrl_mm.video import MotionUnavailableError

        try:
            draw(args)
        except MotionUnavailableError as error:
            if args.motion != 'codec':
                raise
            # Its advice is for those who call the reader.
            reason = str(error).partition(';')[0]
            sys.exit(
                f'error: {reason}; estimate motion (--motion estimate), or transcode the video '
                '(python -m ssvrl_mm.video transcode)'
            )


def draw(args: argparse.Namespace) -> None:
    """Reads, draws, writes."""
    from ssvrl_mm.visualization import VideoPicture, is_animation
    from ssvrl_mm.visualization.tiles import stacked

    options = (args.motion, args.flow, args.side, args.step, args.gain)
    if is_animation(args.out):
        if len(args.videos) > 1:
            raise ValueError(f'an animation is of one video, got {len(args.videos)}')
        with VideoPicture(args.videos[0], *options) as video:
            animate(video, args)
        return
    pictures, said = [], []
    for path in args.videos:
        with VideoPicture(path, *options) as video:
            frames = args.frames or video.choose_frames()
            pictures.append(video.still(frames))
            numbers = ' '.join(map(str, sorted(set(frames))))
            said.append(f'{path.name}: frames {numbers} of {len(video)}')
    write_drawn(args.out, [stacked(pictures, 24)], *said)


def animate(video, args: argparse.Namespace) -> None:
    """Writes an animation of one video."""
    from tqdm import tqdm

    from ssvrl_mm.visualization import write_animation
    from ssvrl_mm.visualization.video_picture import STRIP

    first, last = 0, min(STRIP, len(video)) - 1
    if args.frames:
        first, last = min(args.frames), max(args.frames)
    frames = range(first, last + 1)
    shown = []

    def drawn():
        for picture in tqdm(video.animate(frames), total=len(frames), unit='frame', disable=None):
            if not shown:
                shown.append(picture)
            yield picture

    write_animation(args.out, drawn(), args.fps)
    say_written(args.out, shown[0], f'frames {first} to {last} of {len(video)}')


if __name__ == '__main__':
    main()
