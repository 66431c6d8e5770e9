"""Clips of frames from all over a video."""

import random

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SampleSparseClips(BaseTransform):
    """Samples one clip of T frames, a frame of each of T equal parts of the video.

    What mmaction2's ``SampleFrames(clip_len=1, num_clips=T)`` samples as T clips of one frame, as
    one clip: so the released code of MSCL (Ni et al., ECCV 2022) finetunes on Something-Something
    V2, of which a video shows one action from its start to its end. A video of fewer frames than
    parts repeats some.

    **Required keys:** ``total_frames``. **Added keys:** ``frame_inds`` int64 (1, T), ``clip_len``,
    ``num_clips`` (1).

    Args:
        clip_len: Frames T.
        test_mode: The frame in the middle of each part instead of a random one.

    Raises:
        ValueError: ``clip_len`` below 1.

    Example:
        >>> sample = SampleSparseClips(clip_len=4, test_mode=True)
        >>> sample(dict(total_frames=40))['frame_inds']
        array([[ 5, 15, 25, 35]])
    """

    def __init__(self, clip_len: int, test_mode: bool = False) -> None:
        if clip_len < 1:
            raise ValueError(f'clip_len must be 1 or more, got {clip_len}')
        self.clip_len = clip_len
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers."""
        places = [0.5 if self.test_mode else random.random() for _ in range(self.clip_len)]
        parts = np.arange(self.clip_len) + places
        frames = np.floor(parts * (results['total_frames'] / self.clip_len)).astype(np.int64)
        # Rounding may reach the end.
        results['frame_inds'] = frames.clip(max=results['total_frames'] - 1)[None]
        results['clip_len'] = self.clip_len
        results['num_clips'] = 1
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(clip_len={self.clip_len}, test_mode={self.test_mode})'
