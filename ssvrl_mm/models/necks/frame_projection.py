"""A perceptron on every frame of a map."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class FrameProjection(BaseModule):
    """Pools every frame of a map over space and projects it by a two-layer perceptron.

    What stands in for the :class:`TemporalPyramid` where MSCL (Ni et al., ECCV 2022, Table 2) goes
    without: local features of the conv3 map alone, with "one more fully-connected layer for
    consistency in depth". The released code pools first, then applies 1x1 convolution, ReLU, 1x1
    convolution.

    Args:
        in_channels: Channels of the map.
        hidden_channels: Width of the hidden layer; None: ``out_channels``.
        out_channels: Width of the embedding.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Example:
        >>> FrameProjection(128)(torch.rand(2, 128, 4, 28, 28)).shape
        torch.Size([2, 128, 4, 1, 1])
    """

    def __init__(
        self,
        in_channels: int = 128,
        hidden_channels: int | None = None,
        out_channels: int = 128,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        hidden_channels = hidden_channels or out_channels
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.conv1 = nn.Conv3d(in_channels, hidden_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv3d(hidden_channels, out_channels, 1)

    def forward(self, maps: Tensor | Sequence[Tensor]) -> Tensor:
        """Projects every frame.

        Args:
            maps: (N, in_channels, T, H, W); of several maps the first counts.

        Returns:
            (N, out_channels, T, 1, 1), not normalised.

        Raises:
            ValueError: for a map of other channels.
        """
        x = maps if isinstance(maps, Tensor) else maps[0]
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f'FrameProjection takes a map of {self.in_channels} channels, got {x.shape[1]}: '
                'the first of out_indices of the backbone, or in_channels of the neck'
            )
        return self.conv2(self.relu(self.conv1(x.mean(dim=(3, 4), keepdim=True))))
