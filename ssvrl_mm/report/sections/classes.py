"""Classification of the test videos: accuracies with errors, and which classes are confused."""

from collections.abc import Mapping

import numpy as np

from ssvrl_mm.evaluation.classification import classification_errors, classification_metrics
from ssvrl_mm.evaluation.confidence import per_cent, wilson_interval
from ssvrl_mm.report.blocks import Block, Cell, Section, Table, Text, missing
from ssvrl_mm.report.charts import confusion_chart
from ssvrl_mm.report.network import SCORE, NetworkFindings

_CONFUSED = 20


def classes_section(found: NetworkFindings, names: Mapping[int, str]) -> Section:
    """The section."""
    table = found.trained['test']
    known = table.labels >= 0
    if not known.any():
        return Section(
            'classes', 'Classes', [missing('The classes of the test videos are not known.')]
        )
    scores, labels = table.features[SCORE][known], table.labels[known]
    count = scores.shape[1]
    called = [names.get(label, f'class {label}') for label in range(count)]
    matrix = confusion(scores.argmax(axis=1), labels, count)
    topk = tuple(k for k in (1, 5) if k < count)
    metrics = classification_metrics(scores, labels, topk)
    errors = classification_errors(scores, labels, topk)
    most = int(np.bincount(labels).max())
    rows = [
        [_TITLES.get(name, name), f'{100 * metrics[name]:.1f} ± {100 * errors[name]:.1f}']
        for name in [*(f'top{k}' for k in topk), 'mean1']
    ]
    rows += [
        ['chance', f'{100 / count:.1f}'],
        ['the most frequent class, always', f'{100 * most / len(labels):.1f}'],
    ]
    blocks: list[Block] = [
        Table(f'Accuracy in per cent, ± at 95 %; {len(labels)} videos', ['figure', 'value'], rows)
    ]
    chart = confusion_chart(matrix, called)
    if chart is not None:
        blocks.append(chart)
    blocks += [_confused(matrix, called), _of_classes(matrix, called)]
    return Section('classes', 'Classes', blocks)


_TITLES = {'top1': 'top 1', 'top5': 'top 5', 'mean1': 'top 1, mean over classes'}


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How many videos of each class (row) were taken for which (column): int (C, C)."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def _confused(matrix: np.ndarray, names: list[str]) -> Block:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind='stable')[:_CONFUSED]
    pairs = [divmod(int(place), len(names)) for place in order]
    rows = [
        [names[a], names[b], str(wrong[a, b]), f'{100 * wrong[a, b] / matrix[a].sum():.0f} %']
        for a, b in pairs
        if wrong[a, b]
    ]
    if not rows:
        return Text('No video was taken for one of another class.')
    return Table('What is confused most', ['class', 'taken for', 'videos', 'share'], rows)


def _of_classes(matrix: np.ndarray, names: list[str]) -> Table:
    rows: list[list[Cell | str]] = []
    for label, name in enumerate(names):
        total = int(matrix[label].sum())
        if total:
            right = int(matrix[label, label])
            low, high = wilson_interval(right / total, total)
            shown = Cell(per_cent(right / total), right / total)
            between = f'{100 * low:.0f} - {100 * high:.0f}'
            rows.append([name, str(total), shown, between])
    return Table('Accuracy by class', ['class', 'videos', 'per cent', 'at 95 %'], rows, folded=True)
