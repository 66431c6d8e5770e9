"""Compares the CPU time and the memory that readers take: for a clip, a training sample, a file.

Times are process CPU time, medians of rounds in which all contenders take turns in one process, in
ms; ratios are medians of those within a round. All decode with one thread.

- A clip in the middle of the video. The decode floor is decoding every frame from the keyframe
  before the clip to its end, packets already in memory, and nothing else. The bare minimum also
  takes the motion vectors out and converts the clip's frames to RGB with FFmpeg, but keeps neither.
  What ends in "+ open" also opens and closes the file, the others read from an open file.
- `--pipeline [CONFIG]`: a sample as the train pipeline of a config makes it, from opening the file
  to packed tensors, with crops while decoding (geometry before DecodeCompressedVideo) and after it,
  each stream alone, and the same frames and crops of RGB alone by torchcodec, opened anew in its
  exact mode. Every round draws other frames and crops, the same for all. The floor is decoding the
  frames of the sample with their vectors, packets already in memory, and nothing else. One call of
  the reader returns, opening included, the same frames of all streams as large as they are.
- `--whole`: all frames, opening included, in calls of so many `--frames` whose RGB goes to one
  array, and in one call; against motion-vector-extractor. The floor is decoding with vectors.

Peers take part where they are installed: decord, torchcodec, motion-vector-extractor (mvextractor).

Example:
    python tools/analysis/benchmark_decode.py video.mp4 other.avi --json decode.json
    python tools/analysis/benchmark_decode.py            # on generated files
    python tools/analysis/benchmark_decode.py video.mp4 --pipeline --memory
    python tools/analysis/benchmark_decode.py video.mp4 --pipeline configs/mvcgc/s3d_k400.py
    python tools/analysis/benchmark_decode.py video.mp4 --whole
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

from ssvrl_mm.decode_benchmark.measuring import Rows, compare, format_table, summarise

DEFAULT = 'mvcgc/s3d_ucf101.py'


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('videos', nargs='*', help='generated in a temporary folder if none')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        '--pipeline',
        nargs='?',
        const='',
        metavar='CONFIG',
        help=f'training samples of a config (default: {DEFAULT}); behind the videos',
    )
    mode.add_argument('--whole', action='store_true', help='whole files')
    parser.add_argument('--frames', type=int, default=32, help='frames of the clip, of each call')
    parser.add_argument('--rounds', type=int, default=21, help='measurements of each contender')
    parser.add_argument('--memory', action='store_true', help='measure peak memory (Linux)')
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    if args.pipeline and not args.pipeline.endswith('.py'):
        parser.error(f'--pipeline takes a config: put the video {args.pipeline} before it')
    return args


def main() -> None:
    """Measures every video and prints a table for each, and for all of them."""
    args = parse_args()
    # What --help need not wait for.
    import cv2

    from ssvrl_mm.decode_benchmark.clips import clip_comparison
    from ssvrl_mm.decode_benchmark.generated import generate
    from ssvrl_mm.decode_benchmark.whole_files import whole_file_comparison
    from ssvrl_mm.packaged_files import config_file
    from ssvrl_mm.video import VideoError

    cv2.setNumThreads(0)
    make = partial(clip_comparison, length=args.frames)
    if args.whole:
        make = partial(whole_file_comparison, chunk=args.frames)
    if args.pipeline is not None:
        from ssvrl_mm.decode_benchmark.samples import sample_comparison

        make = partial(sample_comparison, config=args.pipeline or config_file(DEFAULT))
    figures: dict[str, Rows] = {}
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for path in args.videos or generate(Path(folder)):
            try:
                rows = compare(partial(make, path), args.rounds, args.memory)
            except VideoError as error:
                print(f'error: {error}', file=sys.stderr)
                failed = True
                continue
            except (OSError, ValueError) as error:  # such as those of the config
                sys.exit(f'error: {error}')
            figures[Path(path).name] = rows
            print(f'\n{format_table(Path(path).name, rows)}', flush=True)
    if len(figures) > 1:
        for name, pick in (('median', statistics.median), ('highest', max)):
            rows = summarise(figures, pick)
            print(f'\n{format_table(f"{name} of {len(figures)} files", rows)}')
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')
    if failed:
        sys.exit(1)


if __name__ == '__main__':
    main()
