"""InfoNCE against a queue or within a batch, with one positive or several."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS

REDUCTIONS = ('none', 'mean', 'sum')


def multi_instance_nce(logits: Tensor, positive_mask: Tensor, usable_mask: Tensor) -> Tensor:
    """Minus the log of the probability mass that falls on the positives, per row.

    Args:
        logits: (N, M) similarities divided by the temperature.
        positive_mask: (N, M) bool, True at the positives; at least one per row.
        usable_mask: (N, M) bool, True at what the denominator counts; positives always count.

    Returns:
        (N,) losses, ``logsumexp(all that count) - logsumexp(positives)``.
    """
    counted = logits.masked_fill(~(usable_mask | positive_mask), -torch.inf)
    positives = logits.masked_fill(~positive_mask, -torch.inf)
    return counted.logsumexp(dim=1) - positives.logsumexp(dim=1)


class _ContrastiveLoss(nn.Module):
    """What the losses share: the arguments, the logits of queues, the reduction."""

    def __init__(self, temperature: float = 0.07, reduction: str = 'mean') -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f'temperature must be positive, got {temperature}')
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction must be one of {REDUCTIONS}, got {reduction!r}')
        self.temperature = temperature
        self.reduction = reduction

    def _contrast(
        self,
        query: Tensor,
        key: Tensor,
        others: Tensor,
        positive_mask: Tensor | None,
        negative_mask: Tensor | None,
    ) -> Tensor:
        """The loss with column 0 for a query's own key, the other columns for the shared ones."""
        with without_autocast(query):
            query, key, others = full_precision(query, key, others)
            own = (query * key).sum(dim=1, keepdim=True)
            logits = torch.cat([own, query @ others.T], dim=1) / self.temperature
            everywhere = logits.new_ones(len(query), len(others), dtype=torch.bool)
            sure = everywhere.new_ones(len(query), 1)
            positives = ~everywhere if positive_mask is None else positive_mask
            usable = everywhere if negative_mask is None else negative_mask
            losses = multi_instance_nce(
                logits, torch.cat([sure, positives], dim=1), torch.cat([sure, usable], dim=1)
            )
        return self._reduce(losses)

    def _reduce(self, losses: Tensor) -> Tensor:
        if self.reduction == 'none':
            return losses
        return losses.mean() if self.reduction == 'mean' else losses.sum()

    def extra_repr(self) -> str:
        """The hyper-parameters, for ``repr``."""
        return f'temperature={self.temperature}, reduction={self.reduction!r}'


@MODELS.register_module()
class InfoNCELoss(_ContrastiveLoss):
    """InfoNCE with one positive per query.

    The loss of `MoCo <https://arxiv.org/abs/1911.05722>`_, Eq. (1) of MVCGC (Huo et al.,
    "Compressed Video Contrastive Learning", NeurIPS 2021). Computed in at least float32, inside
    autocast too.

    Args:
        temperature: Divides the similarities; positive.
        reduction: ``'none'``, ``'mean'`` or ``'sum'`` over the queries.

    Raises:
        ValueError: for a temperature that is not positive or an unknown reduction.

    Example:
        >>> loss = InfoNCELoss(temperature=0.07)(query, key, queue)
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        negatives: Tensor,
        negative_mask: Tensor | None = None,
    ) -> Tensor:
        """Contrasts every query with its own key and the shared negatives.

        Args:
            query: (N, C) features; L2-normalise them first for cosine similarity.
            key: (N, C), row i is the positive of query i.
            negatives: (K, C) features shared by all queries; K may be 0.
            negative_mask: (N, K) bool, True where an entry is a usable negative. None: everywhere.

        Returns:
            (N,) losses, or their mean or sum.
        """
        return self._contrast(query, key, negatives, None, negative_mask)


@MODELS.register_module()
class MultiInstanceInfoNCELoss(_ContrastiveLoss):
    """InfoNCE whose positives are a query's own key and any chosen queue entries.

    One of the two terms of Eq. (4) of MVCGC (Huo et al., "Compressed Video Contrastive
    Learning", NeurIPS 2021); also the co-training loss of
    `CoCLR <https://arxiv.org/abs/2010.09709>`_. The positives are summed inside the logarithm, so
    the easiest of them may carry the term. Computed in at least float32, inside autocast too.

    Args:
        temperature: Divides the similarities; positive.
        reduction: ``'none'``, ``'mean'`` or ``'sum'`` over the queries.

    Raises:
        ValueError: for a temperature that is not positive or an unknown reduction.

    Example:
        >>> criterion = MultiInstanceInfoNCELoss(temperature=0.07)
        >>> loss = criterion(query, key, queue, positive_mask=mined, negative_mask=usable)
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        queue: Tensor,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> Tensor:
        """Contrasts every query with its own key and the shared queue.

        Args:
            query: (N, C) features; L2-normalise them first for cosine similarity.
            key: (N, C), row i is the sure positive of query i.
            queue: (K, C) features shared by all queries; K may be 0.
            positive_mask: (N, K) bool, True where a queue entry is a positive too. None: nowhere.
            negative_mask: (N, K) bool, True where a queue entry is a usable negative. None:
                everywhere. What is neither positive nor usable is left out.

        Returns:
            (N,) losses, or their mean or sum.
        """
        return self._contrast(query, key, queue, positive_mask, negative_mask)


@MODELS.register_module()
class InBatchInfoNCELoss(_ContrastiveLoss):
    """InfoNCE among candidates of which each query names its positive; the others are negatives.

    Eqs. (1) and (2) of Context-Motion Decoupling (Huang et al., "Self-Supervised Video
    Representation Learning by Context and Motion Decoupling", CVPR 2021). Computed in at least
    float32, inside autocast too.

    Args:
        temperature: Divides the similarities; positive.
        reduction: ``'none'``, ``'mean'`` or ``'sum'`` over the queries.

    Raises:
        ValueError: for a temperature that is not positive or an unknown reduction.

    Example:
        >>> loss = InBatchInfoNCELoss(temperature=0.1)(clips, frames, torch.arange(len(clips)))
    """

    def logits(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Similarities divided by the temperature.

        Args:
            queries: (M, C).
            candidates: (K, C).

        Returns:
            (M, K) in at least float32.
        """
        with without_autocast(queries):
            queries, candidates = full_precision(queries, candidates)
            return queries @ candidates.T / self.temperature

    def forward(self, queries: Tensor, candidates: Tensor, targets: Tensor) -> Tensor:
        """Contrasts every query with all candidates.

        Args:
            queries: (M, C) features; L2-normalise them first for cosine similarity.
            candidates: (K, C) features shared by all queries.
            targets: (M,) int, the row of each query's positive among the candidates.

        Returns:
            (M,) losses, or their mean or sum.
        """
        return self.of_logits(self.logits(queries, candidates), targets)

    def of_logits(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The same from :meth:`logits`, for who needs them too: they are the largest tensor."""
        return self._reduce(F.cross_entropy(logits, targets, reduction='none'))
