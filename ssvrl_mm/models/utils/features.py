"""Features by stream: one vector per clip, and their way into the data samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.utils.precision import full_precision

Features = Tensor | Sequence[Tensor] | Mapping[str, Any]


def last_map(features: Tensor | Sequence[Tensor]) -> Tensor:
    """The deepest of the maps that a backbone with several ``out_indices`` returns, or its one."""
    return features if isinstance(features, Tensor) else features[-1]


def pool_features(features: Features) -> Tensor:
    """Averages a feature map over time and space.

    Args:
        features: (N, C, ...) or (N, C), in any precision; of several maps the last counts. Or
            stream -> such features, as a backbone of several streams returns them.

    Returns:
        (N, C) in at least float32; the streams' side by side, in the order of the mapping.

    Raises:
        ValueError: A mapping without streams.
    """
    if isinstance(features, Mapping):
        if not features:
            raise ValueError('there are no features: the mapping of streams is empty')
        return torch.cat(full_precision(*map(pool_features, features.values())), dim=1)
    (features,) = full_precision(last_map(features))
    return features if features.dim() == 2 else features.flatten(2).mean(dim=2)


def pool_over_space(features: Tensor) -> Tensor:
    """Averages a map over space alone.

    Args:
        features: (N, C, T, H, W), in any precision.

    Returns:
        (N, C, T) in at least float32.
    """
    return full_precision(features)[0].flatten(3).mean(dim=3)


def write_features(
    features: Mapping[str, Any], data_samples: Sequence[Any], average_clips: bool = True
) -> Sequence[Any]:
    """Writes the representation of every video into its data sample.

    Args:
        features: Stream -> (N * V, D, ...), the V clips of a video side by side; or name -> what
            :func:`pool_features` takes besides.
        data_samples: N samples.
        average_clips: Whether to average over the clips of a video or keep a row of each.

    Returns:
        The samples; ``sample.features[stream]`` is (1, D), or (V, D) without averaging, float32
        on the CPU, pooled over time and space.
    """
    # Here, since pooling needs no mmengine.
    from mmengine.structures import InstanceData

    rows_by_stream = {}
    for stream, maps in features.items():
        rows = pool_features(maps).detach().unflatten(0, (len(data_samples), -1))
        rows = rows.mean(1, keepdim=True) if average_clips else rows
        rows_by_stream[stream] = rows.float().cpu()
    for i, sample in enumerate(data_samples):
        # mmaction2's sample takes no dict; InstanceData wants as many rows of every stream.
        sample.features = InstanceData(**{s: rows[i] for s, rows in rows_by_stream.items()})
    return data_samples
