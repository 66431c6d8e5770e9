"""Single frames from equal parts of a video, and the I-frames before them."""

import random

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.gop_sampling import check_groups
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoTooShortError


@TRANSFORMS.register_module()
class SampleSegments(BaseTransform):
    """Samples a P-frame of each of S equal parts of a video, and the I-frame that it follows.

    What the networks of CoViAR (Wu et al., "Compressed Video Action Recognition", CVPR 2018) see,
    one stream each: motion vectors and residuals of a frame, or the I-frame of its group of
    pictures. For motion, an I-frame that is drawn gives way to the frame before it, which has some.

    **Required keys:** ``total_frames``, ``video_reader``. **Optional key:** ``streams``; without
    it, I-frames count as read. **Added keys:** ``frame_inds`` and ``motion_inds``, int64 (S, 1);
    ``iframe_inds``, int64 (S, 1), where their groups begin; ``num_clips`` (S).

    Args:
        num_segments: Parts S.
        gop_size: Pictures of a group; the first of each is its I-frame.
        test_mode: The frame in the middle of each part instead of a random one.

    Raises:
        ValueError: ``num_segments`` below 1, or ``gop_size`` below 2.
        GOPStructureError: I-frames, or motion or residuals that the reader accumulates since them,
            are read, and these are not every ``gop_size`` frames.
        VideoTooShortError: The video has no second frame.

    Example:
        >>> sample = SampleSegments(num_segments=3, test_mode=True)
        >>> results = sample(dict(total_frames=61, video_reader=reader))
        >>> results['motion_inds'].ravel(), results['iframe_inds'].ravel()
        (array([11, 31, 51]), array([ 0, 24, 48]))
    """

    def __init__(self, num_segments: int = 3, gop_size: int = 12, test_mode: bool = False) -> None:
        if num_segments < 1 or gop_size < 2:
            raise ValueError(
                'num_segments must be 1 or more and gop_size 2 or more, got '
                f'{num_segments} and {gop_size}'
            )
        self.num_segments = num_segments
        self.gop_size = gop_size
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers."""
        total, reader = results['total_frames'], results['video_reader']
        if total < 2:
            raise VideoTooShortError(reader.path, total, 2)
        streams = set(results.get('streams', ('iframe',)))
        if 'iframe' in streams:
            check_groups(reader, self.gop_size, 'SampleSegments')
        elif reader.accumulate and streams & {'motion', 'residual'}:
            check_groups(reader, self.gop_size, 'accumulated motion')
        # Parts of the frames from the second to the last; of a short video some share a frame.
        edges = 1 + np.arange(self.num_segments + 1) * ((total - 1) / self.num_segments)
        places = [0.5 if self.test_mode else random.random() for _ in range(self.num_segments)]
        drawn = np.floor(edges[:-1] + places * np.diff(edges)).astype(np.int64)
        drawn = drawn.clip(1, total - 1)[:, None]
        frames = np.where(drawn % self.gop_size == 0, drawn - 1, drawn)
        results['frame_inds'] = frames
        results['motion_inds'] = frames.copy()
        results['iframe_inds'] = drawn // self.gop_size * self.gop_size
        results['num_clips'] = self.num_segments
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
