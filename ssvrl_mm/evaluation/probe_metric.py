"""The logistic probe as a metric: what a linear classifier makes of the frozen features."""

import numpy as np
import torch

from ssvrl_mm.evaluation.feature_metric import FeatureMetric, stack_features, stack_labels
from ssvrl_mm.evaluation.feature_probe import ProbeSplit, logistic_probe
from ssvrl_mm.evaluation.nearest_neighbours import join_features
from ssvrl_mm.registry import METRICS


@METRICS.register_module()
class FeatureProbe(FeatureMetric):
    """Accuracy of logistic regression, fitted to the gallery's videos, on the queries.

    Reads what :class:`~ssvrl_mm.evaluation.VideoRetrieval` reads, and may stand beside it in a
    ``test_evaluator``: no video is read twice. The clips of a video are averaged; of joined
    streams each is scaled to length one, then they are concatenated.

    Metrics: ``probe/{name}_logistic`` and ``probe/chance_logistic``, what naming the gallery's
    most frequent class (the first of equals) reaches, both in [0, 1]. See
    :func:`~ssvrl_mm.evaluation.logistic_probe` for how the regularisation is chosen.

    Args:
        streams: What to probe, see :class:`FeatureMetric`.
        seed: Of the folds of the cross-validation.
        collect_device: 'cpu' (through files, in a folder shared by all processes) or 'gpu'.
        prefix: Replaces the prefix.
        collect_dir: The shared folder; by default ``.dist_test`` in the working directory.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: At the end, if the gallery's videos are all of one class.

    Example:
        >>> test_evaluator = [dict(type='VideoRetrieval', topk=(1,)), dict(type='FeatureProbe')]
    """

    default_prefix = 'probe'

    def __init__(
        self,
        streams: list[str] | None = None,
        seed: int = 0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(streams, collect_device, prefix, collect_dir)
        self.seed = seed

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Fits and tests the classifier for each choice of streams."""
        query, gallery = self.split(results)
        entries = gallery + query
        rows = np.arange(len(entries))
        split = ProbeSplit(rows[: len(gallery)], rows[len(gallery) :])
        labels = stack_labels(entries, average=True).numpy()
        if len(np.unique(labels[split.train])) < 2:
            raise ValueError('a probe needs a gallery of two classes or more')
        metrics = {}
        for name, streams in self.compared(results).items():
            features = [stack_features(entries, stream, average=True) for stream in streams]
            joined = features[0] if len(features) == 1 else join_features(features)
            probed = logistic_probe(joined.float().numpy(), labels, split, seed=self.seed)
            metrics[f'{name}_logistic'] = probed['logistic']
        commonest = torch.bincount(torch.from_numpy(labels[split.train])).argmax().item()
        metrics['chance_logistic'] = float((labels[split.test] == commonest).mean())
        return metrics
