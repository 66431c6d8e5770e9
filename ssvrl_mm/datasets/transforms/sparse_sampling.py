"""Clips of frames from all over a video."""

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SampleSparseClips(BaseTransform):
    """Samples one clip of T frames, a frame of each of T equal parts of the video.

    The very frames, and draws, that mmaction2's ``SampleFrames(clip_len=1, num_clips=T)`` samples
    as T clips of one frame, as one clip: so the released code of MSCL (Ni et al., ECCV 2022)
    finetunes on Something-Something V2, of which a video shows one action from its start to its
    end. In training a part has a whole number of frames, and those left over at the end of the
    video are never drawn. A video of fewer frames than parts repeats some, the same ones always;
    where the last part's is beyond the end it is the first frame.

    **Required keys:** ``total_frames``. **Added keys:** ``frame_inds`` int64 (1, T), ``clip_len``,
    ``num_clips`` (1).

    Args:
        clip_len: Frames T.
        test_mode: The frame in the middle of each part instead of a random one; parts are then
            those of all of the video.

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
        total = results['total_frames']
        parts = np.arange(self.clip_len)
        each = total // self.clip_len
        if self.test_mode:
            length = total / self.clip_len
            frames = np.floor(parts * length + length / 2)
        elif each:
            # mmaction2's draw is of numpy's global generator, which the dataset seeds.
            frames = parts * each + np.random.randint(each, size=self.clip_len)  # noqa: NPY002
        else:
            frames = np.around(parts * (total / self.clip_len))
        results['frame_inds'] = (frames.astype(np.int64) % total)[None]
        results['clip_len'] = self.clip_len
        results['num_clips'] = 1
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(clip_len={self.clip_len}, test_mode={self.test_mode})'
