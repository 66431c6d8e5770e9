"""How well a network does its pretext tasks on videos that it was not trained with."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ssvrl_mm.evaluation.confidence import wilson_error
from ssvrl_mm.registry import METRICS

# As ssvrl_mm.models.recognizers.pretext_answers names the fields.
ANSWER, TRUTH = 'answer_', 'truth_'


@METRICS.register_module()
class PretextAccuracy(BaseMetric):
    """Accuracy in the pretext tasks, beside that of who always gives the most frequent answer.

    The data samples of queries hold ``answer_<task>`` and ``truth_<task>``, (K,) int each, as a
    :class:`~ssvrl_mm.models.recognizers.JointPretextRecognizer` with ``answers_pretext`` writes
    them; those of the gallery, the training videos, the truths alone, if there are any. Truths
    below 0 do not count.

    Metrics, with the prefix ``pretext``, in [0, 1]: of every task ``<task>``, the share of right
    answers, and ``<task>_most_frequent``, that of the answer which is right most often of the
    gallery (of the queries, where the gallery has no truths). Of a task in ``classes`` also
    ``<task>_<class>``, the share of right answers where this class is right, and their mean
    ``<task>_balanced``. Further ``num_videos``.

    Args:
        classes: Task -> names of its classes, in order.
        collect_device: 'cpu' or 'gpu'.
        prefix: Instead of 'pretext'.

    Raises:
        ValueError: At the end: no query, none with answers, or classes of an unknown task.

    Example:
        >>> types = ('aligned', 'random', 'shuffle', 'shift')
        >>> test_evaluator = dict(type='PretextAccuracy', classes=dict(ctp=types))
    """

    default_prefix = 'pretext'

    def __init__(
        self,
        classes: Mapping[str, Sequence[str]] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.classes = {task: tuple(names) for task, names in (classes or {}).items()}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keeps answers and truths of each video."""
        for sample in data_samples:
            key = tuple(str(sample.get(name)) for name in ('role', 'video_id', 'filename'))
            found = {
                kind: {
                    name.removeprefix(kind): value.cpu().numpy().ravel()
                    for name, value in sample.items()
                    if name.startswith(kind)
                }
                for kind in (ANSWER, TRUTH)
            }
            self.results.append(dict(key=key, **found))

    def evaluate(self, size: int) -> dict:
        """Collects the results of all processes, repeated videos and all, and computes."""
        # Cutting to `size`, mmengine would rely on the order in which samplers repeat videos.
        return super().evaluate(size=sys.maxsize)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The metrics of each task."""
        videos = list({result['key']: result for result in results}.values())
        queries = [video for video in videos if video['key'][0] != 'gallery']
        gallery = [video for video in videos if video['key'][0] == 'gallery']
        tasks = sorted({task for video in queries for task in video[ANSWER]})
        if not tasks or not {*self.classes} <= {*tasks}:
            wanted = f' and answers to {", ".join(self.classes)}' if self.classes else ''
            raise ValueError(
                f'{len(queries)} held-out videos with answers to {", ".join(tasks) or "no task"}: '
                f'PretextAccuracy needs some{wanted}; set model.answers_pretext=True, and let the '
                'test pipeline pack what the heads need'
            )
        metrics: dict[str, float] = {}
        for task in tasks:
            asked = [video for video in queries if task in video[ANSWER]]
            answers, truths = (np.concatenate([v[k][task] for v in asked]) for k in (ANSWER, TRUTH))
            known = [video[TRUTH][task] for video in gallery if task in video[TRUTH]]
            metrics.update(self._of_task(task, answers, truths, known))
        metrics['num_videos'] = float(len(queries))
        print_log(f'Pretext tasks:\n{format_pretext(metrics)}', logger='current')
        return metrics

    def _of_task(
        self, task: str, answers: np.ndarray, truths: np.ndarray, known: Sequence[np.ndarray]
    ) -> dict[str, float]:
        right, counts = answers == truths, truths >= 0
        given = np.concatenate(known) if known else truths
        given = given[given >= 0]
        constant = np.bincount(given).argmax() if len(given) else 0
        metrics = {
            task: _share(right[counts]),
            f'{task}_most_frequent': _share(truths[counts] == constant),
        }
        if task in self.classes:
            shares = [_share(right[truths == i]) for i in range(len(self.classes[task]))]
            names = self.classes[task]
            metrics.update({f'{task}_{n}': x for n, x in zip(names, shares, strict=True)})
            metrics[f'{task}_balanced'] = float(np.mean(shares))
        return metrics


def format_pretext(metrics: Mapping[str, float]) -> str:
    """A table in per cent, a row per task and class; errors at 95 % are those of so many videos.

    Args:
        metrics: Of :class:`PretextAccuracy`, with or without the prefix.
    """
    plain = {name.rpartition('/')[2]: value for name, value in metrics.items()}
    videos = int(plain.pop('num_videos'))
    lines = [f'{"":<18}{"right answers":>15}{"most frequent answer":>22}']
    for name, share in plain.items():
        if name.endswith('_most_frequent'):
            continue
        constant = plain.get(f'{name}_most_frequent')
        beside = '' if constant is None else f'{100 * constant:.1f}'
        cell = 'nan'
        if not math.isnan(share):
            cell = f'{100 * share:.1f} ± {100 * wilson_error(share, videos):.1f}'
        lines.append(f'{name:<18}{cell:>15}{beside:>22}'.rstrip())
    return '\n'.join(lines)


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float('nan')
