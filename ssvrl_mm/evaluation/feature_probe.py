"""Probes of frozen features: nearest neighbours and logistic regression, seconds instead of hours.

Nothing is chosen by looking at the test videos: the regularisation of the logistic regression
comes from cross-validation on the training videos alone.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.logging import print_log

from ssvrl_mm.datasets.recordings import group_of
from ssvrl_mm.evaluation.confidence import per_cent
from ssvrl_mm.evaluation.knn import knn_predictions
from ssvrl_mm.evaluation.nearest_neighbours import (
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.evaluation.optional import require
from ssvrl_mm.evaluation.report import markdown_table
from ssvrl_mm.evaluation.retrieval import ROW_NAMES, collapse_mark
from ssvrl_mm.feature_spread import collapse_message, feature_spread

#: Inverse strengths of the regularisation that cross-validation chooses from.
C_GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_FOLDS = 3
# What is no accuracy.
_FACTS = ('C', 'videos', 'effective_rank', 'mean_cosine')

Streams = Mapping[str, np.ndarray]
Accuracies = dict[str, dict[str, float]]


class ProbeSplit(NamedTuple):
    """Row numbers of the training and of the test videos."""

    train: np.ndarray
    test: np.ndarray


class ProbeReport(NamedTuple):
    """What several probes found.

    Attributes:
        mean: ``{stream: {measure: mean}}``.
        deviation: The same with the standard deviation over the runs (n - 1); NaN for one run.
        runs: The single results.
    """

    mean: Accuracies
    deviation: Accuracies
    runs: list[Accuracies]


def probe_features(
    features: Streams,
    labels: np.ndarray,
    split: ProbeSplit,
    ks: Sequence[int] = (1, 5, 20),
    groups: np.ndarray | None = None,
    seed: int = 0,
    logistic: bool = True,
) -> Accuracies:
    """Probes the features of each stream and, where there are several, of all of them together.

    Together means: each stream L2-normalised, then concatenated.

    Args:
        features: Stream -> (N, D) float features.
        labels: Classes, non-negative integers, (N,).
        split: Which rows train and which test.
        ks: Numbers of neighbours; a k beyond the training videos asks all of them.
        groups: What the cross-validation must not tear apart (subjects, source videos), (N,).
        seed: Of the folds of the cross-validation.
        logistic: Whether to fit the logistic regression.

    Returns:
        ``{stream: {'knn1': ..., 'knn5': ..., 'recall5': ..., 'logistic': ..., 'C': ...}}`` with
        accuracies in [0, 1]. ``recall5`` is R@5 of retrieval; R@1 is ``knn1``. Further
        ``videos``, how many were tested, and of the features of all videos used
        ``effective_rank`` and ``mean_cosine``, see
        :func:`~ssvrl_mm.feature_spread.feature_spread`; a warning names those that collapsed.

    Raises:
        ValueError: labels that are missing, features that are not finite, an empty side.
        ImportError: scikit-learn is not installed.

    Example:
        >>> split = ProbeSplit(np.arange(80), np.arange(80, 100))
        >>> probe_features({'rgb': features}, labels, split)['rgb']['knn1']
    """
    if not len(split.train) or not len(split.test):
        raise ValueError(f'{len(split.train)} training and {len(split.test)} test videos')
    used = np.concatenate([split.train, split.test])
    if labels[used].min() < 0:
        raise ValueError(f'{int((labels[used] < 0).sum())} of the videos have no label')
    compared = {stream: np.asarray(rows, np.float32) for stream, rows in features.items()}
    for stream, rows in compared.items():
        if rows.ndim != 2 or not np.isfinite(rows[used]).all():
            raise ValueError(f'{stream}: features must be (N, D) and finite, got {rows.shape}')
    if len(compared) > 1:
        name = 'both' if set(compared) == {'rgb', 'motion'} else '+'.join(compared)
        joined = join_features([torch.from_numpy(rows) for rows in compared.values()])
        compared[name] = joined.numpy()
    results: Accuracies = {}
    for name, rows in compared.items():
        results[name] = _neighbour_measures(rows, labels, split, ks)
        spread = feature_spread(torch.from_numpy(rows[used]))
        if spread.collapsed:
            print_log(collapse_message(name, spread), logger='current', level=logging.WARNING)
        results[name].update(
            videos=float(len(split.test)),
            effective_rank=spread.effective_rank,
            mean_cosine=spread.mean_cosine,
        )
        if logistic:
            results[name].update(logistic_probe(rows, labels, split, groups, seed))
    return results


def logistic_probe(
    rows: np.ndarray,
    labels: np.ndarray,
    split: ProbeSplit,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Logistic regression on standardised features.

    The strength of its regularisation is the one with the best mean accuracy in a 3-fold
    stratified cross-validation of the training videos, the stronger one of equals. A fold is
    standardised by its own training part.

    Args:
        rows: Features, (N, D).
        labels: (N,).
        split: Which rows train and which test.
        groups: What folds must not tear apart, (N,).
        seed: Of the folds.

    Returns:
        ``{'logistic': accuracy on the test videos, 'C': what was chosen}``.
    """
    folds = _folds(labels[split.train], None if groups is None else groups[split.train], seed)
    scores = np.zeros(len(C_GRID))
    for fit, held_out in folds:
        path = _fits(rows[split.train[fit]], labels[split.train[fit]], C_GRID)
        for i, (scaler, model) in enumerate(path):
            held = split.train[held_out]
            scores[i] += model.score(scaler.transform(rows[held]), labels[held])
    # Without folds (a class of one video) nothing can be chosen: the middle of the grid.
    best = C_GRID[int(scores.argmax())] if folds else C_GRID[len(C_GRID) // 2]
    (scaler, model), *_ = _fits(rows[split.train], labels[split.train], [best])
    accuracy = model.score(scaler.transform(rows[split.test]), labels[split.test])
    return {'logistic': float(accuracy), 'C': best}


def group_splits(
    labels: np.ndarray, groups: np.ndarray | None, folds: int, seed: int
) -> list[ProbeSplit]:
    """Stratified k-fold splits that keep groups together.

    Args:
        labels: (N,).
        groups: (N,), or None: every video is a group of its own.
        folds: Number of folds.
        seed: Of their shuffling.

    Raises:
        ValueError: fewer groups than folds.
    """
    selection: Any = require('sklearn.model_selection', 'scikit-learn', 'a feature probe')
    count = len(labels if groups is None else np.unique(groups))
    if not 2 <= folds <= count:
        raise ValueError(f'{folds} folds of {count} groups')
    kind = selection.StratifiedKFold if groups is None else selection.StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='The least populated class')
        parts = list(splitter.split(np.zeros(len(labels)), labels, groups))
    return [ProbeSplit(train, test) for train, test in parts]


