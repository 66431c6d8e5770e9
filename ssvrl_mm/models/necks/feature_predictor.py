"""What the predictors of feature maps share: sizes and their check."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

Size = tuple[int, int, int]


class FeaturePredictor(BaseModule, metaclass=ABCMeta):
    """Base of networks that predict one feature map from another.

    The encoder-decoder T of Context-Motion Decoupling (Huang et al., "Self-Supervised Video
    Representation Learning by Context and Motion Decoupling", CVPR 2021): from the features of a
    clip to those of the motion after it. A subclass computes them in :meth:`predict`.

    Args:
        in_channels: Channels C1 of the maps that come in.
        in_size: Their size (T1, H1, W1).
        out_size: Size (T3, H3, W3) of the predicted maps.
        out_channels: Channels of the predicted maps.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for a size that is not three positive numbers.
    """

    def __init__(
        self,
        in_channels: int,
        in_size: Sequence[int],
        out_size: Sequence[int],
        out_channels: int,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.in_size = check_size('in_size', in_size)
        self.out_size = check_size('out_size', out_size)
        self.out_channels = out_channels

    @abstractmethod
    def predict(self, maps: Tensor) -> Tensor:
        """The prediction from maps whose size is right."""

    def forward(self, maps: Tensor) -> Tensor:
        """Predicts feature maps.

        Args:
            maps: ``(N, in_channels, *in_size)``.

        Returns:
            ``(N, out_channels, *out_size)``.

        Raises:
            ValueError: for maps of another size.
        """
        expected = (self.in_channels, *self.in_size)
        if tuple(maps.shape[1:]) != expected:
            raise ValueError(
                f'{type(self).__name__} was made for maps of (C, T, H, W) = {expected}, '
                f'got {tuple(maps.shape[1:])}'
            )
        return self.predict(maps)


def check_size(name: str, size: Sequence[int]) -> Size:
    """The size as a tuple; ValueError unless it is three positive numbers."""
    if len(size) != 3 or min(size) < 1:
        raise ValueError(f'{name} must be three positive numbers (T, H, W), got {tuple(size)}')
    time, height, width = size
    return time, height, width
