"""Which videos of a gallery are nearest, by one stream of features or several together."""

from collections.abc import Mapping

import numpy as np
import torch

from ssvrl_mm.evaluation import join_features, nearest_neighbours, split_streams

Features = Mapping[str, np.ndarray]


def find_neighbours(
    query: Features, gallery: Features, k: int, streams: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of a gallery of highest cosine similarity to each query, the best first.

    Args:
        query: Stream -> (N, D).
        gallery: Stream -> (M, D).
        k: How many; those that there are, where the gallery is smaller.
        streams: What to compare: a stream, or several joined by '+', by the mean of their cosines.
            None: all that both have.

    Returns:
        Rows of the gallery, int64 (N, k), and similarities, float32 (N, k).

    Raises:
        ValueError: They do not both have such a stream.
    """
    names = [s for s in query if s in gallery] if streams is None else split_streams(streams)
    missing = [s for s in names if s not in gallery or s not in query]
    if missing or not names:
        raise ValueError(
            f'model ({list(query)}) and gallery ({list(gallery)}) have no '
            f'{missing or "stream"} in common'
        )
    rows, memory = (
        join_features([torch.from_numpy(features[s]) for s in names])
        for features in (query, gallery)
    )
    indices, cosines = nearest_neighbours(rows, memory, min(k, len(memory)))
    return indices.numpy(), cosines.numpy()
