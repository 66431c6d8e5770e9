"""Operations whose usual gradient CUDA computes in no fixed order, by others that have one.

``torch.use_deterministic_algorithms(True)``, which ``tools/train.py --deterministic`` switches on,
refuses the gradients of 3D max pooling before torch 2.13 and of trilinear interpolation before some
version after 2.6, and the NLL loss of maps in any version. Those of ``gather`` and ``index_select``
are deterministic on request.
"""

from collections.abc import Sequence

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


def resize_trilinear(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Trilinear interpolation, with a deterministic gradient where that is asked for.

    Values are those of :func:`torch.nn.functional.interpolate`, corners not aligned.

    Args:
        maps: Maps (N, C, T, H, W).
        size: The other (T, H, W).

    Returns:
        The maps in that size.
    """
    if not (torch.are_deterministic_algorithms_enabled() and maps.requires_grad):
        return F.interpolate(maps, tuple(size), mode='trilinear')
    resized, dtype = maps, torch.promote_types(maps.dtype, torch.float32)
    for axis, length in enumerate(size, start=2):
        last = resized.shape[axis] - 1
        centres = torch.arange(length, dtype=dtype, device=maps.device) + 0.5
        places = (centres * (last + 1) / length - 0.5).clamp(0, last)
        before = places.long()
        share = (places - before).view(-1, *[1] * (4 - axis))
        low = resized.index_select(axis, before)
        high = resized.index_select(axis, (before + 1).clamp(max=last))
        resized = low * (1 - share) + high * share
    return resized.to(maps.dtype)


def cross_entropy_of_maps(logits: Tensor, classes: Tensor) -> Tensor:
    """The cross-entropy at every place of a map, always with a deterministic gradient.

    Args:
        logits: Logits (N, K, ...) of K classes.
        classes: Classes (N, ...), from 0.

    Returns:
        Losses (N, ...), those of :func:`torch.nn.functional.cross_entropy` without reduction.
    """
    return -logits.log_softmax(dim=1).gather(1, classes[:, None]).squeeze(1)
