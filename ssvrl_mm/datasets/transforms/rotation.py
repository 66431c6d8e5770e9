"""Turning clips by quarter turns, which a network then has to tell."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.flow_peak import change_flow_peak
from ssvrl_mm.datasets.transforms.views import change_clips, require_decoded, total_views
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video.motion.geometry import rotate_motion, rotate_valid


@TRANSFORMS.register_module()
class RotateClips(BaseTransform):
    """Turns each clip by 0, 90, 180 or 270 degrees, anticlockwise, and says by how much.

    The pretext task of Jing et al., "Self-Supervised Spatiotemporal Feature Learning via Video
    Rotation Prediction", 2018. All frames of a view turn alike, whatever the stream: pictures and
    residuals as by ``np.rot90``, and motion and flow with them, vectors too.

    It stands after ``DecodeCompressedVideo`` and after a square crop.

    **Required keys:** ``num_clips``, ``img_shape``. **Modified keys:** ``imgs``, ``residuals``,
    ``iframes``, ``motion``, ``motion_valid``, ``flow``, ``flow_valid`` (those present). **Added
    keys:** ``rotation`` int64 (V,), the quarter turns of each view, for
    ``PackSSLInputs(extra_keys=('rotation',))``.

    Raises:
        ValueError: The video is not decoded yet, or frames or the cells of motion or flow make no
            square.
    """

    def transform(self, results: dict) -> dict:
        """Turns."""
        require_decoded(results, type(self).__name__)
        height, width = size = results['img_shape']
        if height != width:
            raise ValueError(
                f'RotateClips: frames of {size} px (h, w) would not fit one another once turned; '
                'crop squares before it'
            )
        turns = [random.randrange(4) for _ in range(total_views(results))]
        for key in ('imgs', 'residuals', 'iframes'):
            if key in results:
                change_clips(results, key, _turning(_rotate_images, turns))
        for stream in ('motion', 'flow'):
            if stream not in results:
                continue
            grid = results[stream].shape[1:3]
            if grid[0] != grid[1]:
                raise ValueError(
                    f'RotateClips: {grid[0]} x {grid[1]} cells of {stream} would not fit one '
                    f'another once turned; give the crop before it a {stream}_stride'
                )
            cell = results['flow_cell'] if stream == 'flow' else None
            for key, turn in ((stream, rotate_motion), (f'{stream}_valid', rotate_valid)):
                if key in results:
                    change_clips(results, key, _turning(turn, turns, size, cell))
        change_flow_peak(results, lambda view, whole: whole.turned() if turns[view] % 2 else whole)
        results['rotation'] = np.array(turns, np.int64)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def _turning(turn: Callable, turns: Sequence[int], *how: Any) -> Callable[[int, Any], Iterable]:
    """Turns the frames of each view by its quarter turns, with ``turn(frames, turns, *how)``."""
    return lambda view, frames: turn(frames, turns[view], *how)


def _rotate_images(images: Sequence[np.ndarray], quarter_turns: int) -> list[np.ndarray]:
    return [np.ascontiguousarray(np.rot90(image, quarter_turns)) for image in images]
