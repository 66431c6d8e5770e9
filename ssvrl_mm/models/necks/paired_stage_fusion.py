"""One map from the last two stages of a residual network."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class PairedStageFusion(BaseModule):
    """Adds the last map of a ResNet to pairs of frames of the map before it.

    What the released code of Context-Motion Decoupling predicts motion from when the backbone is a
    ResNet: the frames of the layer-3 map are concatenated on their channels in pairs, an even one
    and the odd one after it, and the layer-4 map is resized to the result (nearest neighbour)
    and added. Of an odd number of frames the last is paired with itself, which agrees with the
    number of frames that a temporal stride of 2 leaves.

    Args:
        init_cfg: OpenMMLab initialisation; there is nothing to initialise.

    Example:
        >>> maps = torch.rand(2, 1024, 4, 7, 7), torch.rand(2, 2048, 2, 4, 4)
        >>> PairedStageFusion()(maps).shape
        torch.Size([2, 2048, 2, 7, 7])
    """

    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__(init_cfg=init_cfg)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Fuses two maps.

        Args:
            maps: (N, C, T, H, W) of layer 3 and (N, 2C, ...) of layer 4.

        Returns:
            (N, 2C, ceil(T / 2), H, W).

        Raises:
            ValueError: for another number of maps, or channels that do not match.
        """
        if isinstance(maps, Tensor) or len(maps) != 2:
            raise ValueError('PairedStageFusion takes two maps: out_indices=(3, 4) of a backbone')
        earlier, last = maps
        if 2 * earlier.shape[1] != last.shape[1]:
            raise ValueError(
                f'layer 4 must have twice the channels of layer 3, got maps of '
                f'{tuple(earlier.shape)} and {tuple(last.shape)}'
            )
        if earlier.shape[2] % 2:
            earlier = torch.cat([earlier, earlier[:, :, -1:]], dim=2)
        pairs = torch.cat([earlier[:, :, 0::2], earlier[:, :, 1::2]], dim=1)
        return pairs + F.interpolate(last, pairs.shape[2:], mode='nearest')
