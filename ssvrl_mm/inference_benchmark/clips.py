"""The clips that networks see, read in the ways of the set-ups."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from ssvrl_mm.datasets.transforms import ChooseStreams
from ssvrl_mm.datasets.transforms.sampling import uniform_starts
from ssvrl_mm.decode_benchmark.samples import run
from ssvrl_mm.inference_benchmark.stored_frames import load_frames
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding.index_cache import known_videos

#: Which clips of a video are shown, as the configs of UCF101 call it. 'ten_crops' is the protocol
#: of MVCGC's accuracies: a moving window, and ten crops of each clip.
PROTOCOLS = ('one_clip', 'ten_clips', 'three_crops', 'ten_crops')

# IMRNet (Yu et al. 2021, section 3): five GOPs of 12, of each the I-frame and every other P-frame.
GOP, _GOPS = 12, 5
_P_FRAMES = np.arange(2, GOP, 2)

Packed = dict[str, Any]


def two_stream_steps(config: Config, protocol: str) -> list[Mapping[str, Any]]:
    """The test pipeline of S3D: clips of 32 frames of 128 x 128.

    It opens, samples, crops in any number of steps, decodes and packs.
    """
    return list(config.test_protocols[protocol])


def context_motion_steps(config: Config, protocol: str) -> list[Mapping[str, Any]]:
    """The test pipeline of Context-Motion: of its ten clips, or of the one in the middle."""
    steps: list[Mapping[str, Any]] = [dict(step) for step in config.test_pipeline]
    if protocol == 'one_clip':
        steps[1] = {**steps[1], 'num_clips': 1}
    return steps


class ClipReader:
    """Reads clips from video files, each as if it were met for the first time.

    Args:
        steps: Configs of the pipeline.
        streams: What is decoded.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]], streams: Sequence[str]) -> None:
        self._steps = [TRANSFORMS.build(dict(step)) for step in steps]
        self._streams = streams

    def __call__(self, path: str, **reader_options: Any) -> Packed:
        """Packed clips.

        Raises:
            VideoError: The video cannot be read, or not what is asked of it.
        """
        known_videos.clear()
        return run([ChooseStreams(self._streams, reader_options), *self._steps], path)


class StoredClipReader:
    """Reads clips from the JPEG files of ``store_frames``, cropped and packed by the same steps.

    Args:
        steps: See :func:`two_stream_steps`.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        _, self._sample, *self._crops, _, self._pack = [
            TRANSFORMS.build(dict(step)) for step in steps
        ]

    def __call__(self, folder: Path, num_frames: int) -> Packed:
        """Packed clips; flow goes where the network takes its motion.

        Raises:
            FileNotFoundError: A frame is missing.
        """
        results = self._sample(dict(total_frames=num_frames))
        asked = results['frame_inds'].ravel()
        numbers, places = np.unique(asked, return_inverse=True)
        frames, flow = load_frames(folder, numbers.tolist())
        results.update(
            imgs=[frames[place] for place in places],
            flow=flow[places],
            flow_valid=np.ones((len(asked), *flow.shape[1:3]), bool),
            flow_cell=1,
            img_shape=frames.shape[1:3],
        )
        steps: Sequence[Callable[[Packed], Packed]] = [*self._crops, self._pack]
        for step in steps:
            results = step(results)
        return flow_as_motion(results)


def flow_as_motion(packed: Packed) -> Packed:
    """Clips whose flow stands where the two-stream network takes its motion."""
    inputs = packed['inputs']
    inputs['motion'] = inputs.pop('flow')
    return packed


def read_gops(path: str, protocol: str) -> list[Any]:
    """I-frames, accumulated vectors and residuals, as IMRNet takes them of re-encoded video.

    Args:
        path: A video with a keyframe every 12 frames.
        protocol: 'one_clip' reads 5 GOPs in the middle, any other one 10 times 5.

    Returns:
        For each clip 5 I-frames, and the vectors and residuals of 25 P-frames.

    Raises:
        VideoError: The video cannot be read.
    """
    known_videos.clear()
    clips = []
    with CompressedVideoReader(path, accumulate=True) as reader:
        num_gops = max(len(reader) // GOP, 1)
        count = 1 if protocol == 'one_clip' else 10
        for first in uniform_starts(count, max(num_gops - _GOPS, 0)):
            # Short videos start over.
            iframes = (first + np.arange(_GOPS)) % num_gops * GOP
            moving = (iframes[:, None] + _P_FRAMES).ravel() % len(reader)
            clips.append(
                reader.get_frames_at(
                    iframes.tolist(), ('rgb', 'motion', 'residual'), motion_indices=moving.tolist()
                )
            )
    return clips
