"""What photometric augmentation draws, by the host alone."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import torch

from ssvrl_mm.models.utils.color import Factors


class Draw(NamedTuple):
    """What happens to one clip.

    Attributes:
        jitter: How its colours change; None: they stay.
        sigma: Standard deviation of its blur in px; None: no blur.
        grey: Whether it turns grey.
    """

    jitter: Factors | None = None
    sigma: float | None = None
    grey: bool = False

    @property
    def kind(self) -> tuple[bool, bool, bool]:
        """Whether it is jittered, blurred, turned grey."""
        return self.jitter is not None, self.sigma is not None, self.grey


class PhotometricDraws:
    """Draws what happens to clips, from torch's global generator of the CPU.

    What is not applied to a clip is drawn all the same. Draws and their order are kornia's.

    Args:
        color_jitter: See :class:`~.photometric.PhotometricAugmentation`, like the others.
        grayscale_p: Probability of turning grey.
        blur: Range of sigma, and probability.
    """

    def __init__(self, color_jitter: dict | None, grayscale_p: float, blur: dict | None) -> None:
        self._jitter = None if color_jitter is None else _jitter(**color_jitter)
        self._grayscale_p = _probability(grayscale_p)
        self._blur = None if blur is None else _blur(**blur)

    @property
    def largest_sigma(self) -> float:
        """In px; 0 where nothing is blurred."""
        return 0.0 if self._blur is None else self._blur[0][1]

    def __call__(self, count: int) -> tuple[list[Draw], list[int]]:
        """Draws what happens to clips.

        Args:
            count: The number of clips.

        Returns:
            One draw per clip; and the order of the jitter's steps, by their places in
            :class:`~ssvrl_mm.models.utils.color.Factors`.
        """
        jitters: list[Factors | None] = [None] * count
        sigmas: list[float | None] = [None] * count
        greys, order = [False] * count, [0, 1, 2, 3]
        if self._jitter is not None:
            ranges, p = self._jitter
            happens = _happens(p, count)
            brightness, contrast = (_uniform(*ranges[place], count) for place in (0, 1))
            hue, saturation = (_uniform(*ranges[place], count) for place in (3, 2))
            order = torch.randperm(4, device='cpu').tolist()
            rows = zip(happens, brightness, contrast, saturation, hue, strict=True)
            jitters = [Factors(*row) if happen else None for happen, *row in rows]
        if self._grayscale_p:
            greys = _happens(self._grayscale_p, count)
        if self._blur is not None:
            (low, high), p = self._blur
            drawn = zip(_happens(p, count), _uniform(low, high, count), strict=True)
            sigmas = [sigma if happen else None for happen, sigma in drawn]
        return [Draw(*row) for row in zip(jitters, sigmas, greys, strict=True)], order


def _jitter(
    brightness: float | Sequence[float] = 0.0,
    contrast: float | Sequence[float] = 0.0,
    saturation: float | Sequence[float] = 0.0,
    hue: float | Sequence[float] = 0.0,
    p: float = 1.0,
) -> tuple[list[tuple[float, float]], float]:
    """Ranges in the order of :class:`Factors`, and the probability."""
    factors = {'brightness': brightness, 'contrast': contrast, 'saturation': saturation}
    ranges = [_range(name, setting, 1.0, 0.0, inf) for name, setting in factors.items()]
    return [*ranges, _range('hue', hue, 0.0, -0.5, 0.5)], _probability(p)


def _blur(sigma: Sequence[float] = (0.1, 2.0), p: float = 1.0) -> tuple[tuple[float, float], float]:
    low, high = sigma
    if not 0 < low <= high < inf:
        raise ValueError(f'not a range of standard deviations: {sigma}')
    return (low, high), _probability(p)


def _range(
    name: str, setting: float | Sequence[float], centre: float, least: float, most: float
) -> tuple[float, float]:
    """A range, or that around the centre by a largest change."""
    if isinstance(setting, Sequence):
        low, high = setting
    else:
        low, high = max(centre - setting, least), centre + setting
    if not least <= low <= high <= most or high == inf:
        raise ValueError(f'{name} needs a change or a range within {least} to {most}: {setting}')
    return low, high


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f'not a probability: {p}')
    return p


def _happens(p: float, count: int) -> list[bool]:
    if p in (0, 1):
        return [bool(p)] * count
    return (torch.rand(count, device='cpu') < p).tolist()


def _uniform(low: float, high: float, count: int) -> list[float]:
    bounds = torch.tensor([low, high], dtype=torch.float32, device='cpu')
    share = torch.rand(count, dtype=torch.float32, device='cpu')
    return (bounds[0] + share * (bounds[1] - bounds[0])).tolist()
