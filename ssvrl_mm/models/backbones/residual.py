"""Building blocks of video ResNets: the kinds of convolution and the two residual blocks."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from .factored import FactoredConvs

Strides = tuple[int, int]  # temporal, spatial


def mid_channels(in_channels: int, channels: int, side: int = 3, length: int = 3) -> int:
    """Channels between the two halves of a (2+1)D convolution.

    As many as give the two together the weights of one convolution of length x side x side (Tran et
    al. 2018, section 3.5), rounded down.
    """
    area = side**2
    return length * area * in_channels * channels // (area * in_channels + length * channels)


def conv_3d(in_channels: int, channels: int, mid: int, strides: Strides) -> nn.Module:
    """3x3x3 convolution."""
    temporal, spatial = strides
    stride = (temporal, spatial, spatial)
    return nn.Conv3d(in_channels, channels, 3, stride, padding=1, bias=False)


def conv_2d(in_channels: int, channels: int, mid: int, strides: Strides) -> nn.Module:
    """1x3x3 convolution: every frame for itself."""
    temporal, spatial = strides
    stride = (temporal, spatial, spatial)
    return nn.Conv3d(in_channels, channels, (1, 3, 3), stride, padding=(0, 1, 1), bias=False)


def conv_1d(in_channels: int, channels: int, mid: int, strides: Strides) -> nn.Module:
    """3x1x1 convolution: every place for itself."""
    temporal, spatial = strides
    stride = (temporal, spatial, spatial)
    return nn.Conv3d(in_channels, channels, (3, 1, 1), stride, padding=(1, 0, 0), bias=False)


def conv_2plus1d(in_channels: int, channels: int, mid: int, strides: Strides) -> nn.Module:
    """1x3x3 convolution to ``mid`` channels, BatchNorm, ReLU, 3x1x1 convolution."""
    temporal, spatial = strides
    return FactoredConvs(
        nn.Conv3d(
            in_channels, mid, (1, 3, 3), (1, spatial, spatial), padding=(0, 1, 1), bias=False
        ),
        nn.BatchNorm3d(mid),
        nn.ReLU(inplace=True),
        nn.Conv3d(mid, channels, (3, 1, 1), (temporal, 1, 1), padding=(1, 0, 0), bias=False),
    )


def conv_2plus1d_alone(in_channels: int, channels: int, mid: int, strides: Strides) -> nn.Module:
    """As :func:`conv_2plus1d`, with the mid-channels that its own channels give."""
    return conv_2plus1d(in_channels, channels, mid_channels(in_channels, channels), strides)


ConvMaker = Callable[[int, int, int, Strides], nn.Module]
ShortcutMaker = Callable[[int, int, Strides], nn.Module]
CONVS: dict[str, ConvMaker] = {'r3d': conv_3d, 'r2plus1d': conv_2plus1d, 'r2d': conv_2d}


def pointwise(in_channels: int, channels: int, strides: Strides = (1, 1)) -> nn.Module:
    """1x1x1 convolution."""
    temporal, spatial = strides
    return nn.Conv3d(in_channels, channels, 1, (temporal, spatial, spatial), bias=False)


def pointwise_2plus1d(in_channels: int, channels: int, strides: Strides = (1, 1)) -> nn.Module:
    """1x1x1 convolution that skips places, BatchNorm, ReLU, 1x1x1 convolution that skips frames."""
    temporal, spatial = strides
    mid = mid_channels(in_channels, channels, side=1, length=1)
    return FactoredConvs(
        pointwise(in_channels, mid, (1, spatial)),
        nn.BatchNorm3d(mid),
        nn.ReLU(inplace=True),
        pointwise(mid, channels, (temporal, 1)),
    )


def unit(conv: nn.Module, channels: int, relu: bool = True) -> nn.Sequential:
    """Convolution, BatchNorm and, unless what follows is a sum, ReLU."""
    layers = [conv, nn.BatchNorm3d(channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class ResidualBlock(nn.Module, metaclass=ABCMeta):
    """``relu(branch(x) + shortcut(x))``, with a 1x1x1 projection as shortcut where sizes change.

    Modules have torchvision's names: ``conv1`` and so on for the branch, ``downsample`` for the
    projection.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the block's 3x3x3 (or 1x3x3, or (2+1)D) convolutions.
        strides: Temporal and spatial stride.
        shortcut: What makes the projection.
    """

    expansion: int  # channels of the output, as a multiple of ``channels``

    def __init__(
        self, in_channels: int, channels: int, strides: Strides, shortcut: ShortcutMaker
    ) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.downsample = None
        if strides != (1, 1) or in_channels != out_channels:
            projection = shortcut(in_channels, out_channels, strides)
            self.downsample = unit(projection, out_channels, relu=False)
        self.relu = nn.ReLU(inplace=True)

    @abstractmethod
    def branch(self) -> tuple[nn.Sequential, ...]:
        """The units of the residual branch, in order."""

    @property
    def last_norm(self) -> nn.BatchNorm3d:
        """The BatchNorm whose result is added to the shortcut."""
        norm = self.branch()[-1][1]
        assert isinstance(norm, nn.BatchNorm3d)
        return norm

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in_channels, T, H, W) to (N, channels * expansion, T', H', W')."""
        shortcut = x if self.downsample is None else self.downsample(x)
        for layer in self.branch():
            x = layer(x)
        return self.relu(x + shortcut)


# Both convolutions of a basic block share the mid-channels of the first, and a bottleneck takes its
# wide input for them: the authors' networks have it so, and torchvision after them. Convolutions
# that reckon for themselves (conv_2plus1d_alone) do not look at what the block says.


class BasicBlock(ResidualBlock):
    """Two convolutions, the first made by ``conv``, one of ``CONVS``; see :class:`ResidualBlock`.

    Args:
        last: What makes the second; None: ``conv`` too.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        conv: ConvMaker,
        strides: Strides = (1, 1),
        last: ConvMaker | None = None,
        shortcut: ShortcutMaker = pointwise,
    ) -> None:
        super().__init__(in_channels, channels, strides, shortcut)
        mid = mid_channels(in_channels, channels)
        self.conv1 = unit(conv(in_channels, channels, mid, strides), channels)
        self.conv2 = unit((last or conv)(channels, channels, mid, (1, 1)), channels, relu=False)

    def branch(self) -> tuple[nn.Sequential, ...]:
        """The units of the residual branch, in order."""
        return self.conv1, self.conv2


class Bottleneck(ResidualBlock):
    """A convolution made by ``conv`` between two of 1x1x1; see :class:`BasicBlock`.

    Args:
        first: What makes the one before it instead of a 1x1x1 convolution.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        conv: ConvMaker,
        strides: Strides = (1, 1),
        first: ConvMaker | None = None,
        shortcut: ShortcutMaker = pointwise,
    ) -> None:
        super().__init__(in_channels, channels, strides, shortcut)
        mid = mid_channels(in_channels, channels)
        wide = channels * self.expansion
        entry = first(in_channels, channels, mid, (1, 1)) if first else None
        self.conv1 = unit(entry or pointwise(in_channels, channels), channels)
        self.conv2 = unit(conv(channels, channels, mid, strides), channels)
        self.conv3 = unit(pointwise(channels, wide), wide, relu=False)

    def branch(self) -> tuple[nn.Sequential, ...]:
        """The units of the residual branch, in order."""
        return self.conv1, self.conv2, self.conv3
