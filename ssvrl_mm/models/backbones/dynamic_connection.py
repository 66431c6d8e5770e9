"""Lateral connections between I-frames and what moves after them, with gates that see both."""

import math

import torch
from torch import Tensor, nn

_SLOPE = 0.01


class MultimodalGate(nn.Module):
    """Attention weights over the channels that two streams exchange, from both of them.

    "Self-Supervised Learning of Compressed Video Representations" (Yu et al., ICLR 2021), Eq. (1):
    ``h = ζ(W2 ζ(W1 z + b1) + b2)`` and ``a = σ(W3 h + b3)``, one W3 per direction; z are both maps,
    max-pooled over time and space and concatenated; ζ is a leaky ReLU, whose slope the paper does
    not give (0.01). W1 and W2 start from He's rule, W3 small and b at zero, so that every gate
    starts half open.

    Args:
        channels: Channels of the two streams together.
        out_channels: Channels that are weighted, of each direction.

    Example:
        >>> to_iframe, to_motion = MultimodalGate(72, (4, 8))(
        ...     torch.rand(2, 64, 5, 7, 7), torch.rand(2, 8, 25, 7, 7))
        >>> to_iframe.shape, to_motion.shape
        (torch.Size([2, 4, 1, 1, 1]), torch.Size([2, 8, 1, 1, 1]))
    """

    def __init__(self, channels: int, out_channels: tuple[int, ...]) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(channels, channels),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(channels, channels),
            nn.LeakyReLU(_SLOPE),
        )
        heads = [nn.Linear(channels, count) for count in out_channels]
        for layer in (*self.hidden, *heads):
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
                nn.init.zeros_(layer.bias)
        for head in heads:
            nn.init.normal_(head.weight, std=0.01)
        self.weights = nn.ModuleList(heads)

    def forward(self, iframe: Tensor, moving: Tensor) -> list[Tensor]:
        """The weights (N, C, 1, 1, 1), within 0 to 1, of each direction.

        Args:
            iframe: (N, C_I, T, H, W).
            moving: (N, C_M, kappa * T, H, W).
        """
        z = torch.cat([iframe.amax(dim=(2, 3, 4)), moving.amax(dim=(2, 3, 4))], dim=1)
        h = self.hidden(z)
        return [head(h).sigmoid()[:, :, None, None, None] for head in self.weights]


class DynamicConnection(nn.Module):
    """What I-frames and another stream, motion or residuals, give each other after a stage.

    "Self-Supervised Learning of Compressed Video Representations" (Yu et al., ICLR 2021), Eqs. (1)
    and (2): ``v_(M->I) = a_(M->I) * conv(x_M)``, ``v_(I->M) = a_(I->M) * deconv(x_I)``. Of kappa
    moving frames per I-frame, the convolution has kernel and stride kappa in time, and so has the
    transposed one, which turns an I-frame into kappa frames. (The text names them the other way
    round, which would not bring the lengths together.)

    Without convolutions, moving frames are averaged over the kappa of an I-frame, and I-frames
    repeated kappa times, channels as they are.

    Args:
        iframe_channels: Channels C_I of the I-frames' map.
        moving_channels: Channels C_M of the other map.
        to_iframe: Channels of v_(M->I).
        to_moving: Channels of v_(I->M); None: nothing goes from I-frames to the other stream.
        kappa: Moving frames per I-frame.
        sides: Spatial size of the kernels from and to I-frames, odd numbers.
        conv: Whether there are convolutions; without, ``to_iframe`` and ``to_moving`` (unless it is
            None) have no say.
        attention: Whether there is a gate; without, a = 1.

    Attributes:
        out_channels: Channels of v_(M->I) and of v_(I->M), 0 for nothing.

    Example:
        >>> connection = DynamicConnection(64, 8, to_iframe=4, to_moving=8)
        >>> to_iframe, to_motion = connection(
        ...     torch.rand(2, 64, 5, 7, 7), torch.rand(2, 8, 25, 7, 7))
        >>> to_iframe.shape, to_motion.shape
        (torch.Size([2, 4, 5, 7, 7]), torch.Size([2, 8, 25, 7, 7]))
    """

    def __init__(
        self,
        iframe_channels: int,
        moving_channels: int,
        to_iframe: int,
        to_moving: int | None,
        kappa: int = 5,
        sides: tuple[int, int] = (1, 1),
        conv: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        both = to_moving is not None
        if not conv:
            to_iframe, to_moving = moving_channels, iframe_channels if both else None
        self.kappa = kappa
        self.out_channels = (to_iframe, to_moving or 0)
        self.down = self.up = None
        if conv:
            side = sides[1]
            self.down = nn.Conv3d(
                moving_channels,
                to_iframe,
                (kappa, side, side),
                (kappa, 1, 1),
                padding=(0, side // 2, side // 2),
            )
            _initialise(self.down, moving_channels * kappa * side**2)
        if conv and to_moving is not None:
            side = sides[0]
            self.up = nn.ConvTranspose3d(
                iframe_channels,
                to_moving,
                (kappa, side, side),
                (kappa, 1, 1),
                padding=(0, side // 2, side // 2),
            )
            _initialise(self.up, iframe_channels * side**2)
        counts = (to_iframe,) if to_moving is None else (to_iframe, to_moving)
        total = iframe_channels + moving_channels
        self.gate = MultimodalGate(total, counts) if attention else None

    def forward(self, iframe: Tensor, moving: Tensor) -> tuple[Tensor, Tensor | None]:
        """What each stream gets from the other.

        Args:
            iframe: (N, C_I, T, H, W).
            moving: (N, C_M, kappa * T, H, W).

        Returns:
            v_(M->I) (N, to_iframe, T, H, W) and v_(I->M) (N, to_moving, kappa * T, H, W), None
            where nothing goes that way.
        """
        exchanged = [self._to_iframe(moving)]
        if self.out_channels[1]:
            exchanged.append(self._to_moving(iframe))
        if self.gate is not None:
            weights = self.gate(iframe, moving)
            exchanged = [x * weight for x, weight in zip(exchanged, weights, strict=True)]
        return exchanged[0], exchanged[1] if len(exchanged) == 2 else None

    def _to_iframe(self, moving: Tensor) -> Tensor:
        if self.down is not None:
            return self.down(moving)
        return moving.unflatten(2, (-1, self.kappa)).mean(dim=3)

    def _to_moving(self, iframe: Tensor) -> Tensor:
        if self.up is not None:
            return self.up(iframe)
        return iframe.repeat_interleave(self.kappa, dim=2)


def _initialise(conv: nn.Conv3d | nn.ConvTranspose3d, fan_in: int) -> None:
    """He's rule by the number of inputs that make an output, as no norm follows; bias 0."""
    nn.init.normal_(conv.weight, std=math.sqrt(2 / fan_in))
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
