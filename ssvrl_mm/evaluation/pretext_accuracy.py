"""How well a network does its pretext tasks on videos that it was not trained with."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ssvrl_mm.evaluation.confidence import wilson_error
from ssvrl_mm.registry import METRICS

# As ssvrl_mm.models.recognizers.pretext_answers names the fields.
ANSWER, TRUTH, CHOICES = 'answer_', 'truth_', 'choices_'


@METRICS.register_module()
class PretextAccuracy(BaseMetric):
    """Accuracy in the pretext tasks, beside that of who always gives the most frequent answer.

    The data samples of queries hold ``answer_<task>`` and ``truth_<task>``, (K,) int each, as a
    :class:`~ssvrl_mm.models.recognizers.JointPretextRecognizer` for instance, or an
    :class:`~ssvrl_mm.models.recognizers.MSCLRecognizer`, with ``answers_pretext`` writes them;
    those of the gallery, the training videos, the truths alone, if there are any. Truths below 0
    do not count. Where there is ``choices_<task>``, (1,) int, answers are one of so many
    candidates.

    Metrics, with the prefix ``pretext``, in [0, 1]: of every task ``<task>``, the share of right
    answers, and ``<task>_most_frequent``, that of the answer which is right most often of the
    gallery (of the queries, where the gallery has no truths). Of a task in ``classes`` also
    ``<task>_<class>``, the share of right answers where this class is right, and their mean
    ``<task>_balanced``; of one with candidates ``<task>_chance``, 1 / their number. Of videos of
    each of the ``groups`` ``<task>_of_<group>``. Further ``num_videos`` and
    ``num_videos_of_<group>``.

    Args:
        classes: Task -> names of its classes, in order.
        groups: Name -> the dataset's classes (``gt_label``) that the group is made of, by their
            names or numbers; a class may be in several groups.
        collect_device: 'cpu' or 'gpu'.
        prefix: Instead of 'pretext'.

    Raises:
        ValueError: At the end: no query, none with answers, classes of an unknown task. At once: a
            group of classes that the dataset does not have, and samples without ``video_id`` and
            ``filename``.

    Example:
        >>> types = ('aligned', 'random', 'shuffle', 'shift')
        >>> test_evaluator = dict(type='PretextAccuracy', classes=dict(ctp=types))
        >>> turning = dict(turning=('circle', 'oscillate_upright', 'oscillate_sideways'))
        >>> test_evaluator = dict(type='PretextAccuracy', groups=turning)
    """

    default_prefix = 'pretext'

    def __init__(
        self,
        classes: Mapping[str, Sequence[str]] | None = None,
        groups: Mapping[str, Sequence[str | int]] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.classes = {task: tuple(names) for task, names in (classes or {}).items()}
        self.groups = {name: tuple(members) for name, members in (groups or {}).items()}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keeps answers and truths of each video."""
        self._labels()  # a name that is wrong is told before all videos have passed
        for sample in data_samples:
            found = {
                kind: {
                    name.removeprefix(kind): value.cpu().numpy().ravel()
                    for name, value in sample.items()
                    if name.startswith(kind)
                }
                for kind in (ANSWER, TRUTH, CHOICES)
            }
            label = int(torch.as_tensor(sample.get('gt_label', -1)).flatten()[0])
            self.results.append(dict(key=video_key(sample), label=label, **found))

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
                'test pipeline pack what the heads need (extra_keys of PackSSLInputs, '
                "algorithm_keys of mmaction2's PackActionInputs, where the model is mmaction2's "
                'and has no answers_pretext)'
            )
        metrics: dict[str, float] = {}
        for task in tasks:
            asked = [video for video in queries if task in video[ANSWER]]
            answers, truths = (np.concatenate([v[k][task] for v in asked]) for k in (ANSWER, TRUTH))
            known = [video[TRUTH][task] for video in gallery if task in video[TRUTH]]
            metrics.update(self._of_task(task, answers, truths, known))
            metrics.update(self._of_groups(task, asked))
        metrics['num_videos'] = float(len(queries))
        for name, labels in self._labels().items():
            counted = [video for video in queries if video['label'] in labels]
            metrics[f'num_videos_of_{name}'] = float(len(counted))
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

    def _of_groups(self, task: str, asked: Sequence[dict]) -> dict[str, float]:
        """Of the videos of each group, and what chance gives."""
        metrics = {}
        choices = [video[CHOICES][task] for video in asked if task in video[CHOICES]]
        if choices:
            metrics[f'{task}_chance'] = float((1 / np.concatenate(choices)).mean())
        for name, labels in self._labels().items():
            members = [video for video in asked if video['label'] in labels]
            shares = [v[ANSWER][task] == v[TRUTH][task] for v in members]
            counts = [v[TRUTH][task] >= 0 for v in members]
            right = np.concatenate(shares)[np.concatenate(counts)] if members else np.array([])
            metrics[f'{task}_of_{name}'] = _share(right)
        return metrics

    def _labels(self) -> dict[str, set[int]]:
        """Group -> numbers of its classes."""
        known = [str(name) for name in (self.dataset_meta or {}).get('classes', ())]
        unknown = {
            str(member)
            for members in self.groups.values()
            for member in members
            if isinstance(member, str) and member not in known
        }
        if unknown:
            raise ValueError(
                f'groups name classes that the dataset does not have: {sorted(unknown)}; it has '
                f'{known}'
            )
        return {
            name: {known.index(m) if isinstance(m, str) else int(m) for m in members}
            for name, members in self.groups.items()
        }


def format_pretext(metrics: Mapping[str, float]) -> str:
    """A table in per cent, a row per task and class; errors at 95 % are those of so many videos.

    Args:
        metrics: Of :class:`PretextAccuracy`, with or without the prefix.
    """
    plain = {name.rpartition('/')[2]: value for name, value in metrics.items()}
    videos = int(plain['num_videos'])
    aside = ('_most_frequent', '_chance')
    shown = {n: x for n, x in plain.items() if not n.endswith(aside) and 'num_videos' not in n}
    width = max(18, *(len(name) + 1 for name in shown))
    titles = f'{"":<{width}}{"right answers":>15}{"most frequent answer":>22}'
    lines = [titles + f'{"chance":>8}' * any(name.endswith('_chance') for name in plain)]
    for name, share in shown.items():
        count = int(plain.get(f'num_videos_of_{name.partition("_of_")[2]}', videos))
        cell = 'nan'
        if not math.isnan(share):
            cell = f'{100 * share:.1f} ± {100 * wilson_error(share, count):.1f}'
        others = [plain.get(name + what) for what in aside]
        constant, chance = ('' if x is None else f'{100 * x:.1f}' for x in others)
        lines.append(f'{name:<{width}}{cell:>15}{constant:>22}{chance:>8}'.rstrip())
    return '\n'.join(lines)


def video_key(sample: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells the videos of an evaluation apart: role, id and file of a data sample.

    Raises:
        ValueError: for a sample with neither id nor file, as all would be taken for one video.
    """
    if sample.get('video_id') is None and sample.get('filename') is None:
        raise ValueError(
            'samples have neither video_id nor filename, which tell videos apart: give the '
            "PackActionInputs of the test pipeline meta_keys=('filename',)"
        )
    role, video_id, filename = (str(sample.get(n)) for n in ('role', 'video_id', 'filename'))
    return role, video_id, filename


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float('nan')
