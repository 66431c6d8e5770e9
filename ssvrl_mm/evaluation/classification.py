"""Accuracy of classified videos, of each stream and of all together."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.evaluation import mean_class_accuracy, top_k_accuracy
from mmengine.evaluator import BaseMetric

from ssvrl_mm.registry import METRICS

_STREAM = 'pred_score_'


def classification_metrics(
    scores: np.ndarray, labels: np.ndarray, topk: Sequence[int] = (1, 5)
) -> dict[str, float]:
    """Top-k and mean class accuracy, and the loss, of class probabilities.

    Args:
        scores: Probabilities (N, classes).
        labels: Classes (N,).
        topk: The values of k; one beyond the number of classes counts as that number.

    Returns:
        ``top1``, ..., ``mean1`` (top-1 averaged over classes) and ``loss``, the mean negative
        logarithm of the probability of the right class.

    Example:
        >>> metrics = classification_metrics(np.eye(2), np.array([0, 0]), topk=(1,))
        >>> metrics['top1'], metrics['mean1']
        (0.5, 0.5)
    """
    metrics = {f'top{k}': float(top_k_accuracy(scores, labels, (k,))[0]) for k in topk}
    metrics['mean1'] = float(mean_class_accuracy(scores, labels))
    right = scores[np.arange(len(labels)), labels].astype(np.float64)
    metrics['loss'] = float(-np.log(right.clip(min=np.finfo(np.float32).tiny)).mean())
    return metrics


@METRICS.register_module()
class VideoClassification(BaseMetric):
    """Accuracy and loss of videos, whatever the number of processes.

    Names as of mmaction2's ``AccMetric``: ``acc/top1``, ``acc/top5``, ``acc/mean1``; and
    ``acc/loss`` for schedules that wait for a plateau. Of a
    :class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer` also those of each stream:
    ``acc/rgb_top1``, ... A video that a sampler repeated to even out the processes counts once.

    Args:
        topk: The values of k.
        collect_device: 'cpu' or 'gpu'.
        prefix: Instead of 'acc'.

    Example:
        >>> val_evaluator = dict(type='VideoClassification')
    """

    default_prefix = 'acc'

    def __init__(
        self, topk: Sequence[int] = (1, 5), collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not topk or min(topk) < 1:
            raise ValueError(f'topk must be numbers from 1 on, got {topk}')
        self.topk = tuple(topk)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keeps label and probabilities of each video."""
        for sample in data_samples:
            if 'gt_label' not in sample:
                raise ValueError(f'{sample.get("filename")}: no label to compare with')
            scores = {
                name.removeprefix('pred_score').removeprefix('_'): value.detach().cpu().numpy()
                for name, value in sample.items()
                if name == 'pred_score' or name.startswith(_STREAM)
            }
            video = (sample.get('video_id'), sample.get('filename'))
            self.results.append(dict(video=video, label=int(sample['gt_label']), scores=scores))

    def evaluate(self, size: int) -> dict:
        """Collects the results of all processes, repeated videos and all, and computes."""
        # Cutting to `size`, mmengine would rely on the order in which samplers repeat videos.
        return super().evaluate(size=sys.maxsize)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The metrics of each stream and of the fused scores."""
        videos: dict[Any, dict] = {}
        for number, result in enumerate(results):
            unknown = result['video'] == (None, None)
            videos.setdefault(number if unknown else result['video'], result)
        # In one order, whatever the number of processes: sums of floats depend on it.
        entries = [videos[key] for key in sorted(videos, key=str)]
        labels = np.array([entry['label'] for entry in entries])
        metrics = {}
        for stream in sorted(entries[0]['scores']):
            scores = np.stack([entry['scores'][stream] for entry in entries])
            of_stream = classification_metrics(scores, labels, self.topk)
            metrics.update({f'{stream}_{n}' if stream else n: v for n, v in of_stream.items()})
        return metrics
