"""A feature pyramid over the stages of a video network, of which the finest level is taken."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule, xavier_init
from torch import Tensor, nn

from ssvrl_mm.models.utils.deterministic import resize_trilinear
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class TemporalPyramid(BaseModule):
    """Brings what the late stages of a 3D network see to the resolution of the first of them.

    The Temporal Pyramid Network (TPN) of MSCL (Ni et al., "Motion Sensitive Contrastive Learning
    for Self-supervised Video Representation", ECCV 2022, Eq. (1)), as its released code has it:
    1x1x1 convolutions to equal channels, each level added to the next finer one (nearest
    neighbour), 1x3x3 convolutions; then layers whose weights all levels share, with
    ``relu(conv(x_l) + conv_stride_2(x_(l-1)) + up(conv(x_(l+1))))`` at level l, convolutions of
    3x3x3 and trilinear interpolation. Convolutions have biases and start from Xavier's uniform rule
    and 0.

    Only the first level leaves the pyramid, so what does not reach it is neither built nor
    computed: the last shared layer has no convolution of stride 2, for instance. The stride is 1
    along axes on which two levels are equally long, as in time where a network has no temporal
    strides. What still comes out of another size than the finer level, or coarser one, is
    interpolated to it: sizes may be odd, and pooling may round either way.

    Args:
        in_channels: Channels of the maps, from the finest level to the coarsest; at least two.
        out_channels: Channels of all levels.
        num_shared: Number of layers that the levels share.
        init_cfg: OpenMMLab initialisation; None keeps the rule above.

    Raises:
        ValueError: for fewer than two levels or a negative ``num_shared``.

    Example:
        >>> backbone = VideoResNet('r3d', 18, out_indices=(2, 3, 4))
        >>> TemporalPyramid((128, 256, 512))(backbone(torch.rand(2, 3, 8, 112, 112))).shape
        torch.Size([2, 128, 4, 28, 28])
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (128, 256, 512),
        out_channels: int = 128,
        num_shared: int = 2,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(in_channels) < 2:
            raise ValueError(f'a pyramid has at least two levels, got in_channels={in_channels}')
        if num_shared < 0:
            raise ValueError(f'num_shared must not be negative, got {num_shared}')
        self.in_channels = tuple(in_channels)
        self.out_channels = out_channels
        self.lateral = nn.ModuleList(nn.Conv3d(c, out_channels, 1) for c in in_channels)
        # The first level of a layer needs two of the one before, those need three, and so on.
        levels = [min(len(in_channels), 1 + after) for after in reversed(range(num_shared + 1))]
        self.smooth = nn.ModuleList(
            nn.Conv3d(out_channels, out_channels, (1, 3, 3), padding=(0, 1, 1))
            for _ in range(levels[0])
        )
        self.shared = nn.ModuleList(SharedConvs(out_channels, count) for count in levels[1:])
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                xavier_init(module, distribution='uniform')

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Merges the maps of a backbone.

        Args:
            maps: (N, C, T, H, W) each, from the finest level to the coarsest, of ``in_channels``.

        Returns:
            (N, out_channels, T, H, W) in the size of the first map.

        Raises:
            ValueError: for another number of maps, or other channels.
        """
        if isinstance(maps, Tensor) or tuple(x.shape[1] for x in maps) != self.in_channels:
            got = (maps.shape[1],) if isinstance(maps, Tensor) else [x.shape[1] for x in maps]
            raise ValueError(
                f'TemporalPyramid takes {len(self.in_channels)} maps of {self.in_channels} '
                f'channels, got {len(got)} of {tuple(got)}: set out_indices of the backbone, '
                '(2, 3, 4) for conv3 to conv5, and in_channels of the neck'
            )
        levels = [conv(x) for conv, x in zip(self.lateral, maps, strict=True)]
        for finer in reversed(range(len(levels) - 1)):
            size = levels[finer].shape[2:]
            levels[finer] = levels[finer] + F.interpolate(levels[finer + 1], size, mode='nearest')
        levels = [conv(x) for conv, x in zip(self.smooth, levels, strict=False)]
        for layer in self.shared:
            levels = layer(levels)
        return levels[0]


class SharedConvs(nn.Module):
    """Three convolutions that all levels share: of a level itself, the next coarser and finer one.

    Args:
        channels: Channels of all levels.
        count: How many levels are computed, from the finest on.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.same = nn.Conv3d(channels, channels, 3, padding=1)
        self.up = nn.Conv3d(channels, channels, 3, padding=1)
        # The finest level has no finer one.
        self.down = nn.Conv3d(channels, channels, 3, padding=1) if count > 1 else None

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Maps levels, at least ``count`` of them, to the first ``count``."""
        results = []
        for i, level in enumerate(levels[: self.count]):
            total, size = self.same(level), level.shape[2:]
            if i and self.down is not None:
                finer = levels[i - 1]
                stride = [1 if a == b else 2 for a, b in zip(finer.shape[2:], size, strict=True)]
                down = F.conv3d(finer, self.down.weight, self.down.bias, stride, padding=1)
                total = total + _resized(down, size)
            if i + 1 < len(levels):
                total = total + _resized(self.up(levels[i + 1]), size)
            results.append(total.relu())
        return results


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """A map in another size, by trilinear interpolation."""
    return x if x.shape[2:] == size else resize_trilinear(x, size)
