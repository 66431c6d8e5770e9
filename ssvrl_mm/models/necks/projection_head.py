"""The projection between a backbone and a contrastive loss."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ProjectionHead(BaseModule):
    """Global average pooling and a two-layer perceptron.

    The projection of MVCGC and `CoCLR <https://arxiv.org/abs/2010.09709>`_: average pooling,
    1x1x1 convolution, ReLU, 1x1x1 convolution; after the pooling such a convolution is a linear
    layer, and is written as one. It is removed downstream.

    Args:
        in_channels: Channels of the feature map.
        hidden_channels: Width of the hidden layer; None: ``in_channels``.
        out_channels: Width of the embedding.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Example:
        >>> ProjectionHead(1024)(torch.rand(2, 1024, 4, 4, 4)).shape
        torch.Size([2, 128])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int | None = None,
        out_channels: int = 128,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        hidden_channels = hidden_channels or in_channels
        self.out_channels = out_channels
        self.fc1 = nn.Linear(in_channels, hidden_channels)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Linear(hidden_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Projects clips.

        Args:
            features: (N, in_channels, ...) map, or (N, in_channels) already pooled.

        Returns:
            (N, out_channels), not normalised.
        """
        if features.dim() > 2:
            features = features.flatten(2).mean(dim=2)
        return self.fc2(self.relu(self.fc1(features)))
