"""Means over seeds, and whether two of them differ."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Figures of several seeds.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation (n - 1); NaN for a single one.
        seeds: How many there are.
    """

    mean: float
    deviation: float
    seeds: int


class Difference(NamedTuple):
    """The difference of two means.

    Attributes:
        value: The first minus the second.
        error: Its standard error; NaN where a mean is of a single figure.
    """

    value: float
    error: float

    @property
    def undecided(self) -> bool:
        """Whether it is within twice its standard error, or nobody knows."""
        return not abs(self.value) > 2 * self.error


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of some figures.

    Raises:
        ValueError: There are none.

    Example:
        >>> spread_of([0.5, 0.7])
        Spread(mean=0.6, deviation=0.141..., seeds=2)
    """
    if not values:
        raise ValueError('no figures have no mean')
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Spread(float(np.mean(values)), deviation, len(values))


def difference_of(first: Spread, second: Spread) -> Difference:
    """The difference of two means and its standard error, their variances as they are (Welch).

    The same queries are searched by every seed: what another choice of queries would give is not
    in this error.
    """
    variances = (s.deviation**2 / s.seeds for s in (first, second))
    return Difference(first.mean - second.mean, math.sqrt(sum(variances)))