def probe_groups(paths: Sequence[str], pattern: str) -> np.ndarray:
    """What the pattern (its first group, if it has one) matches in each path.

    Raises:
        ValueError: it cannot be read, or matches nothing in a path.

    Example:
        >>> probe_groups(['a/v_Archery_g01_c02.avi'], r'_g(\\d+)_')
        array(['01'], dtype='<U2')
    """
    return np.array([group_of(path, pattern) for path in paths])


def summarise_probes(runs: Sequence[Accuracies]) -> ProbeReport:
    """Mean and standard deviation of several probes of the same streams."""
    mean: Accuracies = {}
    deviation: Accuracies = {}
    for stream, measures in runs[0].items():
        values = {name: np.array([run[stream][name] for run in runs]) for name in measures}
        mean[stream] = {name: float(v.mean()) for name, v in values.items()}
        deviation[stream] = {
            name: float(v.std(ddof=1)) if len(v) > 1 else float('nan') for name, v in values.items()
        }
    return ProbeReport(mean, deviation, list(runs))


def format_probe(report: ProbeReport) -> str:
    """The accuracies in per cent as Markdown.

    Several runs: mean and deviation; one: the 95 % error of
    :func:`~ssvrl_mm.evaluation.wilson_interval` over the test videos. Behind them stand what
    :func:`~ssvrl_mm.feature_spread.feature_spread` says of the features, the means of all runs.
    """
    first = next(iter(report.mean.values()))
    names = [name for name in first if name not in _FACTS]
    facts = [name for name in ('effective_rank', 'mean_cosine') if name in first]
    rows = []
    for stream, measures in report.mean.items():
        count = measures.get('videos') if len(report.runs) == 1 else None
        cells = [per_cent(measures[name], count) for name in names]
        if len(report.runs) > 1:
            spread = (f'{100 * report.deviation[stream][name]:.1f}' for name in names)
            cells = [f'{cell} ± {error}' for cell, error in zip(cells, spread, strict=True)]
        mark = collapse_mark({f'{stream}_{fact}': measures[fact] for fact in facts}, stream)
        cells += [f'{measures[fact]:.3f}' for fact in facts]
        rows.append([ROW_NAMES.get(stream, stream) + mark, *cells])
    titles = [
        f'{name[3:]}-NN' if name.startswith('knn') else name.replace('recall', 'R@')
        for name in names
    ]
    titles += [fact.replace('_', ' ') for fact in facts]
    return markdown_table(['stream', *titles], rows)


