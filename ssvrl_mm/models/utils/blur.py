"""Gaussian blur of clips, each with a standard deviation of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_kernels(sigmas: Sequence[float], radius: int) -> Tensor:
    """Gaussian kernels on the CPU.

    Args:
        sigmas: N standard deviations in px.
        radius: What the kernels reach to, in px.

    Returns:
        (N, 2 * radius + 1) float32; each sums to 1.
    """
    places = torch.arange(-radius, radius + 1, dtype=torch.float64, device='cpu')
    sigma = torch.tensor(sigmas, dtype=torch.float64, device='cpu').view(-1, 1)
    return torch.softmax(-(places**2) / (2 * sigma**2), dim=1).float()


def blur_clips(clips: Tensor, kernels: Tensor) -> Tensor:
    """Blurs every frame, along its rows and then its columns; borders are mirrored.

    Args:
        clips: (N, C, T, H, W).
        kernels: (N, 2 * radius + 1), on the clips' device.

    Returns:
        Clips of the same shape.

    Raises:
        ValueError: If a side of the frames is no longer than the radius.
    """
    count, channels, frames, height, width = clips.shape
    radius = kernels.shape[1] // 2
    if min(height, width) <= radius:
        raise ValueError(
            f'frames of {height} x {width} px are too small for a blur that reaches {radius} px '
            '(three times the largest sigma): more px or a smaller sigma'
        )
    # Every channel of every frame is a channel of one picture, so that it has its clip's kernel.
    planes = clips.reshape(1, count * channels * frames, height, width)
    weight = kernels.repeat_interleave(channels * frames, dim=0).unsqueeze(1)
    # One padding for both directions: rows beyond the border are blurred as their mirror images.
    planes = F.pad(planes, (radius,) * 4, mode='reflect')
    planes = F.conv2d(planes, weight.unsqueeze(2), groups=len(weight))
    planes = F.conv2d(planes, weight.unsqueeze(3), groups=len(weight))
    return planes.view(clips.shape)
