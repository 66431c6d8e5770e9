"""How far a share that was counted may lie from the truth."""

import math
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """Bounds of a share.

    Attributes:
        low: In [0, 1].
        high: In [0, 1].
    """

    low: float
    high: float


def wilson_interval(share: float, count: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share of independent trials.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927:
    every p that the observed share is not further from than z of p's own standard errors. The
    usual ``share ± z * sqrt(share * (1 - share) / n)`` is zero wide at shares of 0 and 1, however
    few the trials; this interval is not, and never leaves [0, 1].

    Args:
        share: Successes over trials, in [0, 1].
        count: Trials n: the queries of a recall, the videos of an accuracy.
        confidence: How often such an interval holds the truth.

    Returns:
        The bounds.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> low, high = wilson_interval(1.0, 20)
        >>> round(low, 3), high
        (0.839, 1.0)
    """
    if not 0 <= share <= 1:
        raise ValueError(f'a share lies in [0, 1], got {share}')
    if not count > 0:
        raise ValueError(f'a share of no trials has no interval, got count={count}')
    if not 0 < confidence < 1:
        raise ValueError(f'confidence must lie in (0, 1), got {confidence}')
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * count)) / count) / (1 + z2 / count)
    # The bounds meet 0 and 1 exactly, which rounding would miss by a last digit.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    return Interval(low, 1.0 if share == 1 else min(1.0, centre + half))


def wilson_error(share: float, count: float, confidence: float = 0.95) -> float:
    """The distance from a share to the further bound of its :func:`wilson_interval`.

    What tables show behind a ±: one number, and never too small a one.

    Example:
        >>> round(wilson_error(1.0, 20), 3)
        0.161
    """
    low, high = wilson_interval(share, count, confidence)
    return max(share - low, high - share)


def per_cent(share: float, count: float | None = None) -> str:
    """A share in per cent, with its error where the number of trials is known.

    Example:
        >>> per_cent(0.5, 100), per_cent(0.5)
        ('50.0 ± 9.6', '50.0')
    """
    shown = f'{100 * share:.1f}'
    return shown if not count else f'{shown} ± {100 * wilson_error(share, count):.1f}'
