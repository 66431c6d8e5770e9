"""Shuffle similarity: vectors cut into parts, and compared by the best match of the parts."""

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import permutations
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ssvrl_mm.models.utils.similarity import LEAST_SQUARE
from ssvrl_mm.registry import MODELS

# Greedy: which part is matched is kept in a byte. Optimal: 5! = 120 sums for every pair.
_MOST_PARTS = {'greedy': 255, 'optimal': 5}
# Distances up to here were cut off; float32, which keeps them, rounds 1e-7 upwards.
_NONE = 1.001 * LEAST_SQUARE**0.5


@MODELS.register_module()
class ShuffleSimilarity(nn.Module):
    """Minus the distance of two vectors whose parts are matched with one another.

    Shuffle similarity of "Self-supervised Representation Learning for Videos by Segmenting via
    Sampling Rate Order Prediction" (IEEE TCSVT 2021), Eqs. (9) to (12) and Algorithm 1. Both
    vectors are cut into n parts of one length. Of the n x n Euclidean distances between parts the
    smallest is taken, its row and its column are struck, and so on n times; the sum of those taken
    is the distance. It is the same whatever the order of the parts, and 0 for the same parts in
    another order. Of equal distances, the first in the order of rows and columns is taken.

    ``'greedy'`` is that algorithm. Its twin ``'optimal'`` takes the n pairs of least sum, which is
    never above the greedy one.

    The paper does not say what becomes of the distance in its Eq. (8). Here its negative is the
    similarity, which the criterion divides by its temperature; 0.14, twice that of cosines, is our
    choice. With n = 3 and 129 values, logits of a query with keys anywhere on the sphere then have
    a standard deviation of 0.68, where cosines by 0.07 have 1.26, and a key at cosine 0.8 stands
    8.9 above them (cosines: 11.4). An untrained R3D of 10 layers with its projection gives other
    videos logits that spread by 0.57 (cosines: 0.26), as measured on ten.

    Distances are computed in float64 and have no gradient below 1e-7, as those of
    :class:`~ssvrl_mm.models.utils.NegativeDistance`, which this is with one part. Keys are compared
    some at a time, and of every pair only the n matches are kept for the gradient: 128 queries and
    16,384 keys of 129 values with n = 3 take 122 MB above the result, backward pass included. Time
    for these on one core: 0.65 s, and 0.15 s back, 4.7 times that of the n x n products of parts
    alone, 0.17 s. ``'optimal'`` takes 0.3 s and 0.15 s; with n = 5, 1.9 s and 0.4 s. In a training
    step of an R3D of 10 layers, 16 videos and 4,096 keys, both take 0.04 s of 31 s (one core).

    Args:
        num_parts: n, the number of segments of a clip; up to 255, of ``'optimal'`` up to 5.
        matching: ``'greedy'`` or ``'optimal'``.
        block_bytes: About how much memory the comparison with some of the keys may take, besides
            the result and the matches.

    Raises:
        ValueError: for an argument out of range.

    Example:
        >>> query, keys = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0], [1.0, 5.0]])
        >>> ShuffleSimilarity(num_parts=2)(query, keys)  # 0 to 0 and 3 to 3; 0 to 1 and 3 to 5
        tensor([[-2.0000e-07, -3.0000e+00]])
    """

    def __init__(
        self,
        num_parts: int = 3,
        matching: Literal['greedy', 'optimal'] = 'greedy',
        block_bytes: int = 2**26,
    ) -> None:
        super().__init__()
        if matching not in _MOST_PARTS:
            raise ValueError(f'matching must be one of {tuple(_MOST_PARTS)}, got {matching!r}')
        if not 1 <= num_parts <= _MOST_PARTS[matching]:
            raise ValueError(
                f'num_parts must be from 1 to {_MOST_PARTS[matching]} with {matching} matching, '
                f'got {num_parts}'
            )
        if block_bytes < 1:
            raise ValueError(f'block_bytes must be positive, got {block_bytes}')
        self.num_parts = num_parts
        self.matching = matching
        self.block_bytes = block_bytes

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares every query with every key.

        Args:
            queries: (..., N, C) vectors in at least float32; C is a multiple of ``num_parts``.
            keys: (..., K, C) likewise, with the same leading axes.

        Returns:
            (..., N, K), the larger the more alike; 0 at most.

        Raises:
            ValueError: for vectors that cannot be cut into ``num_parts`` equal parts.
        """
        channels, n = queries.shape[-1], self.num_parts
        if channels % n:
            raise ValueError(
                f'vectors of {channels} values cannot be cut into {n} equal parts: give the '
                f'projection out_channels={channels + -channels % n}, or the similarity '
                'num_parts = the number of segments'
            )
        match = _greedy if self.matching == 'greedy' else _optimal
        sums = _Matched.apply(_parts(queries, n), _parts(keys, n), match, self._block(queries))
        return -sums.reshape(*queries.shape[:-1], keys.shape[-2])

    def _block(self, queries: Tensor) -> int:
        """How many keys are compared at a time."""
        *leading, number, channels = queries.shape
        n = self.num_parts
        of_a_key = prod(leading) * (number * 4 * n**2 + channels * 3 * n)
        return max(1, self.block_bytes // max(1, 8 * of_a_key))

    def extra_repr(self) -> str:
        """The hyper-parameters, for ``repr``."""
        return f'num_parts={self.num_parts}, matching={self.matching!r}'


def _parts(vectors: Tensor, n: int) -> Tensor:
    """(n, B, N, C / n) of (..., N, C)."""
    *leading, number, channels = vectors.shape
    return vectors.reshape(prod(leading), number, n, channels // n).permute(2, 0, 1, 3)


def _greedy(distances: Tensor) -> Tensor:
    """Algorithm 1: (n, M) the column matched with each row, of (n, n, M) distances."""
    n = len(distances)
    beyond = [1] * (distances.dim() - 2)
    columns = torch.arange(n, device=distances.device).view(1, n, *beyond)
    cells = columns.transpose(0, 1) * n + columns
    # The last bits of each number tell its cell, so that no two are equal: 1e-11 of a distance.
    left = ((distances.view(torch.int64) & -(2**16)) | cells).view(distances.dtype)
    taken = torch.zeros_like(left, dtype=torch.bool)
    for _ in range(n):
        here = left == reduce(torch.minimum, left.flatten(0, 1))
        taken |= here
        row, column = (reduce(torch.logical_or, here.unbind(axis)) for axis in (1, 0))
        left.masked_fill_(row[:, None] | column, torch.inf)
    return (taken * columns).sum(1)


def _optimal(distances: Tensor) -> Tensor:
    """The permutation of least sum: (n, M) the column of each row, of (n, n, M) distances."""
    orders = [*permutations(range(len(distances)))]
    least = torch.full_like(distances[0, 0], torch.inf)
    best = torch.zeros_like(least, dtype=torch.long)
    for number, columns in enumerate(orders):
        total = reduce(torch.add, (distances[pair] for pair in enumerate(columns)))
        best.masked_fill_(total < least, number)
        least = torch.minimum(least, total)
    return torch.tensor(orders, device=best.device)[best].movedim(-1, 0)


class _Matched(torch.autograd.Function):
    """The sum of the matched distances between parts, keys being compared some at a time."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, match: Callable[[Tensor], Tensor], block: int
    ) -> Tensor:
        """(B, N, K) from (n, B, N, d) and (n, B, K, d)."""
        sums = x.new_empty(*x.shape[1:3], y.shape[2])
        taken = sums.new_empty(len(x), *sums.shape, dtype=torch.promote_types(x.dtype, torch.float))
        columns = torch.empty_like(taken, dtype=torch.uint8)
        for keys in _blocks(y, block):
            distances = _distances(x.double(), y[:, :, keys].double())
            matched = match(distances)
            nearest = distances.gather(1, matched[:, None])[:, 0]
            sums[..., keys] = nearest.sum(0)
            taken[..., keys] = nearest
            columns[..., keys] = matched
        ctx.save_for_backward(x, y, taken, columns)
        ctx.block = block
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Every part is drawn along the line to the one that it is matched with."""
        x, y, taken, columns = ctx.saved_tensors
        wide = x.double()
        of_x = torch.zeros_like(wide)
        of_y = torch.empty_like(y) if ctx.needs_input_grad[1] else None
        for keys in _blocks(y, ctx.block):
            some, near = y[:, :, keys].double(), taken[..., keys].double()
            pull = (gradient[..., keys] / near).masked_fill_(near <= _NONE, 0)
            weights = pull.new_zeros(len(x), *pull.shape)
            weights.scatter_(1, columns[:, None, ..., keys].long(), pull[:, None])
            of_x += wide * pull.sum(-1)[..., None] - (weights @ some).sum(1)
            if of_y is not None:
                back = (weights.mT @ wide[:, None]).sum(0)
                of_y[:, :, keys] = some * weights.sum((0, 3))[..., None] - back
        return of_x.to(x.dtype), of_y, None, None


def _blocks(y: Tensor, block: int) -> Iterator[slice]:
    """``block`` keys at a time."""
    return (slice(start, start + block) for start in range(0, y.shape[2], block))


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """(n, n, B, N, K) between (n, B, N, d) and (n, B, K, d), from dot products."""
    squares = (x[:, None] @ y.mT).mul_(-2)
    squares += x.square().sum(-1)[:, None, ..., None]
    squares += y.square().sum(-1)[..., None, :]
    return squares.clamp_(min=LEAST_SQUARE).sqrt_()