def _neighbour_measures(
    rows: np.ndarray, labels: np.ndarray, split: ProbeSplit, ks: Sequence[int]
) -> dict[str, float]:
    size = len(split.train)
    query, gallery = (torch.from_numpy(rows[side]) for side in (split.test, split.train))
    query_labels, gallery_labels = (torch.from_numpy(labels[s]) for s in (split.test, split.train))
    indices, similarities = nearest_neighbours(query, gallery, min(max(*ks, 5), size))
    clipped = {k: min(k, size) for k in ks}
    classes = knn_predictions(similarities, gallery_labels[indices], tuple(clipped.values()))
    measures = {
        f'knn{k}': (classes[c] == query_labels).double().mean().item() for k, c in clipped.items()
    }
    recall = recall_at_k(indices, query_labels, gallery_labels, [min(5, size)])
    return {**measures, 'recall5': recall[min(5, size)]}


def _folds(
    labels: np.ndarray, groups: np.ndarray | None, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds in which every training part knows at least two classes; none if there are none."""
    smallest = int(np.unique(labels, return_counts=True)[1].min())
    count = smallest if groups is None else min(smallest, len(np.unique(groups)))
    if count < 2:
        return []
    splits = group_splits(labels, groups, min(_FOLDS, count), seed)
    return [(s.train, s.test) for s in splits if len(np.unique(labels[s.train])) > 1]


def _fits(rows: np.ndarray, labels: np.ndarray, grid: Sequence[float]) -> Iterator[tuple[Any, Any]]:
    """The standardisation and the regression for each C, each fit starting from the one before."""
    linear_model: Any = require('sklearn.linear_model', 'scikit-learn', 'a feature probe')
    preprocessing: Any = require('sklearn.preprocessing', 'scikit-learn', 'a feature probe')
    exceptions: Any = require('sklearn.exceptions', 'scikit-learn', 'a feature probe')
    scaler = preprocessing.StandardScaler().fit(rows.astype(np.float64))
    scaled = scaler.transform(rows)
    model = linear_model.LogisticRegression(max_iter=1000, warm_start=True)
    for strength in grid:
        with warnings.catch_warnings():
            # Separable videos and weak regularisation: what matters is settled long before.
            warnings.simplefilter('ignore', exceptions.ConvergenceWarning)
            yield scaler, model.set_params(C=strength).fit(scaled, labels)
