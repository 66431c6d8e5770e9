"""InfoNCE: with one positive or several, against a queue or within a batch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS

REDUCTIONS = ('none', 'mean', 'sum')


@MODELS.register_module()
class InfoNCELoss(nn.Module):
    """Minus the log of the probability mass that falls on a query's positives.

    With one positive per query, the loss of `MoCo <https://arxiv.org/abs/1911.05722>`_, Eq. (1) of
    MVCGC (Huo et al., "Compressed Video Contrastive Learning", NeurIPS 2021) and Eqs. (1) and (2)
    of Context-Motion Decoupling (Huang et al., CVPR 2021). With several, one of the two terms of
    Eq. (4) of MVCGC, and the co-training loss of `CoCLR <https://arxiv.org/abs/2010.09709>`_: the
    positives are summed inside the logarithm, so the easiest of them may carry the term. Computed
    in at least float32, inside autocast too.

    Args:
        temperature: Divides the similarities; positive.
        reduction: ``'none'``, ``'mean'`` or ``'sum'`` over the queries.

    Raises:
        ValueError: for a temperature that is not positive or an unknown reduction.

    Example:
        >>> clips, frames = torch.rand(2, 4, 128)
        >>> loss = InfoNCELoss(temperature=0.1)(clips @ frames.T, torch.arange(4))
    """

    def __init__(self, temperature: float = 0.07, reduction: str = 'mean') -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f'temperature must be positive, got {temperature}')
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction must be one of {REDUCTIONS}, got {reduction!r}')
        self.temperature = temperature
        self.reduction = reduction

    def forward(
        self, similarities: Tensor, positives: Tensor, counted: Tensor | None = None
    ) -> Tensor:
        """Contrasts every query with its candidates.

        Args:
            similarities: (N, M) of N queries with M candidates; of unit vectors the cosines.
            positives: (N,) int, the one positive of each query; or (N, M) bool, True at the
                positives, at least one per query.
            counted: (N, M) bool, True at the candidates that the denominator counts; positives
                always count. None: all of them.

        Returns:
            (N,) losses, or their mean or sum.
        """
        with without_autocast(similarities):
            logits = full_precision(similarities)[0] / self.temperature
            if positives.dim() == 1 and counted is None:
                losses = F.cross_entropy(logits, positives, reduction='none')
            else:
                losses = _multi_instance(logits, positives, counted)
        if self.reduction == 'none':
            return losses
        return losses.mean() if self.reduction == 'mean' else losses.sum()

    def extra_repr(self) -> str:
        """The hyper-parameters, for ``repr``."""
        return f'temperature={self.temperature}, reduction={self.reduction!r}'


def _multi_instance(logits: Tensor, positives: Tensor, counted: Tensor | None) -> Tensor:
    """(N,) ``logsumexp(all that count) - logsumexp(positives)``."""
    if positives.dim() == 1:
        positives = F.one_hot(positives, logits.shape[1]).bool()
    if counted is not None:
        counted = counted | positives
    everything = logits if counted is None else logits.masked_fill(~counted, -torch.inf)
    return everything.logsumexp(dim=1) - logits.masked_fill(~positives, -torch.inf).logsumexp(dim=1)
