"""Photometric augmentation of clips on the device they are on."""

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor, nn


class PhotometricAugmentation(nn.Module):
    """Colour jitter, random grey, random Gaussian blur: one draw per clip, for all its frames.

    The augmentations of MoCo v2 in their order, by kornia's ``VideoSequential``. All draws come
    from torch's global generator of the CPU, so that seeding it fixes them on any device.

    Args:
        color_jitter: ``brightness``, ``contrast``, ``saturation``, ``hue`` (each the largest
            change, hue as a part of the circle, at most 0.5) and the probability ``p``. Not given:
            0, and ``p`` 1. None: no jitter.
        grayscale_p: Probability of turning a clip grey.
        blur: ``sigma``, the range of the standard deviation in px, and the probability ``p``
            (1 when not given). The kernel reaches to three times the largest sigma. None: no blur.

    Raises:
        TypeError: If a setting has a name that is not known.
        ValueError: If a probability or the range of sigma is none.

    Example:
        >>> augment = PhotometricAugmentation(color_jitter=dict(hue=0.1, p=0.8), grayscale_p=0.2)
        >>> augment(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 3, 16, 112, 112])
    """

    def __init__(
        self,
        color_jitter: dict | None = None,
        grayscale_p: float = 0.0,
        blur: dict | None = None,
    ) -> None:
        super().__init__()
        # Importing kornia takes a while, and whoever does not augment need not have it.
        from kornia.augmentation import VideoSequential

        steps: list[nn.Module] = []
        if color_jitter is not None:
            steps.append(_color_jitter(**color_jitter))
        if grayscale_p:
            steps.append(_grayscale(grayscale_p))
        if blur is not None:
            steps.append(_blur(**blur))
        self.steps = VideoSequential(*steps, data_format='BCTHW') if steps else nn.Identity()

    @torch.no_grad()
    def forward(self, clips: Tensor) -> Tensor:
        """Augments clips.

        Args:
            clips: RGB in [0, 1] of shape (N, 3, T, H, W).

        Returns:
            Clips of the same shape in [0, 1].
        """
        # The trainer calls this under autocast, which would round the blurred pixels to halves.
        with torch.autocast(clips.device.type, enabled=False):
            return self.steps(clips.float())


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f'not a probability: {p}')
    return p


def _color_jitter(
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
    p: float = 1.0,
) -> nn.Module:
    from kornia.augmentation import ColorJitter

    return ColorJitter(brightness, contrast, saturation, hue, p=_probability(p))


def _grayscale(p: float) -> nn.Module:
    from kornia.augmentation import RandomGrayscale

    return RandomGrayscale(p=_probability(p))


def _blur(sigma: Sequence[float] = (0.1, 2.0), p: float = 1.0) -> nn.Module:
    from kornia.augmentation import RandomGaussianBlur

    low, high = sigma
    if not 0 < low <= high:
        raise ValueError(f'not a range of standard deviations: {sigma}')
    size = 2 * ceil(3 * high) + 1
    return RandomGaussianBlur((size, size), (low, high), p=_probability(p))
