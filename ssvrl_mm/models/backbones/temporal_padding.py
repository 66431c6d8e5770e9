"""Convolutions that continue a clip beyond its ends by its own frames instead of by zeros."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TimeReflectedConv3d(nn.Conv3d):
    """A convolution of 3 in time whose padding is reflection there, and zeros in space.

    Zeros beside the first and the last frame tell a network where in the clip it is
    (`Islam et al. <https://arxiv.org/abs/2001.08248>`_), which MSCL would rather not have its flow
    network know (Ni et al., ECCV 2022, Table 2). So the second frame comes before the first, and
    the last but one after the last; a single frame surrounds itself. Weights and their names are
    those of :class:`torch.nn.Conv3d`.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        assert not isinstance(self.padding, str)
        last = input.shape[2] - 1
        # Concatenation has a deterministic gradient on CUDA, torch's own reflection has none.
        before, after = (input.narrow(2, i, 1) for i in (min(1, last), max(last - 1, 0)))
        padded = torch.cat([before, input, after], dim=2)
        padding = (0, *self.padding[1:])
        return F.conv3d(padded, weight, bias, self.stride, padding, self.dilation, self.groups)


def reflect_in_time(module: nn.Module) -> None:
    """Has the convolutions of a module that pad by a frame in time do so by reflection, in place.

    Args:
        module: Any module; weights, their names and checkpoints stay as they are. A convolution
            of another class loses what that class adds to :class:`torch.nn.Conv3d`.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv3d) and child.padding[0] == 1:
                reflected = TimeReflectedConv3d.__new__(TimeReflectedConv3d)
                reflected.__dict__.update(child.__dict__)
                setattr(parent, name, reflected)
