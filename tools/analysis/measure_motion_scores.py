"""Measures what scoring motion costs beside decoding the same videos.

CPU time in ms of whole files, one thread: decoding to RGB, reading the flow that is scored (the
codec's vectors, followed over the span, decoding included), and scoring it. Medians of rounds in
which these take turns, and ratios to decoding.

Example:
    python tools/analysis/measure_motion_scores.py               # two generated videos
    python tools/analysis/measure_motion_scores.py video.avi other.mp4 --span 16
"""

import argparse
import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault('OMP_NUM_THREADS', '1')

if TYPE_CHECKING:
    from ssvrl_mm.decode_benchmark.measuring import Comparison

RGB, FLOW, SCORES = 'decoding to RGB', 'reading the flow', 'scoring it'
# Frames that are decoded at once.
CHUNK = 64


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('videos', nargs='*', metavar='VIDEO')
    parser.add_argument('--span', type=int, default=8, help='frames of flow (default: 8)')
    parser.add_argument('--rounds', type=int, default=7, help='(default: 7)')
    args = parser.parse_args()
    if min(args.span, args.rounds) < 1:
        parser.error(f'--span and --rounds must be 1 or more, got {args.span} and {args.rounds}')
    return args


def comparison(video: str, span: int) -> 'Comparison':
    """The three tasks on a video."""
    from ssvrl_mm.decode_benchmark.measuring import Comparison
    from ssvrl_mm.video import CompressedVideoReader
    from ssvrl_mm.video.motion.differential import MotionDifferential
    from ssvrl_mm.video.motion.flow import VECTORS, FlowOptions
    from ssvrl_mm.video.tools.motion_scoring import maps_of_flow

    options = FlowOptions(VECTORS, span=span)

    def decode() -> None:
        with CompressedVideoReader(video) as reader:
            for start in range(0, len(reader), CHUNK):
                part = range(start, min(start + CHUNK, len(reader)))
                reader.get_frames_at(part, streams=('rgb',))

    def read() -> list:
        with CompressedVideoReader(video, flow_method=VECTORS, flow_span=span) as reader:
            return list(maps_of_flow(reader, options))

    def score() -> None:
        differential = MotionDifferential(size, options.px_per_value, span)
        for flow in maps:
            differential.add(flow)
        _ = differential.values

    with CompressedVideoReader(video) as reader:
        size = reader.metadata.height, reader.metadata.width
    maps = read()
    return Comparison({RGB: decode, FLOW: read, SCORES: score}, {'x RGB': RGB})


def main() -> None:
    """Prints a table for each video."""
    args = parse_args()
    # What --help need not wait for.
    import cv2

    from ssvrl_mm.decode_benchmark.generated import generate_alike
    from ssvrl_mm.decode_benchmark.measuring import Rows, compare, format_table, summarise
    from ssvrl_mm.video import VideoError

    cv2.setNumThreads(1)
    figures: dict[str, Rows] = {}
    with tempfile.TemporaryDirectory() as folder:
        videos = args.videos or [
            path
            for codec in ('mpeg4', 'h264')
            for path in generate_alike(Path(folder), codec=codec)
        ]
        for video in videos:
            try:
                rows = compare(partial(comparison, video, args.span), args.rounds)
            except VideoError as error:
                sys.exit(f'error: {error}')
            figures[video] = rows
            print(f'{format_table(Path(video).name, rows)}\n', flush=True)
    if len(figures) > 1:
        for name, pick in (('median', statistics.median), ('highest', max)):
            print(format_table(f'{name} of {len(figures)} files', summarise(figures, pick)))


if __name__ == '__main__':
    main()
