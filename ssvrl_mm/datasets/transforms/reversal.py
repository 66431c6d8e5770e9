"""Showing clips backwards, which a network then has to tell."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.flow_peak import change_flow_peak
from ssvrl_mm.datasets.transforms.views import (
    change_clips,
    require_decoded,
    stream_views,
    total_views,
)
from ssvrl_mm.registry import TRANSFORMS

_SHOWN = ('imgs', 'residuals', 'iframes', 'motion', 'motion_valid', 'flow', 'flow_valid')
_NUMBERS = {'frame_inds': 'imgs', 'motion_inds': 'motion', 'iframe_inds': 'iframes'}


@TRANSFORMS.register_module()
class ReverseClips(BaseTransform):
    """Shows each clip backwards with some probability, and says which.

    The pretext task of Wei et al., "Learning and Using the Arrow of Time", CVPR 2018: all streams
    of a view in reverse order, motion and flow negated besides. Motion stays the codec's, that of
    each frame since the frame before, in its place; residuals stay what they are.

    It stands after ``DecodeCompressedVideo``.

    **Required keys:** ``num_clips``. **Modified keys:** ``imgs``, ``residuals``, ``iframes``,
    ``motion``, ``motion_valid``, ``flow``, ``flow_valid``, ``flow_peak``, ``frame_inds``,
    ``motion_inds``, ``iframe_inds`` (those present). **Added keys:** ``backwards`` int64 (V,), 1 or
    0 for each view, for ``PackSSLInputs(extra_keys=('backwards',))``.

    Args:
        probability: That a clip is shown backwards.

    Raises:
        ValueError: ``probability`` is none, or the video is not decoded yet.
    """

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f'probability must be in 0..1, got {probability}')
        self.probability = probability

    def transform(self, results: dict) -> dict:
        """Reverses."""
        require_decoded(results, type(self).__name__)
        draws = [random.random() < self.probability for _ in range(total_views(results))]
        for key in _SHOWN:
            if key in results:
                change_clips(results, key, _reversing(draws, negate=key in ('motion', 'flow')))
        change_flow_peak(
            results,
            lambda view, whole: whole.kept(range(len(whole.maps))[:: -1 if draws[view] else 1]),
        )
        for key, stream in _NUMBERS.items():
            if key in results:
                rows = zip(stream_views(results, stream), np.asarray(results[key]), strict=True)
                results[key] = np.stack([row[::-1] if draws[view] else row for view, row in rows])
        results['backwards'] = np.array(draws, np.int64)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(probability={self.probability})'


def _reversing(draws: Sequence[bool], negate: bool) -> Callable[[int, Any], Iterable]:
    """Turns round the frames of the views for which this was drawn."""

    def change(view: int, frames: Any) -> Iterable:
        if not draws[view]:
            return frames
        return -frames[::-1] if negate else frames[::-1]

    return change
