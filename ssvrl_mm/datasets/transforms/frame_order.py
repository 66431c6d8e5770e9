"""Clips without the order of their frames, or without any but one."""

import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS

ORDERS = ('shuffled', 'single', 'first_of_segments')

# What DecodeCompressedVideo leaves, of frames whose numbers come too late to be exchanged.
_DECODED = ('imgs', 'motion', 'flow', 'residuals', 'iframes')


@TRANSFORMS.register_module()
class DisorderFrames(BaseTransform):
    """Takes the order of its frames from a clip: what is still recognised is no motion.

    A test of a network that was trained on clips in order. Flow stays that of its frame, and goes
    where the frame goes. The same clip is always disordered in the same way, and those of two
    videos in ways of their own, even where their frames have the same numbers. It stands between
    the step that samples the frames and ``DecodeCompressedVideo``.

    **Required keys:** ``frame_inds`` (V, T). **Optional keys:** ``filename`` and ``video_root``,
    which tell videos apart; ``segment_lengths`` (V, n) for 'first_of_segments'. **Modified keys:**
    ``frame_inds``, ``motion_inds`` (V, T), where it is there.

    Args:
        order: 'shuffled': the frames of each clip in a random order, which is not their own;
            'single': T times the frame in the middle; 'first_of_segments': in each of the segments
            of :class:`~ssvrl_mm.datasets.transforms.SampleShuffledSegments` all the time its first
            frame, so that cuts between them, compression and brightness are what is left. Clips
            without segments stay.

    Raises:
        ValueError: An unknown ``order``; the other streams have other clips or lengths than RGB;
            the frames are decoded already; 'first_of_segments' without ``segment_lengths``.

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
        decoded = [key for key in _DECODED if key in results]
        if decoded:
            raise ValueError(
                f'{decoded} are decoded already: DisorderFrames stands before DecodeCompressedVideo'
            )
        frames = np.asarray(results['frame_inds'])
        keys = [key for key in ('frame_inds', 'motion_inds') if key in results]
        shapes = {key: np.shape(results[key]) for key in keys}
        if set(shapes.values()) != {frames.shape} or frames.ndim != 2:
            raise ValueError(
                f'DisorderFrames takes clips (V, T) alike in all streams, got {shapes}'
            )
        if self.order == 'first_of_segments':
            places = _first_of_segments(results, frames.shape[1])
        else:
            video = number_of_video(results)
            places = np.stack([self._places(clip, video) for clip in frames])
        for key in keys:
            results[key] = np.take_along_axis(np.asarray(results[key]), places, axis=1)
        return results

    def _places(self, clip: np.ndarray, video: int) -> np.ndarray:
        """Which frame of a clip takes each place."""
        length = len(clip)
        if self.order == 'single':
            return np.full(length, length // 2)
        # By its video and frames, so that neither workers nor batches change it.
        generator = np.random.default_rng([video, *clip.tolist()])
        places = generator.permutation(length)
        while length > 1 and (places == np.arange(length)).all():
            places = generator.permutation(length)
        return places

    def __repr__(self) -> str:
        return f'{type(self).__name__}(order={self.order!r})'


def _first_of_segments(results: Mapping[str, Any], clip_len: int) -> np.ndarray:
    """Which frame of a clip takes each place, (V, T), if segments show their first alone."""
    if 'segment_lengths' not in results:
        raise ValueError(
            "DisorderFrames('first_of_segments') needs segment_lengths: it stands behind "
            'SampleShuffledSegments'
        )
    return np.stack(
        [
            # Where each begins, as often as it is long.
            np.repeat(np.cumsum(lengths) - lengths, lengths)
            if min(lengths) > 0
            else np.arange(clip_len)
            for lengths in results['segment_lengths']
        ]
    )


def number_of_video(results: Mapping[str, Any]) -> int:
    """A number that goes with a video, wherever its dataset is kept; 0 of one without a name."""
    name, root = results.get('filename', ''), results.get('video_root') or ''
    if root and '://' not in name:
        name = os.path.relpath(name, root)
    return zlib.crc32(name.encode(errors='surrogateescape'))
