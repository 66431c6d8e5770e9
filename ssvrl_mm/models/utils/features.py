"""From feature maps to one vector per clip."""

from collections.abc import Sequence

from torch import Tensor

from ssvrl_mm.models.utils.precision import full_precision


def pool_features(features: Tensor | Sequence[Tensor]) -> Tensor:
    """Averages a feature map over time and space.

    Args:
        features: (N, C, ...) or (N, C), in any precision; of several maps the last counts.

    Returns:
        (N, C) in at least float32.
    """
    if not isinstance(features, Tensor):
        features = features[-1]
    (features,) = full_precision(features)
    return features if features.dim() == 2 else features.flatten(2).mean(dim=2)
