"""2D residual networks on single frames, or on the frames of a clip one by one."""

from typing import Any

from torch import Tensor, nn

from ssvrl_mm.models.foundation import MODELS, ResNet


@MODELS.register_module()
class FrameResNet(ResNet):
    """mmaction2's 2D ``ResNet``, with BatchNorm on its input if wanted, that takes clips too.

    The networks of CoViAR (Wu et al., "Compressed Video Action Recognition", CVPR 2018): motion
    vectors and residuals go through BatchNorm before the first convolution.

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        in_channels: Channels of the frames.
        input_norm: Whether BatchNorm comes first.
        **kwargs: Further arguments of ``ResNet``.

    Example:
        >>> network = FrameResNet(18, in_channels=2, input_norm=True)
        >>> network(torch.rand(1, 2, 25, 64, 64)).shape, network(torch.rand(3, 2, 64, 64)).shape
        (torch.Size([1, 512, 25, 2, 2]), torch.Size([3, 512, 2, 2]))
    """

    def __init__(
        self, depth: int, in_channels: int = 3, input_norm: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(depth, in_channels=in_channels, **kwargs)
        self.input_norm = nn.BatchNorm2d(in_channels) if input_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Maps of frames.

        Args:
            x: Frames (M, C, H, W), or clips (M, C, T, H, W).

        Returns:
            (M, D, H', W'), or (M, D, T, H', W').
        """
        if x.dim() == 4:
            return super().forward(self.input_norm(x))
        frames = x.movedim(2, 1)
        return self(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).movedim(1, 2)

    def train(self, mode: bool = True) -> 'FrameResNet':
        """Sets the mode; other than mmaction2's, returns the network as every module does."""
        super().train(mode)
        return self
