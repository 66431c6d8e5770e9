"""A small network that estimates optical flow."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule, kaiming_init
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class FlowEstimator(BaseModule):
    """Optical flow between neighbouring frames, by a U-Net that sees two frames at a time.

    O of "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate Order
    Prediction" (IEEE TCSVT 2021), section III-G, which gives its inputs and outputs alone: that it
    is a U-Net, and of which width, is our choice. It starts from no motion anywhere.

    Args:
        channels: Of the maps at full, half, quarter, ... size. With three sizes a place sees about
            8 px around itself, with four 16, which no motion that it finds can exceed.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: There are no channels.

    Example:
        >>> FlowEstimator()(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 2, 15, 112, 112])
    """

    def __init__(
        self, channels: Sequence[int] = (32, 64, 96, 128), init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not channels:
            raise ValueError('FlowEstimator needs the channels of one size at least')
        widths = (6, *channels)
        self.down = nn.ModuleList(
            _block(narrow, wide, stride=2 if level else 1)
            for level, (narrow, wide) in enumerate(zip(widths, channels, strict=False))
        )
        self.up = nn.ModuleList(
            _block(deep + shallow, shallow)
            for shallow, deep in zip(channels[:-1], channels[1:], strict=True)
        )
        self.flow = nn.Conv2d(channels[0], 2, 3, padding=1)
        # PyTorch's own weights leave the last layer, which begins at zero, little to learn from.
        for convolution in self.modules():
            if isinstance(convolution, nn.Conv2d):
                kaiming_init(convolution, mode='fan_in')
        for parameter in self.flow.parameters():
            nn.init.zeros_(parameter)
        # A third less time on a CPU, and what mixed precision wants on a GPU.
        self.to(memory_format=torch.channels_last)

    def forward(self, clips: Tensor) -> Tensor:
        """Estimates.

        Args:
            clips: (N, 3, T, H, W), RGB from 0 to 1, T at least 2.

        Returns:
            (N, 2, T - 1, H, W) px, float32 at least, which say where what is seen at a place (x, y)
            of frame t is in frame t + 1, (x + dx, y + dy).

        Raises:
            ValueError: Clips of another shape.
        """
        if clips.dim() != 5 or clips.shape[1] != 3 or clips.shape[2] < 2:
            raise ValueError(
                f'flow needs clips (N, 3, T, H, W) of two frames or more, got {tuple(clips.shape)}'
            )
        pairs = torch.cat([clips[:, :, :-1], clips[:, :, 1:]], dim=1)
        maps = [pairs.transpose(1, 2).flatten(0, 1) - 0.5]
        for block in self.down:
            maps.append(block(maps[-1]))
        deepest = maps.pop()
        for block in reversed(self.up):
            skip = maps.pop()
            larger = F.interpolate(deepest, size=skip.shape[-2:], mode='nearest')
            deepest = block(torch.cat([larger, skip], dim=1))
        flow = self.flow(deepest)
        flow = flow.to(torch.promote_types(flow.dtype, torch.float32))
        return flow.unflatten(0, (len(clips), -1)).transpose(1, 2)


def _block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1), nn.LeakyReLU(0.1, inplace=True)
    )
