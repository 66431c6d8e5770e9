"""Clips without the order of their frames, or without any but one."""

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS

ORDERS = ('shuffled', 'single')


@TRANSFORMS.register_module()
class DisorderFrames(BaseTransform):
    """Takes the order of its frames from a clip: what is still recognised is no motion.

    A test of a network that was trained on clips in order. Flow stays that of its frame, and goes
    where the frame goes. The same clip is always disordered in the same way.

    **Required keys:** ``frame_inds`` (V, T). **Modified keys:** ``frame_inds``, ``motion_inds``
    (V, T), where it is there.

    Args:
        order: 'shuffled': the frames of each clip in a random order, which is not their own;
            'single': T times the frame in the middle.

    Raises:
        ValueError: An unknown ``order``; the other streams have other clips or lengths than RGB.

    Example:
        >>> DisorderFrames('single')(dict(frame_inds=np.arange(8).reshape(2, 4)))['frame_inds']
        array([[2, 2, 2, 2],
               [6, 6, 6, 6]])
    """

    def __init__(self, order: str) -> None:
        if order not in ORDERS:
            raise ValueError(f'order must be one of {ORDERS}, got {order!r}')
        self.order = order

    def transform(self, results: dict) -> dict:
        """Exchanges the numbers of the frames."""
        frames = np.asarray(results['frame_inds'])
        keys = [key for key in ('frame_inds', 'motion_inds') if key in results]
        shapes = {key: np.shape(results[key]) for key in keys}
        if set(shapes.values()) != {frames.shape} or frames.ndim != 2:
            raise ValueError(
                f'DisorderFrames takes clips (V, T) alike in all streams, got {shapes}'
            )
        places = np.stack([self._places(clip) for clip in frames])
        for key in keys:
            results[key] = np.take_along_axis(np.asarray(results[key]), places, axis=1)
        return results

    def _places(self, clip: np.ndarray) -> np.ndarray:
        """Which frame of a clip takes each place."""
        length = len(clip)
        if self.order == 'single':
            return np.full(length, length // 2)
        # By its frames, so that neither workers nor batches change it.
        generator = np.random.default_rng(clip.tolist())
        places = generator.permutation(length)
        while length > 1 and (places == np.arange(length)).all():
            places = generator.permutation(length)
        return places

    def __repr__(self) -> str:
        return f'{type(self).__name__}(order={self.order!r})'
