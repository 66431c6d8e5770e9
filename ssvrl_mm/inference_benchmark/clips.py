"""The clips that networks see, read in the ways of the set-ups."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from ssvrl_mm.datasets.transforms import ChooseStreams
from ssvrl_mm.decode_benchmark.samples import run
from ssvrl_mm.inference_benchmark.stored_frames import load_frames
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video.decoding.index_cache import known_videos

#: Which clips of a video are shown, as the configs of UCF101 call it. 'ten_crops' is the protocol
#: of MVCGC's accuracies: a moving window, and ten crops of each clip.
PROTOCOLS = ('one_clip', 'ten_clips', 'three_crops', 'ten_crops')

Packed = dict[str, Any]


def two_stream_steps(config: Config, protocol: str) -> list[Mapping[str, Any]]:
    """The test pipeline of S3D: clips of 32 frames of 128 x 128.

    It opens, samples, crops in any number of steps, decodes and packs.
    """
    return list(config.test_protocols[protocol])


def rgb_steps(
    config: Config, protocol: str, frames: int, short_side: int, size: int
) -> list[Mapping[str, Any]]:
    """The same pipeline with clips of other sizes, of frames that follow one another."""
    opened, sample, resize, crop, *rest = two_stream_steps(config, protocol)
    return [
        opened,
        {**sample, 'clip_len': frames},
        {**resize, 'short_side': short_side},
        {**crop, 'size': size},
        *rest,
    ]


def gop_steps(config: Config, protocol: str) -> list[Mapping[str, Any]]:
    """The test pipeline of IMRNet, of videos with a keyframe every 12 frames: clips of five GOPs.

    'ten_crops', which it does not have, is its ten clips in three crops each.
    """
    protocols = config.test_protocols
    opened, sample, *rest = protocols.get(protocol, protocols['ten_clips'])
    return [opened, {**sample, 'mode': 'real'}, *rest]


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
