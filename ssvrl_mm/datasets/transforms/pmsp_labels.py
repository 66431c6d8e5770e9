"""What pyramidal motion statistics prediction asks of a clip, from the motion that it shows."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.motion_statistics import pmsp_labels
from ssvrl_mm.datasets.transforms.flow_peak import change_flow_peak
from ssvrl_mm.datasets.transforms.views import change_clips, require_decoded, split_views
from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS
from ssvrl_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PMSPLabels(BaseTransform):
    """Says in which cell of a spatio-temporal pyramid each clip moves most.

    Pyramidal motion statistics prediction of Yu et al., "Self-Supervised Learning of Compressed
    Video Representations", ICLR 2021 (Algorithm 1), of the motion as the clips show it: this stands
    after ``DecodeCompressedVideo`` and after all crops, flips and turns. How labels are found:
    :func:`~ssvrl_mm.datasets.motion_statistics.pmsp_labels`.

    **Required keys:** ``motion``, ``img_shape``, ``num_clips``; ``motion_valid`` if it is there:
    what is not valid counts as no motion. **Added keys:** ``pmsp_labels`` int64 (V, W, G), for
    ``PackSSLInputs(extra_keys=('pmsp_labels',))``; by default 9 windows and 3 grids. **Modified
    keys, with** ``keep``: ``motion``, ``motion_valid``, ``residuals``, ``flow``, ``flow_valid``
    (those present) and ``motion_inds``.

    Args:
        num_gops: Groups of pictures T of a clip; its maps of motion are parted among them evenly.
        grids: Cells along each side of the frame.
        windows: Temporal scales.
        keep: Which maps of each group go on to the network, counted from 0; None: all. The paper
            does not say whether labels are of the 5 maps per group that the network sees, or of all
            11: for these, sample the positions 1 to 11 and keep (1, 3, 5, 7, 9), which are the
            positions 2, 4, 6, 8, 10.

    Raises:
        ValueError: The video is not decoded yet, there are no ``num_gops`` equal groups of maps,
            or they have no such map to keep.
        KeyError: There is no motion.
    """

    def __init__(
        self,
        num_gops: int = 5,
        grids: Sequence[int] = GRIDS,
        windows: Sequence[int] = WINDOWS,
        keep: Sequence[int] | None = None,
    ) -> None:
        self.num_gops = num_gops
        self.grids = tuple(grids)
        self.windows = tuple(windows)
        self.keep = None if keep is None else tuple(keep)
        if self.keep is not None and (not self.keep or min(self.keep) < 0):
            raise ValueError(f'keep names maps of a group, counted from 0, got {keep}')
        # What is wrong with the others is said before a video is read.
        pmsp_labels(np.zeros((num_gops, 1, 1, 2)), None, num_gops, None, grids, windows)

    def transform(self, results: dict) -> dict:
        """Adds the labels."""
        require_decoded(results, type(self).__name__)
        if 'motion' not in results:
            raise KeyError(f"PMSPLabels needs the stream 'motion', there are {sorted(results)}")
        size, valid = results['img_shape'], results.get('motion_valid')
        clips = [motion for _, motion in split_views(results, 'motion')]
        masks = [None] * len(clips) if valid is None else np.split(valid, len(clips))
        found = [
            pmsp_labels(motion, mask, self.num_gops, size, self.grids, self.windows)
            for motion, mask in zip(clips, masks, strict=True)
        ]
        results['pmsp_labels'] = np.stack(found)
        if self.keep is not None:
            self._keep(results, len(clips[0]))
        return results

    def _keep(self, results: dict, length: int) -> None:
        """Leaves only what the network sees of each clip of so many maps."""
        assert self.keep is not None
        maps = np.arange(length).reshape(self.num_gops, -1)
        if max(self.keep) >= maps.shape[1]:
            raise ValueError(f'keep={self.keep}: groups have {maps.shape[1]} maps of motion each')
        kept = maps[:, self.keep].ravel()
        for key in ('motion', 'motion_valid', 'residuals', 'flow', 'flow_valid'):
            if key in results:
                change_clips(results, key, lambda _, frames: [frames[place] for place in kept])
        change_flow_peak(results, lambda _, whole: whole.kept(kept))
        if 'motion_inds' in results:
            numbers = np.asarray(results['motion_inds'])
            results['motion_inds'] = numbers.reshape(len(numbers), length)[:, kept]

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
