"""Exact nearest-neighbour search by cosine similarity, and recall at k. Tensors in, tensors out."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ssvrl_mm.evaluation.optional import require

_LOW_32_BITS = 0xFFFFFFFF
_JOINED_ROWS = 65536


def nearest_neighbours(
    query: Tensor,
    gallery: Tensor,
    k: int,
    block: int = 2048,
    device: torch.device | str | None = None,
    backend: str = 'torch',
) -> tuple[Tensor, Tensor]:
    """The k gallery rows of highest cosine similarity to each query row, the best first.

    The search is exact: every pair is compared. At most ``block x block`` similarities exist at a
    time, so the memory beyond the features themselves hardly grows with their number. Gallery
    rows of equal similarity come in the order of their index, whatever the device. A row of
    zeros has similarity 0 to everything.

    Measured on two CPU cores, 10^4 queries against 10^5 gallery rows of 1024 channels, k = 50:
    73 s of CPU time and 0.1 GB beyond the features; docs/evaluation.md has more.

    Args:
        query: features, (N, D), finite.
        gallery: features, (M, D), finite.
        k: how many neighbours, 1..M.
        block: rows of query and of gallery compared at a time.
        device: where to compare; the features' own device by default. Only blocks travel there.
        backend: 'torch', or 'faiss': ``faiss.IndexFlatIP`` on the CPU, one index for every
            ``32 * block`` gallery rows. Its sums may differ in the last digit, and which of
            several equally similar rows are the last of the k is left open.

    Returns:
        ``(indices, similarities)``: int64 (N, k) rows of the gallery and float32 (N, k) in
        [-1, 1], on the device of ``query``.

    Raises:
        ValueError: shapes that do not fit, k out of range, a feature that is not finite, or an
            unknown backend.
        ImportError: faiss is asked for and not installed.

    Example:
        >>> indices, _ = nearest_neighbours(torch.eye(3)[:1], torch.eye(3), k=2)
        >>> indices
        tensor([[0, 1]])
    """
    for name, features in (('query', query), ('gallery', gallery)):
        if features.ndim != 2:
            raise ValueError(f'{name} must be (rows, channels), got {tuple(features.shape)}')
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f'query has {query.shape[1]} channels, gallery {gallery.shape[1]}')
    if not 1 <= k <= len(gallery):
        raise ValueError(f'k must be in 1..{len(gallery)} (the size of the gallery), got {k}')
    if block < 1:
        raise ValueError(f'block must be positive, got {block}')

    if backend not in ('torch', 'faiss'):
        raise ValueError(f"backend must be 'torch' or 'faiss', got {backend!r}")

    if backend == 'faiss':
        keys = _faiss_keys(query, gallery, k, block).to(query.device)
        return _indices(keys), _similarities(keys)
    device = torch.device(device) if device is not None else query.device
    best = [
        torch.empty(len(rows), 0, dtype=torch.int64, device=device) for rows in query.split(block)
    ]
    for i, gallery_rows in enumerate(gallery.split(block)):
        gallery_rows = _unit_rows(gallery_rows, i * block, 'gallery', device)
        for j, query_rows in enumerate(query.split(block)):
            query_rows = _unit_rows(query_rows, j * block, 'query', device)
            keys = _largest(_keys(query_rows @ gallery_rows.T, i * block), k)
            best[j] = _largest(torch.cat([best[j], keys], dim=1), k)
    keys = torch.cat(best).to(query.device)
    return _indices(keys), _similarities(keys)


def join_features(features: Sequence[Tensor]) -> Tensor:
    """Joins several streams of the same videos so that one search sees all of them.

    Each stream is L2-normalised, then all are concatenated: the inner product of two joined rows is
    the sum of the streams' cosines, and their cosine its mean.

    Args:
        features: one (N, D_s) tensor per stream; the widths may differ.

    Returns:
        float32 (N, sum of D_s).
    """
    widths = [rows.shape[1] for rows in features]
    joined = torch.empty(len(features[0]), sum(widths), device=features[0].device)
    # In place and by blocks: of a million videos, one copy too many is gigabytes.
    for stream, columns in zip(features, joined.split(widths, dim=1), strict=True):
        for rows, target in zip(
            stream.split(_JOINED_ROWS), columns.split(_JOINED_ROWS), strict=True
        ):
            target.copy_(F.normalize(rows.float(), dim=1))
    return joined


def recall_at_k(
    neighbours: Tensor, query_labels: Tensor, gallery_labels: Tensor, topk: Sequence[int]
) -> dict[int, float]:
    """Share of the queries with a video of their own class among the first k neighbours.

    Args:
        neighbours: gallery rows, the best first, int64 (N, K).
        query_labels: (N,).
        gallery_labels: (M,).
        topk: the values of k, each in 1..K.

    Returns:
        ``{k: recall}`` with recalls in [0, 1].

    Raises:
        ValueError: a k beyond the neighbours given.
    """
    if not all(1 <= k <= neighbours.shape[1] for k in topk):
        raise ValueError(f'topk {tuple(topk)} must lie in 1..{neighbours.shape[1]}')
    hits = gallery_labels[neighbours] == query_labels[:, None]
    return {k: hits[:, :k].any(dim=1).double().mean().item() for k in topk}


def chance_recall(query_labels: Tensor, gallery_labels: Tensor, topk: Sequence[int]) -> dict:
    """The recall at k that a random ranking of the gallery reaches on average.

    With M gallery videos of which n_q have the class of query q, a random ranking has none of
    them among the first k with probability C(M - n_q, k) / C(M, k); for k = 1 the recall is thus
    the mean over the queries of n_q / M.

    Args:
        query_labels: non-negative integers, (N,).
        gallery_labels: non-negative integers, (M,).
        topk: the values of k, each in 1..M.

    Returns:
        ``{k: recall}`` with recalls in [0, 1].
    """
    size = len(gallery_labels)
    counts = torch.bincount(gallery_labels, minlength=int(query_labels.max()) + 1)
    same_class = counts[query_labels].double()
    drawn = torch.arange(max(topk))
    miss = ((size - same_class[:, None] - drawn) / (size - drawn)).clamp(min=0).cumprod(dim=1)
    return {k: 1 - miss[:, k - 1].mean().item() for k in topk}


def _faiss_keys(query: Tensor, gallery: Tensor, k: int, block: int) -> Tensor:
    """The keys of the k best rows by faiss, the best first."""
    faiss: Any = require('faiss', 'faiss-cpu', 'a search with it')
    cpu = torch.device('cpu')
    best = [torch.empty(len(rows), 0, dtype=torch.int64) for rows in query.split(block)]
    for start in range(0, len(gallery), 32 * block):
        index = faiss.IndexFlatIP(gallery.shape[1])
        part = gallery[start : start + 32 * block]
        for i, rows in enumerate(part.split(block)):
            index.add(_unit_rows(rows, start + i * block, 'gallery', cpu).numpy())
        for j, rows in enumerate(query.split(block)):
            unit = _unit_rows(rows, j * block, 'query', cpu)
            found = index.search(unit.numpy(), min(k, len(part)))
            similarities, indices = (torch.from_numpy(array) for array in found)
            keys = _sortable(similarities) << 32 | (_LOW_32_BITS - (indices + start))
            best[j] = _largest(torch.cat([best[j], keys], dim=1), k)
    return torch.cat(best)


def _unit_rows(features: Tensor, start: int, name: str, device: torch.device) -> Tensor:
    features = features.to(device, torch.float32)
    finite = features.isfinite().all(dim=1)
    if not finite.all():
        row = start + int((~finite).nonzero()[0])
        raise ValueError(f'{name} row {row} is not finite')
    return F.normalize(features, dim=1)


def _keys(similarities: Tensor, start: int) -> Tensor:
    """Integers that sort like (similarity, then lower index): torch.topk leaves ties open.

    The high 32 bits hold the float's bit pattern, its lower bits turned round where it is
    negative so that integers order as the floats do; the low 32 bits count down with the index.
    """
    indices = torch.arange(start, start + similarities.shape[1], device=similarities.device)
    return _sortable(similarities) << 32 | (_LOW_32_BITS - indices)


def _sortable(similarities: Tensor) -> Tensor:
    """int64 whose low 32 bits order as the floats do, before they are shifted to the high ones."""
    # Adding zero makes -0.0 a 0.0, whose bits differ although the two are equal.
    bits = (similarities + 0.0).view(torch.int32)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long()


def _indices(keys: Tensor) -> Tensor:
    return _LOW_32_BITS - (keys & _LOW_32_BITS)


def _similarities(keys: Tensor) -> Tensor:
    bits = (keys >> 32).int()
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(torch.float32)


def _largest(keys: Tensor, k: int) -> Tensor:
    return keys.topk(min(k, keys.shape[1]), dim=1).values
