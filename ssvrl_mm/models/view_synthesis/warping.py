"""Warping of clips by motion, through which gradients flow."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.models.utils.precision import full_precision, without_autocast


def warp(frames: Tensor, motion: Tensor) -> Tensor:
    """Motion compensation: predicts each frame from another one.

    ``prediction(p) = frame(p - motion(p))``, linear between pixels, the border repeated outside:
    :func:`ssvrl_mm.video.motion.residual.warp` for clips, on the device, with gradients to both.
    Computed in at least float32, as half precision does not tell the places of pixels apart.

    Args:
        frames: (N, C, T, H, W).
        motion: (N, 2, T, H, W) px: the motion (dx, dy), x to the right and y down, from each frame
            to the one to predict, at the places of the latter.

    Returns:
        (N, C, T, H, W) predictions.

    Raises:
        ValueError: Shapes do not fit.

    Example:
        >>> frames = torch.arange(4.0).view(1, 1, 1, 1, 4)
        >>> motion = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 1, 4)
        >>> warp(frames, motion).flatten().tolist()
        [0.0, 0.0, 1.0, 2.0]
    """
    count, _, length, height, width = frames.shape
    if motion.shape != (count, 2, length, height, width):
        raise ValueError(
            f'motion of frames {tuple(frames.shape)} must be '
            f'{(count, 2, length, height, width)}, got {tuple(motion.shape)}'
        )
    with without_autocast(frames):
        frames, motion = full_precision(frames, motion)
        x = torch.arange(width, device=motion.device, dtype=motion.dtype)
        y = torch.arange(height, device=motion.device, dtype=motion.dtype)
        # From px to the scale on which the centres of the outermost pixels are -1 and 1.
        across = (x - motion[:, 0]) * (2 / max(width - 1, 1)) - 1
        down = (y[:, None] - motion[:, 1]) * (2 / max(height - 1, 1)) - 1
        places = torch.stack([across, down], dim=-1).flatten(0, 1)
        pictures = frames.transpose(1, 2).flatten(0, 1)
        made = F.grid_sample(pictures, places, padding_mode='border', align_corners=True)
    return made.unflatten(0, (count, length)).transpose(1, 2)


def predict_first(clips: Tensor, flow: Tensor) -> Tensor:
    """Predicts every frame of a clip but the last from the one after it.

    The ``warp`` of Eq. (13) in "Self-supervised Representation Learning for Videos by Segmenting
    via Sampling Rate Order Prediction" (IEEE TCSVT 2021).

    Args:
        clips: (N, C, T, H, W).
        flow: (N, 2, T - 1, H, W) px: where what is seen at a place of frame t is in frame t + 1.

    Returns:
        (N, C, T - 1, H, W), predictions of frames 1 to T - 1.

    Raises:
        ValueError: Shapes do not fit.
    """
    return warp(clips[:, :, 1:], -flow)
