"""Operations whose usual gradient CUDA computes in no fixed order, by others that have one.

``torch.use_deterministic_algorithms(True)``, which ``tools/train.py --deterministic`` switches on,
refuses the gradient of 3D max pooling before torch 2.13, and the NLL loss of maps in any version.
That of ``gather`` is deterministic on request.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = int | tuple[int, ...]


def max_pool3d(
    clips: Tensor, kernel: Size, stride: Size, padding: Size = 0, ceil_mode: bool = False
) -> Tensor:
    """3D max pooling, with a deterministic gradient where deterministic algorithms are asked for.

    Values are those of :func:`torch.nn.functional.max_pool3d`, and so is the element of each window
    that gets the gradient, among equal ones too.

    Args:
        clips: Maps (N, C, T, H, W).
        kernel: Size of a window, one or three numbers.
        stride: Step from window to window.
        padding: What surrounds the maps.
        ceil_mode: Whether a window that is cut off counts.

    Returns:
        The pooled maps (N, C, T', H', W').
    """
    if not (torch.are_deterministic_algorithms_enabled() and clips.requires_grad):
        return F.max_pool3d(clips, kernel, stride, padding, ceil_mode=ceil_mode)
    # The operator itself: from 2.13 on torch's own function is many small ones here.
    places = torch.ops.aten.max_pool3d_with_indices(
        clips.detach(), kernel, stride, padding, 1, ceil_mode
    )[1]
    return clips.flatten(2).gather(2, places.flatten(2)).view(places.shape)


class MaxPool3d(nn.MaxPool3d):
    """:class:`torch.nn.MaxPool3d`, without dilation, by :func:`max_pool3d`."""

    def forward(self, clips: Tensor) -> Tensor:
        """Pools maps (N, C, T, H, W)."""
        return max_pool3d(clips, self.kernel_size, self.stride, self.padding, self.ceil_mode)


def cross_entropy_of_maps(logits: Tensor, classes: Tensor) -> Tensor:
    """The cross-entropy at every place of a map, always with a deterministic gradient.

    Args:
        logits: Logits (N, K, ...) of K classes.
        classes: Classes (N, ...), from 0.

    Returns:
        Losses (N, ...), those of :func:`torch.nn.functional.cross_entropy` without reduction.
    """
    return -logits.log_softmax(dim=1).gather(1, classes[:, None]).squeeze(1)
