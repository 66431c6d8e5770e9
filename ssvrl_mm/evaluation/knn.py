"""Classification by the nearest neighbours: what a representation tells without any training."""

from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.evaluation.confidence import per_cent
from ssvrl_mm.evaluation.feature_metric import (
    FeatureMetric,
    search_device,
    spread_metrics,
    stack_features,
    stack_labels,
)
from ssvrl_mm.evaluation.nearest_neighbours import join_features, nearest_neighbours
from ssvrl_mm.registry import METRICS


def knn_predictions(
    similarities: Tensor, neighbour_labels: Tensor, ks: Sequence[int]
) -> dict[int, Tensor]:
    """The class that most of the k nearest neighbours have.

    Of classes with equally many, the one whose neighbours' similarities have the larger sum wins;
    where these are equal too, the lower class.

    Args:
        similarities: (N, K), the largest first.
        neighbour_labels: classes of these neighbours, (N, K).
        ks: the values of k, each in 1..K.

    Returns:
        ``{k: classes (N,)}``.

    Raises:
        ValueError: a k beyond the neighbours given.

    Example:
        >>> knn_predictions(torch.tensor([[.9, .5, .4]]), torch.tensor([[0, 1, 1]]), ks=(1, 3))
        {1: tensor([0]), 3: tensor([1])}
    """
    if not all(1 <= k <= similarities.shape[1] for k in ks):
        raise ValueError(f'every k of {tuple(ks)} must lie in 1..{similarities.shape[1]}')
    shape = (len(similarities), int(neighbour_labels.max()) + 1)
    predictions = {}
    for k in ks:
        labels, weights = neighbour_labels[:, :k], similarities[:, :k].double()
        votes = torch.zeros(shape, dtype=torch.float64)
        votes.scatter_add_(1, labels, torch.ones_like(weights))
        sums = torch.zeros_like(votes).scatter_add_(1, labels, weights)
        leading = votes == votes.amax(dim=1, keepdim=True)
        predictions[k] = sums.masked_fill(~leading, -torch.inf).argmax(dim=1)
    return predictions


@METRICS.register_module()
class KNNAccuracy(FeatureMetric):
    """Top-1 accuracy of queries classified by their nearest neighbours in the gallery.

    The clips of a video are averaged; neighbours are those of highest cosine similarity, of
    joined streams by the sum of their cosines. See :class:`FeatureMetric` for the data samples,
    and for what holds with several processes.

    Metrics, with the prefix ``knn/``: ``{name}_top1_k{k}`` in [0, 1]; ``{name}_effective_rank``
    and ``{name}_mean_cosine``, see :func:`~ssvrl_mm.feature_spread.feature_spread`; and
    ``num_query``. The log shows accuracies with the 95 % error of
    :func:`~ssvrl_mm.evaluation.wilson_interval`, and warns of features that have collapsed.

    Args:
        ks: the numbers of neighbours; one beyond the gallery's size asks the whole gallery.
        streams: what to compare, see :class:`FeatureMetric`.
        block: see :func:`nearest_neighbours`.
        device: where to search; by default a CUDA device if there is one.
        **kwargs: See :class:`FeatureMetric`.

    Raises:
        ValueError: see :class:`FeatureMetric`; at the end, if there is no query or no gallery.

    Example:
        >>> val_evaluator = [dict(type='VideoRetrieval'), dict(type='KNNAccuracy', ks=(5, 20))]
    """

    default_prefix = 'knn'

    def __init__(
        self,
        ks: Sequence[int] = (1, 5, 20),
        streams: Sequence[str] | None = None,
        block: int = 2048,
        device: str | None = None,
        **kwargs: str | None,
    ) -> None:
        super().__init__(streams, **kwargs)  # type: ignore[arg-type]
        if not ks or min(ks) < 1:
            raise ValueError(f'ks must hold positive integers, got {ks}')
        self.ks = tuple(ks)
        self.block = block
        self.device = device

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Classifies the queries for each choice of streams."""
        query, gallery = self.split(results)
        query_labels, gallery_labels = (stack_labels(e, average=True) for e in (query, gallery))
        ks = {k: min(k, len(gallery)) for k in self.ks}
        device = search_device(self.device)
        metrics, shown = {}, []
        for name, streams in self.compared(results).items():
            rows, memory = (
                join_features([stack_features(entries, s, average=True) for s in streams])
                for entries in (query, gallery)
            )
            spread = self.spread(name, rows, memory, device)
            indices, similarities = nearest_neighbours(
                rows, memory, max(ks.values()), self.block, device
            )
            classes = knn_predictions(similarities, gallery_labels[indices], tuple(ks.values()))
            for k, clipped in ks.items():
                correct = classes[clipped] == query_labels
                share = correct.double().mean().item()
                metrics[f'{name}_top1_k{k}'] = share
                mark = ' (collapsed)' if spread.collapsed else ''
                shown.append(f'{name}_top1_k{k} {per_cent(share, len(query))}{mark}')
            metrics.update(spread_metrics(name, spread))
        print_log(f'kNN accuracy in per cent, ± 95 %: {", ".join(shown)}', logger='current')
        return {**metrics, 'num_query': float(len(query))}
