"""How synthesised views differ from their clips: pixels and motion."""

import torch
from torch import Tensor
from torch.nn import functional as F

# Of Wang et al., "Image Quality Assessment", IEEE TIP 2004.
_WINDOW, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
_LEAST_ERROR = 1e-10


def compare_views(
    clips: Tensor, views: Tensor, flow: Tensor, view_flow: Tensor
) -> dict[str, Tensor]:
    """Compares views with the clips that they were made of.

    Args:
        clips: (M, 3, T, H, W), from 0 to 1.
        views: The same.
        flow: (M, 2, T - 1, H, W) px of the clips.
        view_flow: The same of the views.

    Returns:
        Name -> (M,): ``psnr`` (dB, 100 at most) and ``ssim`` of view and clip; ``contrast``, the
        mean over the frames of the standard deviation of a view's pixels, of a mush nearly 0;
        ``flow``, the mean length of the clip's flow in px; and ``flow_difference``, that of the
        difference between the two flows.
    """
    error = (clips - views).square().flatten(1).mean(1)
    return {
        'psnr': -10 * torch.log10(error.clamp(min=_LEAST_ERROR)),
        'ssim': structural_similarity(clips, views),
        'contrast': views.std(dim=(-2, -1), correction=0).flatten(1).mean(1),
        'flow': torch.linalg.vector_norm(flow, dim=1).flatten(1).mean(1),
        'flow_difference': torch.linalg.vector_norm(flow - view_flow, dim=1).flatten(1).mean(1),
    }


def structural_similarity(clips: Tensor, views: Tensor) -> Tensor:
    """SSIM, frame by frame and channel by channel, averaged.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE
    TIP 2004: a Gaussian window of 11 px with sigma 1.5, at every place where it fits.

    Args:
        clips: (M, C, T, H, W), from 0 to 1, H and W at least 11.
        views: The same.

    Returns:
        (M,), 1 for equal clips.
    """
    distance = torch.arange(_WINDOW, device=clips.device, dtype=clips.dtype) - _WINDOW // 2
    weights = torch.exp(-distance.square() / (2 * _SIGMA**2))
    weights = weights / weights.sum()

    def smooth(pictures: Tensor) -> Tensor:
        rows = F.conv2d(pictures, weights.view(1, 1, -1, 1))
        return F.conv2d(rows, weights.view(1, 1, 1, -1))

    first, second = (each.transpose(1, 2).flatten(0, 2).unsqueeze(1) for each in (clips, views))
    mean_1, mean_2 = smooth(first), smooth(second)
    variance_1 = smooth(first * first) - mean_1.square()
    variance_2 = smooth(second * second) - mean_2.square()
    covariance = smooth(first * second) - mean_1 * mean_2
    c1, c2 = _K1**2, _K2**2
    luminance = (2 * mean_1 * mean_2 + c1) / (mean_1.square() + mean_2.square() + c1)
    structure = (2 * covariance + c2) / (variance_1 + variance_2 + c2)
    return (luminance * structure).flatten(1).mean(1).view(len(clips), -1).mean(1)
