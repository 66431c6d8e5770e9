"""A perceptron with BatchNorm that treats every position of a map alike."""

from collections import OrderedDict
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class PointwiseMLP(BaseModule):
    """A two-layer perceptron with BatchNorm after each layer, at every position of a map.

    The projection of Context-Motion Decoupling (Huang et al., "Self-Supervised Video
    Representation Learning by Context and Motion Decoupling", CVPR 2021): linear, BatchNorm, ReLU,
    linear without bias, BatchNorm. The statistics are over all positions of the batch.

    Args:
        in_channels: Channels of the map.
        hidden_channels: Width of the hidden layer.
        out_channels: Width of the embedding.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Example:
        >>> PointwiseMLP(512)(torch.rand(2, 512, 1, 7, 7)).shape
        torch.Size([2, 512, 1, 7, 7])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 2048,
        out_channels: int = 512,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.out_channels = out_channels
        self.layers = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv1d(in_channels, hidden_channels, 1),
                bn1=nn.BatchNorm1d(hidden_channels),
                relu=nn.ReLU(inplace=True),
                conv2=nn.Conv1d(hidden_channels, out_channels, 1, bias=False),
                bn2=nn.BatchNorm1d(out_channels),
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Projects every position.

        Args:
            maps: (N, in_channels, ...) map, or (N, in_channels) vectors.

        Returns:
            (N, out_channels, ...) in the layout of the input, not normalised.
        """
        positions = maps.flatten(2) if maps.dim() > 2 else maps[:, :, None]
        return self.layers(positions).reshape(len(maps), self.out_channels, *maps.shape[2:])
