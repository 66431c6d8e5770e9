"""Positives found in the queue by their similarity."""

from collections.abc import Sequence

import torch
from torch import Tensor

MINING_MODES = ('intersection', 'union', 'none')


def topk_mask(similarity: Tensor, usable: Tensor, k: int) -> Tensor:
    """Marks the k most similar usable entries of every row.

    Args:
        similarity: (N, K).
        usable: (N, K) bool; other entries are never marked.
        k: How many to mark; all usable ones where there are fewer.

    Returns:
        (N, K) bool.
    """
    ranked = similarity.masked_fill(~usable, -torch.inf)
    nearest = ranked.topk(min(k, ranked.shape[1]), dim=1).indices
    return torch.zeros_like(usable).scatter_(1, nearest, True) & usable


def mine_positives(
    similarities: Sequence[Tensor], usable: Tensor, k: int, mode: str = 'intersection'
) -> Tensor:
    """Finds the entries that are among the nearest in every stream, or in any.

    The set S_i below Eq. (3) of MVCGC (Huo et al., "Compressed Video Contrastive Learning",
    NeurIPS 2021).

    Args:
        similarities: One (N, K) per stream.
        usable: (N, K) bool, the entries to choose from.
        k: The number of nearest entries each stream proposes.
        mode: ``'intersection'`` of the proposals, their ``'union'``, or ``'none'`` at all.

    Returns:
        (N, K) bool.

    Raises:
        ValueError: for an unknown mode.
    """
    if mode not in MINING_MODES:
        raise ValueError(f'mode must be one of {MINING_MODES}, got {mode!r}')
    if mode == 'none':
        return torch.zeros_like(usable)
    proposals = torch.stack([topk_mask(similarity, usable, k) for similarity in similarities])
    return proposals.all(dim=0) if mode == 'intersection' else proposals.any(dim=0)
