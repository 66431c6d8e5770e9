"""Accuracy of classified videos, of each stream and of all together."""

import sys
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from mmaction.evaluation import mean_class_accuracy, top_k_accuracy
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ssvrl_mm.evaluation.confidence import wilson_error
from ssvrl_mm.evaluation.retrieval import ROW_NAMES
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
    metrics['loss'] = float(-np.log(_of_right_class(scores, labels)).mean())
    return metrics


def classification_errors(
    scores: np.ndarray, labels: np.ndarray, topk: Sequence[int] = (1, 5)
) -> dict[str, float]:
    """How far the figures of :func:`classification_metrics` may be off, at 95 %.

    Args:
        scores: Probabilities (N, classes).
        labels: Classes (N,).
        topk: The values of k.

    Returns:
        ``top1``, ...: the further bound of :func:`~ssvrl_mm.evaluation.wilson_interval`; ``mean1``:
        those of the classes, which are independent, put together; ``loss``: 1.96 standard errors
        of the mean, NaN for a single video.

    Example:
        >>> errors = classification_errors(np.eye(2)[[0, 1, 1, 1]], np.array([0, 0, 1, 1]), (1,))
        >>> round(errors['top1'], 3)
        0.449
    """
    metrics = classification_metrics(scores, labels, topk)
    errors = {f'top{k}': wilson_error(metrics[f'top{k}'], len(labels)) for k in topk}
    right = scores.argmax(axis=1) == labels
    of_classes = [
        wilson_error(float(right[labels == label].mean()), int((labels == label).sum()))
        for label in np.unique(labels)
    ]
    errors['mean1'] = float(np.linalg.norm(of_classes) / len(of_classes))
    losses = -np.log(_of_right_class(scores, labels))
    spread = losses.std(ddof=1) if len(losses) > 1 else np.nan
    errors['loss'] = float(NormalDist().inv_cdf(0.975) * spread / len(losses) ** 0.5)
    return errors


def classification_table(
    rows: Mapping[str, tuple[np.ndarray, np.ndarray]], topk: Sequence[int]
) -> str:
    """Accuracies in per cent with their errors at 95 %, a row per name.

    Args:
        rows: Name -> probabilities (N, classes) and classes (N,).
        topk: The values of k.
    """
    names = [*(f'top{k}' for k in topk), 'mean1']
    lines = [['', *names]]
    for row, (scores, labels) in rows.items():
        metrics, errors = (
            f(scores, labels, topk) for f in (classification_metrics, classification_errors)
        )
        lines.append([row, *(f'{100 * metrics[n]:.1f} ± {100 * errors[n]:.1f}' for n in names)])
    first, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    width = max(widths) + 2
    return '\n'.join(
        f'{title:<{first}}' + ''.join(f'{cell:>{width}}' for cell in cells)
        for title, *cells in lines
    )


def _of_right_class(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The probabilities of the right classes; an impossible one costs much, but not infinitely."""
    right = scores[np.arange(len(labels)), labels].astype(np.float64)
    return right.clip(min=np.finfo(np.float32).tiny)


@METRICS.register_module()
class VideoClassification(BaseMetric):
    """Accuracy and loss of videos, whatever the number of processes.

    Names as of mmaction2's ``AccMetric``: ``acc/top1``, ``acc/top5``, ``acc/mean1``; and
    ``acc/loss`` for schedules that wait for a plateau. Of a
    :class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer` also those of each stream:
    ``acc/rgb_top1``, ... Further ``acc/num_videos``, and the errors of what is no share of videos:
    ``acc/mean1_error``, ``acc/loss_error``; the log shows a table with all errors, see
    :func:`classification_errors`. A video that a sampler repeated to even out the processes counts
    once.

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
        metrics, rows = {}, {}
        for stream in sorted(entries[0]['scores']):
            scores = np.stack([entry['scores'][stream] for entry in entries])
            rows[ROW_NAMES.get(stream, stream) or 'all'] = (scores, labels)
            of_stream = classification_metrics(scores, labels, self.topk)
            errors = classification_errors(scores, labels, self.topk)
            of_stream.update({f'{name}_error': errors[name] for name in ('mean1', 'loss')})
            metrics.update({f'{stream}_{n}' if stream else n: v for n, v in of_stream.items()})
        table = classification_table(rows, self.topk)
        print_log(
            f'Accuracy in per cent, ± 95 %, {len(entries)} videos:\n{table}', logger='current'
        )
        return {**metrics, 'num_videos': float(len(entries))}
