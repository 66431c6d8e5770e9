"""Charbonnier's penalty: the absolute value, made smooth at zero."""

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class CharbonnierLoss(nn.Module):
    """Mean of ``sqrt(z^2 + epsilon^2)`` over the differences z of two tensors.

    rho of Eqs. (13) and (15) in "Self-supervised Representation Learning for Videos by Segmenting
    via Sampling Rate Order Prediction" (IEEE TCSVT 2021). Computed in at least float32, inside
    autocast too.

    Args:
        epsilon: Differences below it hardly count; positive.

    Raises:
        ValueError: for an ``epsilon`` that is not positive.

    Example:
        >>> CharbonnierLoss(epsilon=3.0)(torch.tensor([4.0]), torch.tensor([0.0]))
        tensor(5.)
    """

    def __init__(self, epsilon: float = 1e-3) -> None:
        super().__init__()
        if not epsilon > 0:
            raise ValueError(f'epsilon must be positive, got {epsilon}')
        self.epsilon = epsilon

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compares.

        Args:
            first: Any shape.
            second: The same.

        Returns:
            The mean, a scalar.
        """
        with without_autocast(first):
            first, second = full_precision(first, second)
            return torch.sqrt((first - second).square() + self.epsilon**2).mean()
