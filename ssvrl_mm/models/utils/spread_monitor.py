"""Watches, while a network trains, whether its embeddings still differ from one another."""

import logging
from collections.abc import Callable, Mapping

import torch
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.feature_spread import collapse_message, feature_spread

# Of fewer embeddings, a low rank says nothing.
_ENOUGH = 8


class SpreadMonitor:
    """Effective rank and mean cosine of embeddings, every so many steps.

    The steps between repeat the last figures: they are logged in every step, and only one step of
    many waits for the device and costs anything. A collapse is warned of once, and again after the
    embeddings have spread in between. Nothing of it is state: a resumed run looks in its first step.

    Args:
        interval: Steps from one look to the next; the first step looks.

    Raises:
        ValueError: an ``interval`` below 1.

    Example:
        >>> monitor = SpreadMonitor()
        >>> sorted(monitor(lambda: {'rgb': torch.eye(4)}))
        ['effective_rank_rgb', 'mean_cosine_rgb']
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'interval must be at least 1 step, got {interval}')
        self.interval = interval
        self._step = 0
        self._figures: dict[str, Tensor] = {}
        self._collapsed: set[str] = set()

    def __call__(self, embeddings: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """The newest figures, to be logged.

        Args:
            embeddings: Gives stream -> (N, C); called only where they are looked at.

        Returns:
            ``effective_rank_<stream>`` and ``mean_cosine_<stream>``, float64 on the CPU; nothing
            of a stream that never had two embeddings.
        """
        if self._step % self.interval == 0:
            for stream, rows in embeddings().items():
                self._look(stream, rows)
        self._step += 1
        return dict(self._figures)

    def _look(self, stream: str, rows: Tensor) -> None:
        if len(rows) < 2 or not bool(rows.isfinite().all()):
            return
        spread = feature_spread(rows)
        # On the CPU: to log them asks nothing of the device.
        for name in ('effective_rank', 'mean_cosine'):
            value = torch.tensor(getattr(spread, name), dtype=torch.float64)
            self._figures[f'{name}_{stream}'] = value
        if not spread.collapsed or spread.rows < _ENOUGH:
            self._collapsed.discard(stream)
        elif stream not in self._collapsed:
            self._collapsed.add(stream)
            print_log(
                f'{collapse_message(f"embeddings of {stream}", spread)}; training that stays so '
                'learns nothing',
                logger='current',
                level=logging.WARNING,
            )
