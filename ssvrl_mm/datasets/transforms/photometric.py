"""Which clips the colours of are augmented; the preprocessor does it, on the GPU."""

import random

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ChooseAugmentedClips(BaseTransform):
    """Chooses the clips of a video whose colours are augmented; the others keep theirs.

    As in the code of `CoCLR <https://arxiv.org/abs/2010.09709>`_: of clips that are the same frames
    one, so that query and key always differ; of clips of different frames each with probability
    ``p``. Crops and flips are for all of them.

    :class:`~ssvrl_mm.models.SSLDataPreprocessor` looks at the choice where
    ``PackSSLInputs(extra_keys=('augmented_clips',))`` hands it on.

    **Required keys:** ``frame_inds`` (V, T). **Added keys:** ``augmented_clips`` bool (V,).

    Args:
        p: The probability.

    Raises:
        ValueError: ``p`` is no probability.

    Example:
        >>> choose = ChooseAugmentedClips(p=0.3)
        >>> int(choose(dict(frame_inds=np.zeros((2, 32))))['augmented_clips'].sum())
        1
    """

    def __init__(self, p: float = 0.3) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f'p must be a probability, got {p}')
        self.p = p

    def transform(self, results: dict) -> dict:
        """Chooses."""
        frames = np.asarray(results['frame_inds'])
        count = len(frames)
        if count > 1 and (frames == frames[0]).all():
            chosen = np.arange(count) == random.randrange(count)
        else:
            chosen = np.array([random.random() < self.p for _ in range(count)])
        results['augmented_clips'] = chosen
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(p={self.p})'
