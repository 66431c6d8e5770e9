"""Augmentations of flow that make negatives of it: turned vectors, shifted maps."""

from collections.abc import Sequence
from math import pi
from typing import Literal

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.flow_colouring import check_flow
from ssvrl_mm.registry import MODELS


class _FlowAugmentation(nn.Module):
    """What augmentations of flow share: how many draws there are for a batch."""

    def __init__(self, per: Literal['clip', 'map']) -> None:
        super().__init__()
        if per not in ('clip', 'map'):
            raise ValueError(f"per must be 'clip' or 'map', got {per!r}")
        self.per = per

    def _draws(self, flow: Tensor) -> tuple[int, int]:
        """Of clips, and of maps of each: (M, 1), or (M, T)."""
        check_flow(flow)
        return len(flow), flow.shape[2] if self.per == 'map' else 1


@MODELS.register_module()
class FlowRotation(_FlowAugmentation):
    """Turns every vector of a clip by one random angle and leaves it in its place.

    Flow Rotation Augmentation of MSCL (Ni et al., "Motion Sensitive Contrastive Learning", ECCV
    2022, Sec. 3.3): shapes stay and directions are others, for the negatives of Eqs. (6) and (10).
    Angles are uniform in [theta, 2 pi - theta], with theta = pi / 3 after Sec. 4.2 and Table 4.
    They turn anticlockwise as seen on the screen, as
    :func:`~ssvrl_mm.video.motion.geometry.rotate_vectors` does.

    Angles come from torch's global generator of the CPU; nothing waits for the device.

    Args:
        low: The least angle, radians.
        high: The largest.
        angles: One of these instead; the released code has ``(.2 + .2 j) pi``, j = 0..7.
        per: 'clip': all maps of a clip turn alike; 'map': each by an angle of its own (Eq. 10).

    Raises:
        ValueError: No range, no angles, or another ``per``.

    Example:
        >>> FlowRotation(pi / 3, 5 * pi / 3)(torch.rand(4, 2, 8, 112, 112)).shape
        torch.Size([4, 2, 8, 112, 112])
    """

    def __init__(
        self,
        low: float = pi / 3,
        high: float = 5 * pi / 3,
        angles: Sequence[float] | None = None,
        per: Literal['clip', 'map'] = 'clip',
    ) -> None:
        super().__init__(per)
        if not low <= high:
            raise ValueError(f'angles must be from low to high, got {low} and {high}')
        if angles is not None and not len(angles):
            raise ValueError('angles must name one at least')
        self.low, self.high = low, high
        self.angles = None if angles is None else tuple(angles)

    def forward(self, flow: Tensor) -> Tensor:
        """Turns.

        Args:
            flow: (M, 2, T, H, W), dx and dy in any unit.

        Returns:
            (M, 2, T, H, W), vectors as long as before.

        Raises:
            ValueError: ``flow`` has another shape.
        """
        draws = self._draws(flow)
        if self.angles is None:
            angles = self.low + torch.rand(draws, device='cpu') * (self.high - self.low)
        else:
            chosen = torch.randint(len(self.angles), draws, device='cpu')
            angles = torch.tensor(self.angles, device='cpu')[chosen]
        turns = torch.stack([angles.cos(), angles.sin()])[..., None, None]
        cos, sin = turns.to(flow.device, flow.dtype, non_blocking=True)
        dx, dy = flow.unbind(1)
        return torch.stack([dx * cos + dy * sin, dy * cos - dx * sin], 1)


@MODELS.register_module()
class FlowShift(_FlowAugmentation):
    """Shifts maps of flow by a random number of px; its border fills what is left free.

    The shift of Table 5 of MSCL (Ni et al., ECCV 2022), for Eq. (10); the paper does not say how
    far. Every shift up to ``max_share`` of the sides is as likely, but for that by nothing, which
    would make a negative of what is the positive.

    Shifts come from torch's global generator of the CPU; nothing waits for the device.

    Args:
        max_share: The largest shift, as a share of height and width.
        per: 'clip': all maps of a clip are shifted alike; 'map': each by itself.

    Raises:
        ValueError: ``max_share`` is not above 0, up to 1, or another ``per``.

    Example:
        >>> FlowShift(0.25)(torch.rand(4, 2, 8, 112, 112)).shape
        torch.Size([4, 2, 8, 112, 112])
    """

    def __init__(self, max_share: float = 0.25, per: Literal['clip', 'map'] = 'clip') -> None:
        super().__init__(per)
        if not 0 < max_share <= 1:
            raise ValueError(f'max_share must be above 0, up to 1, got {max_share}')
        self.max_share = max_share

    def forward(self, flow: Tensor) -> Tensor:
        """Shifts.

        Args:
            flow: (M, 2, T, H, W), dx and dy in any unit.

        Returns:
            (M, 2, T, H, W).

        Raises:
            ValueError: ``flow`` has another shape, or maps are too small to be shifted by a px.
        """
        draws = self._draws(flow)
        high, wide = (int(side * self.max_share) for side in flow.shape[3:])
        columns = 2 * wide + 1
        still = high * columns + wide  # the number of the shift by nothing, in the middle of all
        if not still:
            raise ValueError(
                f'maps of {tuple(flow.shape[3:])} are too small for shifts of {self.max_share}'
            )
        numbers = torch.randint(2 * still, draws, device='cpu')
        numbers += numbers >= still
        shifts = torch.stack([numbers // columns - high, numbers % columns - wide])
        for axis, shift in zip((3, 4), shifts.to(flow.device, non_blocking=True), strict=True):
            side = flow.shape[axis]
            places = torch.arange(side, device=flow.device) - shift[..., None]
            shape = [len(flow), 1, draws[1], 1, 1]
            shape[axis] = side
            flow = flow.gather(axis, places.clamp_(0, side - 1).view(shape).expand_as(flow))
        return flow
