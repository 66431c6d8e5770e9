"""How synthesised views differ from their clips, over held-out videos."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from ssvrl_mm.registry import METRICS


@METRICS.register_module()
class ViewQuality(BaseMetric):
    """Means over videos of what a :class:`~ssvrl_mm.models.recognizers.ViewSynthesizer` says.

    A view that is of use is not its clip (``psnr``, ``ssim`` and ``cosine`` are below those of a
    copy: 100 dB, 1 and 1), is no mush (``contrast`` is not near 0), and moves like the clip:
    ``flow_difference`` is well below ``flow``, the difference to a view that does not move. Small
    generators that were trained without a term on pixels came to draw a grey lattice, which has
    ``contrast``: ``ssim`` and ``flow_difference`` tell it.

    Example:
        >>> val_evaluator = dict(type='ViewQuality')
    """

    default_prefix = 'view'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Collects ``view_quality`` of each sample.

        Raises:
            KeyError: A sample has none.
        """
        for sample in data_samples:
            if 'view_quality' not in sample:
                raise KeyError(
                    'ViewQuality needs view_quality, which a ViewSynthesizer writes; the samples '
                    f'hold {sorted(sample)}'
                )
            self.results.append(sample['view_quality'])

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """The means; without videos none."""
        names = results[0] if results else ()
        return {name: float(np.mean([found[name] for found in results])) for name in names}
