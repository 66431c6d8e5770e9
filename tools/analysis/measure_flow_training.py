"""Measures what a training sample costs with motion vectors, and with optical flow of each source.

The sample is that of a config on RGB and flow, its frames and crops the same for all. CPU time in
ms, medians of rounds in which all take turns in one process and one thread, and ratios to the
sample with motion vectors. TV-L1 is stored first, and computed in every round: that takes minutes.

Example:
    python tools/analysis/measure_flow_training.py video.avi --rounds 5
    python tools/analysis/measure_flow_training.py            # on a generated MPEG-4 file
"""

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault('OMP_NUM_THREADS', '1')

from ssvrl_mm.packaged_files import config_file

if TYPE_CHECKING:
    from ssvrl_mm.decode_benchmark.measuring import Comparison

DEFAULT = 'mvcgc/s3d_ucf101_flow.py'
MOTION = 'RGB and motion vectors'
STORED = 'RGB and flow: TV-L1, stored'
HALF = {'flow_scale': 0.5, 'flow_cell': 2}
COMPUTED = {
    'RGB and flow: DIS': {'flow_method': 'dis'},
    'RGB and flow: DIS, half size': {'flow_method': 'dis', **HALF},
    'RGB and flow: TV-L1': {'flow_method': 'tvl1'},
    'RGB and flow: TV-L1, half size': {'flow_method': 'tvl1', **HALF},
}


def parse_args() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('video', nargs='?', help='generated in a temporary folder if none is given')
    parser.add_argument('--config', help=f'whose train pipeline makes the sample ({DEFAULT})')
    parser.add_argument('--rounds', type=int, default=3, help='samples of each source')
    return parser.parse_args()


def comparison(video: str, flow_file: str, config: str) -> 'Comparison':
    """The sample of a config from each source; each round draws other frames and crops."""
    import cv2
    import torch

    from ssvrl_mm.decode_benchmark.measuring import Comparison
    from ssvrl_mm.decode_benchmark.samples import TrainPipeline, run, seed
    from ssvrl_mm.registry import TRANSFORMS

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    steps = TrainPipeline(config).cropped_while
    stored = {STORED: {'flow_method': 'tvl1', 'flow_file': flow_file}}
    sources: dict[str, dict] = {MOTION: {'motion': 'auto'}, **stored, **COMPUTED}
    tasks = {}
    for name, options in sources.items():
        streams = ('rgb', 'motion' if name == MOTION else 'flow')
        choice = dict(type='ChooseStreams', streams=streams, reader_options=options)
        tasks[name] = partial(run, [TRANSFORMS.build(step) for step in (choice, *steps)], video)
    return Comparison(tasks, {'x motion vectors': MOTION}, seed)


def main() -> None:
    """Prints the table."""
    args = parse_args()
    from ssvrl_mm.decode_benchmark.generated import generate
    from ssvrl_mm.decode_benchmark.measuring import compare, format_table
    from ssvrl_mm.video import VideoError
    from ssvrl_mm.video.motion.flow import FlowOptions
    from ssvrl_mm.video.tools.flow_extraction import extract_flow

    with tempfile.TemporaryDirectory() as folder:
        video = args.video or next(path for path in generate(Path(folder)) if 'gop12' in path)
        flow_file = str(Path(folder, 'stored.flow'))
        try:
            stored = extract_flow(video, flow_file, FlowOptions('tvl1'))
            config = args.config or config_file(DEFAULT)
            rows = compare(partial(comparison, video, flow_file, config), args.rounds)
        except (VideoError, OSError, ValueError) as error:
            sys.exit(f'error: {error}')
    print(format_table(Path(video).name, rows))
    print(f'stored: {stored.target_bytes / stored.seconds / 1e3:.0f} kB per second of video')


if __name__ == '__main__':
    main()
