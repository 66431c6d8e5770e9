"""Clips that follow each other in a video, in a shuffled order."""

import math
import random
from contextlib import nullcontext

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.datasets.transforms.clip_layout import set_clips
from ssvrl_mm.datasets.transforms.frame_order import number_of_video
from ssvrl_mm.datasets.transforms.sampling import check_part, frames_of_part
from ssvrl_mm.permutations import permutation_at
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoTooShortError


@TRANSFORMS.register_module()
class SampleClipTuples(BaseTransform):
    """Samples n clips of T consecutive frames, one behind the other, and shuffles them.

    The pretext task of Xu et al., "Self-Supervised Spatiotemporal Learning via Video Clip Order
    Prediction", CVPR 2019: which of the n! orders the clips have. ``gap`` frames between two clips
    are not shown.

    It works in pipelines of this library and in those of mmaction2, as
    :class:`~ssvrl_mm.datasets.transforms.SampleShuffledSegments` does. The label is packed by
    ``PackSSLInputs(extra_keys=('clip_order',))``, or ``PackActionInputs(algorithm_keys=...)``.

    In test mode the clips come from the middle of the video, and their order follows from its name.
    In a video that is too short the gap is then as long as fits, and clips that do not fit without
    one start over with the first frame.

    **Required keys:** ``total_frames``. **Optional keys:** ``video_reader`` and ``start_index``,
    which tell the layout of frames; ``filename`` and ``video_root``. **Added keys:**
    ``frame_inds``, (n, T) int64 in our pipelines and (n*T,) int32 in mmaction2's; ``clip_len``,
    ``frame_interval`` (1), ``num_clips`` (n); ``clip_order`` int64 (1,), the number of the order
    (see :func:`~ssvrl_mm.permutations.permutation_index`), of which entry i says which clip of the
    video is seen as the i-th.

    Args:
        clip_len: Frames per clip T.
        num_clips: Clips n.
        gap: Frames between two clips.
        test_mode: See above.
        part: Begin and end, as shares of the video, of the part that clips come from.

    Raises:
        ValueError: An argument out of range.
        VideoTooShortError: In training, from a video without room for the clips and their gaps; the
            datasets of this library leave it out, as the authors' lists do.

    Example:
        >>> sample = SampleClipTuples(clip_len=2, num_clips=3, gap=1, test_mode=True)
        >>> results = sample(dict(total_frames=10, filename='c.mp4', video_reader=reader))
        >>> results['frame_inds'].tolist(), results['clip_order']
        ([[4, 5], [7, 8], [1, 2]], array([3]))
    """

    def __init__(
        self,
        clip_len: int = 16,
        num_clips: int = 3,
        gap: int = 8,
        test_mode: bool = False,
        part: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if clip_len < 1 or num_clips < 2 or gap < 0:
            raise ValueError(
                'clip_len must be 1 or more, num_clips 2 or more, gap 0 or more, got '
                f'{clip_len}, {num_clips} and {gap}'
            )
        self.clip_len = clip_len
        self.num_clips = num_clips
        self.gap = gap
        self.test_mode = test_mode
        self.part = check_part(part)

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers and the label."""
        begin, total = frames_of_part(self.part, results['total_frames'])
        shown = self.num_clips * self.clip_len
        needed = shown + (self.num_clips - 1) * self.gap
        gap = self.gap
        if total < needed:
            if not self.test_mode:
                raise VideoTooShortError(str(results.get('filename')), total, needed)
            gap = max(total - shown, 0) // (self.num_clips - 1)
        last_start = max(total - needed, 0)
        with seeded_generators(number_of_video(results)) if self.test_mode else nullcontext():
            start = last_start // 2 if self.test_mode else random.randint(0, last_start)
            index = random.randrange(math.factorial(self.num_clips))
        order = np.array(permutation_at(index, self.num_clips))
        starts = start + order * (self.clip_len + gap)
        frames = (starts[:, None] + np.arange(self.clip_len)) % total
        set_clips(results, begin + frames, frame_interval=1)
        results['clip_order'] = np.array([index], np.int64)
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
