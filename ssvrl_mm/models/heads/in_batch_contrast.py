"""The contrast of queries with the candidates of the batches of all processes."""

from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.precision import full_precision, without_autocast


def contrast_over_processes(
    criterion: nn.Module,
    queries: Tensor,
    candidates: Tensor,
    targets: Tensor,
    batch: GlobalBatch,
) -> tuple[Tensor, Tensor]:
    """InfoNCE by cosine similarity over the global batch.

    Neither the loss, averaged over processes, nor its gradients depend on how the global batch is
    split over them.

    Args:
        criterion: An :class:`~ssvrl_mm.models.losses.InfoNCELoss` without reduction.
        queries: (M, C) of this process.
        candidates: (K, C) of this process; gradients of all processes' losses reach them.
        targets: (M,) int, the row of each query's positive among this process's candidates.
        batch: The batches of all processes; M and K are multiples of its size.

    Returns:
        The loss, (), see :meth:`GlobalBatch.mean`; and the share of this
        process's queries that are nearest to their positive, ().
    """
    queries, candidates = full_precision(queries, candidates)
    queries = F.normalize(queries, dim=1)
    everywhere = batch.gather_with_gradient(F.normalize(candidates, dim=1))
    targets = targets + batch.own.start * (len(candidates) // batch.size)
    with without_autocast(queries):
        similarities = queries @ everywhere.T
    loss = batch.mean(criterion(similarities, targets))
    return loss, (similarities.argmax(dim=1) == targets).float().mean()
