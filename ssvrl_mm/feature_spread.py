"""Whether features still differ from one another: effective rank and mean cosine."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_BLOCK = 4096

#: Rows that the rank is estimated from, the number that RankMe found to be enough.
RANK_ROWS = 25_600

#: A mean cosine above this: float32 cosines step by 6e-8 below one, and the networks' own rounding
#: (1e-3 in bfloat16, 1e-6 in float32) turns features by as much. Of videos that differ by 1e-4 on
#: average, those that compete for a rank differ by as little as either.
CONSTANT = 1 - 1e-4

#: An effective rank below this: one direction holds over 0.86 of the sum of all singular values.
#: Features of two classes, alike within each, come down to it where the classes have a cosine of
#: 0.95.
ONE_DIRECTION = 1.5


class FeatureSpread(NamedTuple):
    """How far a set of features spreads, each scaled to length one.

    Attributes:
        effective_rank: exp of the entropy of the singular values' shares of their sum: 1 where all
            features lie on one line, at most the smaller of rows and channels.
        mean_cosine: The mean cosine of two different rows: 1 where all are equal.
        rows: How many features.
    """

    effective_rank: float
    mean_cosine: float
    rows: int

    @property
    def collapsed(self) -> bool:
        """Whether next to nothing is left that could tell the rows apart."""
        return self.rows > 1 and (
            self.mean_cosine > CONSTANT or self.effective_rank < ONE_DIRECTION
        )

    def __str__(self) -> str:
        # Of a cosine close to one, the digits that differ are what counts.
        distance = 1 - self.mean_cosine
        cosine = f'1 - {max(distance, 0):.1e}' if distance < 1e-3 else f'{self.mean_cosine:.3f}'
        return f'effective rank {self.effective_rank:.2f}, mean cosine {cosine}'


@torch.no_grad()
def feature_spread(*features: Tensor, device: torch.device | str | None = None) -> FeatureSpread:
    """Effective rank and mean cosine of features.

    The rank is Roy & Vetterli's ("The effective rank", EUSIPCO 2007), by which RankMe (Garrido et
    al., ICML 2023) predicts how well a representation will do. It comes from the Gram matrix, in
    float64: its smaller side squared is what is held, never a matrix of rows by rows of many.
    Beyond :data:`RANK_ROWS` rows, as many at even distance are taken for it; the mean cosine is of
    all rows.

    Args:
        *features: (N_i, D) parts of one set, finite.
        device: Where to compute; by default the features' own.

    Returns:
        The figures of all rows together; rows of zeros have the cosine 0 with everything. A single
        row has rank 1 and cosine 1, and is not called collapsed.

    Example:
        >>> spread = feature_spread(torch.eye(4))
        >>> round(spread.effective_rank, 6), spread.mean_cosine
        (4.0, 0.0)
    """
    rows, width = sum(map(len, features)), features[0].shape[1]
    if rows < 2:
        return FeatureSpread(1.0, 1.0, rows)
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0
    for unit in _unit_blocks(features, 1, device):
        total = total + unit.sum(dim=0)
        squares = squares + unit.square().sum()
    mean_cosine = float(((total * total).sum() - squares) / (rows * (rows - 1)))  # type: ignore[union-attr]

    step = max(1.0, rows / RANK_ROWS)
    if min(rows, RANK_ROWS) < width:
        units = torch.cat(list(_unit_blocks(features, step, device)))
        gram = units @ units.T
    else:
        gram = torch.zeros(width, width, dtype=torch.float64, device=device or features[0].device)
        for unit in _unit_blocks(features, step, device):
            gram.addmm_(unit.T, unit)
    singular = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    shares = singular / singular.sum().clamp(min=torch.finfo(torch.float64).tiny)
    entropy = float(torch.special.entr(shares).sum())
    return FeatureSpread(math.exp(entropy), mean_cosine, rows)


def _unit_blocks(
    features: tuple[Tensor, ...], step: float, device: torch.device | str | None
) -> Iterator[Tensor]:
    """The rows in float64 and of length one, block by block; one of every ``step`` rows."""
    for part in features:
        if step > 1:
            taken = torch.arange(int(len(part) / step)).double().mul(step).long()
            part = part[taken.to(part.device)]
        for block in part.split(_BLOCK):
            yield F.normalize(block.detach().to(device or block.device, torch.float64), dim=1)


def collapse_message(name: str, spread: FeatureSpread) -> str:
    """What a warning says of features that have collapsed.

    Args:
        name: Whose they are, the name of a stream for instance.
        spread: Their figures.
    """
    return (
        f'{name}: the features have collapsed ({spread}, of {spread.rows} rows): they are next to '
        'equal or lie on one line, so that rounding ranks them, and what follows from their '
        'order may change with batch size, device and number of processes'
    )
