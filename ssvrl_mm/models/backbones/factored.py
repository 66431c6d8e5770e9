"""Convolutions factored into space and time, computed in shapes that GPUs are fast at."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Tensor cores compute channels by eights.
_MULTIPLE = 8


class FactoredConv3d(nn.Conv3d):
    """A 1 x k x k or k x 1 x 1 convolution, computed as one of two dimensions without a copy.

    Clips with the channels last in memory are frames with the channels last, one under the other:
    a convolution over space sees N * T frames, one over time N pictures of T rows and H * W
    columns. Clips laid out otherwise, and other kernels, are convolved in 3D. Weights and their
    names are those of :class:`torch.nn.Conv3d`.

    Attributes:
        on_cuda: Whether clips on a GPU are convolved so too; by default only those on the CPU.

    Example:
        >>> conv = FactoredConv3d(8, 8, (1, 3, 3), padding=(0, 1, 1))
        >>> clips = torch.rand(2, 8, 4, 7, 7).contiguous(memory_format=torch.channels_last_3d)
        >>> conv(clips).shape
        torch.Size([2, 8, 4, 7, 7])
    """

    on_cuda = False

    def forward(self, clips: Tensor) -> Tensor:
        """Convolves clips (N, C, T, H, W)."""
        if clips.is_cuda and not self.on_cuda:
            return super().forward(clips)
        fits = clips.dim() == 5 and clips.is_contiguous(memory_format=torch.channels_last_3d)
        if not fits or self.groups != 1 or self.padding_mode != 'zeros':
            return super().forward(clips)
        if self._moves_only((1, 2)):
            frames = clips.movedim(2, 1).flatten(0, 1)
            frames = self._convolve(frames, self.weight[:, :, 0], (1, 2))
            return frames.unflatten(0, (clips.shape[0], -1)).movedim(1, 2)
        if self._moves_only((0,)):
            rows = self._convolve(clips.flatten(3), self.weight[..., 0], (0, 1))
            return rows.unflatten(3, clips.shape[3:])
        return super().forward(clips)

    def _moves_only(self, axes: tuple[int, ...]) -> bool:
        """Whether the kernel is a point, without stride and padding, on all other axes."""
        return not isinstance(self.padding, str) and all(
            (self.kernel_size[i], self.stride[i], self.padding[i]) == (1, 1, 0)
            for i in set(range(3)) - set(axes)
        )

    def _convolve(self, pictures: Tensor, weight: Tensor, axes: tuple[int, int]) -> Tensor:
        options: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in axes)
            for name in ('stride', 'padding', 'dilation')
        }
        return F.conv2d(pictures, weight, self.bias, **options)


def factor_convolutions(module: nn.Module, on_cuda: bool) -> None:
    """Has the 3D convolutions of a module computed by :class:`FactoredConv3d`, in place.

    Args:
        module: Any module; weights, their names and checkpoints stay as they are. A convolution
            of another class loses what that class adds to :class:`torch.nn.Conv3d`.
        on_cuda: Whether on a GPU too.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv3d) and not isinstance(child, FactoredConv3d):
                factored: Any = FactoredConv3d.__new__(FactoredConv3d)
                factored.__dict__.update(child.__dict__)
                factored.on_cuda = on_cuda
                setattr(parent, name, factored)


class FactoredConvs(nn.Sequential):
    """1 x k x k convolution, BatchNorm, ReLU, k x 1 x 1 convolution, and whatever else follows.

    (2+1)D convolutions have as many channels in between as give them the weights of one in 3D: 45,
    177, 329. On CUDA channels are filled up with zeros to a multiple of 8, which its matrix units
    need to be used at all. What comes out, gradients and running statistics are those without;
    weights and checkpoints know nothing of it.
    """

    def forward(self, clips: Tensor) -> Tensor:
        """Convolves clips (N, C, T, H, W)."""
        layers: list[Any] = list(self)
        over_space, norm, relu, over_time, *rest = layers
        extra = -over_space.out_channels % _MULTIPLE
        # Another norm, SyncBatchNorm for instance, computes for itself.
        if not extra or not _fills(clips) or type(norm) is not nn.BatchNorm3d:
            return super().forward(clips)
        clips = over_space._conv_forward(clips, _filled(over_space.weight, 0, extra), None)
        clips = relu(_norm(norm, clips, extra))
        clips = over_time._conv_forward(clips, _filled(over_time.weight, 1, extra), None)
        for layer in rest:
            clips = layer(clips)
        return clips


def _fills(clips: Tensor) -> bool:
    """Whether channels are filled up on the device of the clips."""
    return clips.is_cuda


def _filled(weight: Tensor, axis: int, extra: int) -> Tensor:
    """The weight with ``extra`` zeros more on an axis, laid out as before."""
    zeros = weight.new_zeros([extra if i == axis else n for i, n in enumerate(weight.shape)])
    filled = torch.cat([weight, zeros], dim=axis)
    if weight.dim() == 5 and weight.is_contiguous(memory_format=torch.channels_last_3d):
        return filled.contiguous(memory_format=torch.channels_last_3d)
    return filled


def _norm(norm: Any, clips: Tensor, extra: int) -> Tensor:
    """BatchNorm of clips with ``extra`` channels more; these come out as zeros."""
    by_batch = norm.training or norm.running_mean is None
    momentum = norm.momentum
    if norm.training and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        if momentum is None:  # the mean of all batches
            momentum = 1 / float(norm.num_batches_tracked)
    weight, bias, mean, var = (
        None if value is None else _filled(value, 0, extra)
        for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    clips = F.batch_norm(clips, mean, var, weight, bias, by_batch, momentum or 0.0, norm.eps)
    if norm.training and mean is not None and var is not None:
        norm.running_mean.copy_(mean[:-extra])
        norm.running_var.copy_(var[:-extra])
    return clips
