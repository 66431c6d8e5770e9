"""Writes a picture of a video's motion: the frame, its motion as arrows, and in colours.

Example:
    python tools/analysis/visualize_motion.py clip.mp4 --frame 12 --out motion.png
"""

import argparse
from pathlib import Path

import numpy as np

from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.visualization import PictureError, check_picture, motion_panel, write_picture


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('video', type=Path, help='a video file')
    parser.add_argument(
        '--frame', type=int, nargs='+', default=[1], help='frame numbers, one row each (default: 1)'
    )
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
    parser.add_argument(
        '--motion',
        choices=['auto', 'codec', 'estimate'],
        default='auto',
        help="the codec's motion vectors, an estimate on pixels, or the first there is (default)",
    )
    parser.add_argument('--step', type=int, default=2, help='an arrow for STEP x STEP cells')
    parser.add_argument(
        '--gain', type=float, help='length of the arrows in multiples of the motion'
    )
    parser.add_argument('--zoom', type=int, help='size of the pictures in multiples of the frame')
    return parser.parse_args()


def main() -> None:
    """Reads the frames and writes the picture."""
    args = parse_args()
    arrows = {'step': args.step} if args.gain is None else {'step': args.step, 'gain': args.gain}
    try:
        check_picture(args.out)
        with CompressedVideoReader(args.video, motion=args.motion) as reader:
            batch = reader.get_frames_at(args.frame, streams=('rgb', 'motion'))
    except (VideoError, FileNotFoundError, PictureError) as error:
        raise SystemExit(f'error: {error}') from error
    rows = []
    for i, number in enumerate(args.frame):
        title = f'frame {number}, {batch.frame_types[i]}, motion {batch.motion_origin[i]}'
        rows.append(
            motion_panel(
                batch.rgb[i],
                batch.motion[i],
                batch.motion_valid[i],
                title=title,
                zoom=args.zoom,
                **arrows,
            )
        )
    picture = np.vstack(rows)
    try:
        write_picture(args.out, picture)
    except PictureError as error:
        raise SystemExit(f'error: {error}') from error
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px, frames {args.frame}')


if __name__ == '__main__':
    main()
