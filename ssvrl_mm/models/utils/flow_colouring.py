"""Flow as pictures of three channels, for networks that take such: on the device, batched."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.registry import MODELS
from ssvrl_mm.video.motion.flow import COLOUR_WHEEL


def check_flow(flow: Tensor) -> None:
    """ValueError unless flow is (M, 2, T, H, W)."""
    if flow.dim() != 5 or flow.shape[1] != 2:
        raise ValueError(f'flow must be (M, 2, T, H, W), got {tuple(flow.shape)}')


@MODELS.register_module()
class FlowColouring(nn.Module):
    """Colours flow by the wheel of the Middlebury benchmark: hue for direction, white for rest.

    What networks on flow see in MSCL (Ni et al., "Motion Sensitive Contrastive Learning", ECCV
    2022; v in Eq. 9). The colours are those of
    :func:`~ssvrl_mm.video.motion.flow.colour_code_flow`, not rounded; what is longer than 1 looks
    like 1. Nothing waits for the device, and mixed precision changes nothing.

    Example:
        >>> red_and_white = torch.tensor([[1., 0.], [0., 0.]]).view(1, 2, 1, 1, 2)
        >>> FlowColouring()(red_and_white).flatten(1).tolist()
        [[1.0, 1.0, 0.0, 1.0, 0.0, 1.0]]
    """

    wheel: Tensor

    def __init__(self) -> None:
        super().__init__()
        wheel = torch.from_numpy(COLOUR_WHEEL / 255).float().T  # (3, 55)
        self.register_buffer('wheel', wheel.view(1, 3, 1, -1), persistent=False)

    def forward(self, flow: Tensor) -> Tensor:
        """Colours.

        Args:
            flow: (M, 2, T, H, W), dx and dy as shares of the longest vector, so of length 1 at
                most; as ``SSLDataPreprocessor(flow=dict(normalize='peak'))`` gives it.

        Returns:
            (M, 3, T, H, W) float32, red, green and blue in [0, 1].

        Raises:
            ValueError: ``flow`` has another shape.
        """
        check_flow(flow)
        dx, dy = flow.float().unbind(1)
        # Adding 0 makes -0 positive, so that motion straight to the right is red and never magenta.
        angle = torch.atan2(-(dy + 0.0), -dx) / torch.pi
        # The wheel is a picture one px high, on which the angle is the place along x.
        places = torch.stack([angle, torch.zeros_like(angle)], -1).flatten(1, 2)
        wheel = self.wheel.expand(len(flow), -1, -1, -1)
        hue = F.grid_sample(wheel, places, padding_mode='border', align_corners=True)
        length = torch.hypot(dx, dy).clamp_(max=1).unsqueeze(1)
        # White, less what the hue takes from it.
        return hue.unflatten(2, flow.shape[2:4]).sub_(1).mul_(length).add_(1)


@MODELS.register_module()
class FlowBoundary(nn.Module):
    """The boundaries of motion: how steeply flow changes, without its direction.

    Table 5 of MSCL (Ni et al., ECCV 2022) takes them as input in the place of flow, by the Sobel
    operator; the paper does not say how they become channels. Here these are the steepness of dx,
    that of dy, and of both, the root of their squares' mean: so networks take three channels as
    they do of colours. A sudden change from -1 to 1 gives 1; the border of the picture is no
    boundary.

    Example:
        >>> FlowBoundary()(torch.zeros(4, 2, 8, 112, 112)).shape
        torch.Size([4, 3, 8, 112, 112])
    """

    def forward(self, flow: Tensor) -> Tensor:
        """Finds boundaries.

        Args:
            flow: (M, 2, T, H, W), dx and dy as shares of the longest vector.

        Returns:
            (M, 3, T, H, W) float32 in [0, 1].

        Raises:
            ValueError: ``flow`` has another shape.
        """
        check_flow(flow)
        padded = F.pad(flow.float().flatten(1, 2), (1, 1, 1, 1), mode='replicate')
        across = _smooth(padded[..., 2:] - padded[..., :-2], -2)
        down = _smooth(padded[..., 2:, :] - padded[..., :-2, :], -1)
        steepness = torch.hypot(across, down).div_(8).clamp_(max=1).view_as(flow)
        both = steepness.square().mean(1, keepdim=True).sqrt_()
        return torch.cat([steepness, both], 1)


def _smooth(values: Tensor, axis: int) -> Tensor:
    """Sobel's sums of three along an axis, of weights 1, 2, 1."""
    length = values.shape[axis] - 2
    first, middle, last = (values.narrow(axis, start, length) for start in range(3))
    return (first + last).add_(middle, alpha=2)
