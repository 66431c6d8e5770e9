"""Building blocks of S3D and I3D: convolution units, feature gating, Inception blocks."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.deterministic import MaxPool3d

from .named_unit import named_unit


def conv_unit(
    in_channels: int,
    channels: int,
    norm_cfg: dict,
    kernel: tuple[int, int, int] = (1, 1, 1),
    stride: tuple[int, int, int] = (1, 1, 1),
) -> nn.Sequential:
    """Convolution without bias (padded to keep the size), BatchNorm, ReLU."""
    temporal, height, width = kernel
    padding = (temporal // 2, height // 2, width // 2)
    conv = nn.Conv3d(in_channels, channels, kernel, stride, padding, bias=False)
    return named_unit(conv, nn.BatchNorm3d(channels, **norm_cfg))


class FeatureGating(nn.Module):
    """Channel-wise self-gating, the G of S3D-G: ``y = sigmoid(W mean(x) + b) * x``.

    The mean runs over time and space (Xie et al., section 4.3). W starts small and b at zero, so
    that every gate starts half open.

    Args:
        channels: Number of channels of the input and of the output.

    Example:
        >>> FeatureGating(8)(torch.rand(2, 8, 4, 7, 7)).shape
        torch.Size([2, 8, 4, 7, 7])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Gates ``x`` of shape (N, C, T, H, W)."""
        gate = self.fc(x.mean(dim=(2, 3, 4))).sigmoid()
        return x * gate[:, :, None, None, None]


class SeparableUnit(nn.Module):
    """A 1 x k x k unit, a k x 1 x 1 unit (each with BatchNorm and ReLU), then the gate, if any."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        norm_cfg: dict,
        gating: bool,
        strides: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        temporal, spatial = strides
        self.spatial = conv_unit(
            in_channels, channels, norm_cfg, (1, kernel, kernel), (1, spatial, spatial)
        )
        self.temporal = conv_unit(channels, channels, norm_cfg, (kernel, 1, 1), (temporal, 1, 1))
        self.gate = FeatureGating(channels) if gating else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Convolves ``x`` of shape (N, in_channels, T, H, W)."""
        return self.gate(self.temporal(self.spatial(x)))


#: Makes a unit from its channels, the side of its kernel, norm_cfg, gating and strides.
UnitMaker = Callable[..., nn.Module]


def full_unit(
    in_channels: int,
    channels: int,
    kernel: int,
    norm_cfg: dict,
    gating: bool,
    strides: tuple[int, int] = (1, 1),
) -> nn.Sequential:
    """A k x k x k unit, I3D's, in the place of a :class:`SeparableUnit`; it has no gate."""
    temporal, spatial = strides
    side = (kernel, kernel, kernel)
    return conv_unit(in_channels, channels, norm_cfg, side, (temporal, spatial, spatial))


class InceptionBlock(nn.Module):
    """Four parallel branches, concatenated on the channels; ``unit`` makes the 3x3x3 ones."""

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        norm_cfg: dict,
        gating: bool,
        unit: UnitMaker = SeparableUnit,
    ) -> None:
        super().__init__()
        only, reduce1, separable1, reduce2, separable2, pooled = channels
        self.branch0 = conv_unit(in_channels, only, norm_cfg)
        self.branch1 = nn.Sequential(
            conv_unit(in_channels, reduce1, norm_cfg),
            unit(reduce1, separable1, 3, norm_cfg, gating),
        )
        self.branch2 = nn.Sequential(
            conv_unit(in_channels, reduce2, norm_cfg),
            unit(reduce2, separable2, 3, norm_cfg, gating),
        )
        self.branch3 = nn.Sequential(
            MaxPool3d(3, stride=1, padding=1), conv_unit(in_channels, pooled, norm_cfg)
        )
        self.out_channels = only + separable1 + separable2 + pooled

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in_channels, T, H, W) to (N, out_channels, T, H, W)."""
        branches = (self.branch0, self.branch1, self.branch2, self.branch3)
        return torch.cat([branch(x) for branch in branches], dim=1)
