"""Video nearest-neighbour retrieval, the parameter-free test of a video representation."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.evaluation.nearest_neighbours import (
    chance_recall,
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.registry import METRICS

_ROLES = ('query', 'gallery')
_ROW_NAMES = {'rgb': 'RGB', 'mv': 'motion'}


@METRICS.register_module()
class VideoRetrieval(BaseMetric):
    """Recall at k of videos of the test split (queries) among those of the training split.

    A query counts as a hit if any of the k gallery videos of highest cosine similarity has its
    class. The dataset is an :class:`mmengine.dataset.ConcatDataset` of gallery and query, under
    mmengine's own ``ValLoop`` or ``TestLoop``.

    Each data sample carries ``gt_label``, the metainfo ``role`` ('query' or 'gallery'),
    ``video_id`` and ``filename``, and ``features``: a mapping from the name of a stream ('rgb',
    'mv') to a feature of shape (D,), or (V, D) with one row per clip. Each row of a (V, D) feature
    is a query or gallery entry of its own, the per-clip search of VCOP (Xu et al., CVPR 2019);
    one row is the same as (D,). mmaction2's data sample takes an
    ``InstanceData(rgb=feature[None], mv=feature[None])`` for ``features``.

    Metrics, with the prefix ``retrieval/``: ``{view}_R@{k}`` and ``chance_R@{k}`` (what a random
    ranking reaches) in [0, 1], ``num_query`` and ``num_gallery``.

    What is relied on with several processes (mmengine 0.10.7): every process holds the results of
    its own share, and ``collect_results`` interleaves the shares. ``DefaultSampler`` repeats the
    first videos so that shares are equally long (``round_up=True``), or lets them be ragged
    (``round_up=False``). The loop asks ``collect_results`` to cut the list to the dataset's
    length, which drops the right entries for interleaved shares only; this metric asks it to cut
    nothing, and drops every repeated (role, video id, file) itself. The entries are then sorted by
    video id, so that neither the number of processes nor the sampler changes the result.

    Args:
        topk: the values of k; one beyond the gallery's size ranks the whole gallery.
        views: what to rank by: the name of a stream, several joined by '+', or 'both' for
            'rgb+mv'. Joined streams rank by the sum of their cosines.
        centre: subtract the mean feature from the queries and from the gallery, each its own,
            before the cosine, as the code of CoCLR (Han et al., NeurIPS 2020) does.
        block: rows of query and of gallery compared at a time, see :func:`nearest_neighbours`.
        device: where to search; by default a CUDA device if there is one.
        collect_device: 'cpu' (through files, in a folder shared by all processes) or 'gpu'.
        prefix: replaces the prefix ``retrieval``.
        collect_dir: the shared folder; by default ``.dist_test`` in the working directory.

    Raises:
        ValueError: while samples come in, for one without role, video id, label, or a stream that
            a view needs, or with a feature that is not finite; the file is named. At the end, if
            there is no query or no gallery.

    Example:
        >>> val_evaluator = dict(type='VideoRetrieval', topk=(1, 5), views=('rgb', 'mv', 'both'))
    """

    default_prefix = 'retrieval'

    def __init__(
        self,
        topk: Sequence[int] = (1, 5, 10, 20, 50),
        views: Sequence[str] = ('rgb', 'mv', 'both'),
        centre: bool = False,
        block: int = 2048,
        device: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if not topk or min(topk) < 1:
            raise ValueError(f'topk must hold positive integers, got {topk}')
        if isinstance(views, str) or not views:
            raise ValueError(f"views must be a sequence such as ('rgb', 'both'), got {views!r}")
        self.topk = tuple(topk)
        self.views = {view: ('rgb+mv' if view == 'both' else view).split('+') for view in views}
        self.centre = centre
        self.block = block
        self.device = device

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keeps role, id, label and features of each sample, on the CPU."""
        self.results.extend(self._entry(sample) for sample in data_samples)

    def evaluate(self, size: int) -> dict:
        """Collects the results of all processes, repeated videos and all, and computes."""
        return super().evaluate(size=sys.maxsize)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Searches the gallery for each view; prints the table of recalls."""
        unique = {entry['key']: entry for entry in results}
        query, gallery = ([unique[key] for key in sorted(unique) if key[0] == r] for r in _ROLES)
        for role, entries in zip(_ROLES, (query, gallery), strict=True):
            if not entries:
                raise ValueError(
                    f'no {role} among {len(unique)} videos; retrieval needs a ConcatDataset of a '
                    "dataset with role='gallery' and one with role='query'"
                )

        query_labels, gallery_labels = _labels(query), _labels(gallery)
        topk = {k: min(k, len(gallery_labels)) for k in self.topk}
        if topk[max(topk)] < max(topk):
            print_log(
                f'The gallery has {len(gallery_labels)} entries only: R@k beyond it is R@'
                f'{len(gallery_labels)}.',
                logger='current',
                level=logging.WARNING,
            )
        metrics = {}
        for view, streams in self.views.items():
            indices, _ = nearest_neighbours(
                self._features(query, streams),
                self._features(gallery, streams),
                k=max(topk.values()),
                block=self.block,
                device=self.device or ('cuda' if torch.cuda.is_available() else 'cpu'),
            )
            recall = recall_at_k(indices, query_labels, gallery_labels, tuple(topk.values()))
            metrics.update({f'{view}_R@{k}': recall[clipped] for k, clipped in topk.items()})
        chance = chance_recall(query_labels, gallery_labels, tuple(topk.values()))
        metrics.update({f'chance_R@{k}': chance[clipped] for k, clipped in topk.items()})

        sizes = f'{len(query_labels)} queries, {len(gallery_labels)} gallery entries'
        print_log(f'Retrieval, {sizes}:\n{format_table(metrics)}', logger='current')
        # Floats: mmengine's logger writes integers of a test as null.
        counts = {'num_query': float(len(query_labels)), 'num_gallery': float(len(gallery_labels))}
        return {**metrics, **counts}

    def _entry(self, sample: Mapping) -> dict:
        """What is kept of a data sample: the key that tells videos apart, label, features."""
        file = sample.get('filename', '(no filename)')
        role, video_id = sample.get('role'), sample.get('video_id')
        if role not in _ROLES:
            raise ValueError(f'{file}: role must be one of {_ROLES}, got {role!r}')
        if video_id is None:
            raise ValueError(f'{file}: the data sample has no video_id')
        label = torch.as_tensor(sample.get('gt_label', -1)).flatten()
        if len(label) != 1 or label.item() < 0:
            raise ValueError(f'{file}: retrieval needs one class per video, got {label.tolist()}')

        # ActionDataSample keeps what is no InstanceData under '_features'.
        given = sample.get('features', sample.get('_features')) or {}
        features = {}
        for stream in dict.fromkeys(s for streams in self.views.values() for s in streams):
            if stream not in given:
                raise ValueError(
                    f'{file}: views {list(self.views)} need the feature of {stream!r}, the model '
                    f'gave {sorted(given)}'
                )
            # A copy: a row of a batch would otherwise keep, and send, the whole batch.
            feature = np.array(given[stream].detach().float().cpu())
            if feature.ndim not in (1, 2):
                raise ValueError(f'{file}: {stream} feature has shape {feature.shape}, not (V, D)')
            if not np.isfinite(feature).all():
                raise ValueError(f'{file}: the {stream} feature is not finite')
            features[stream] = np.atleast_2d(feature)
        if len({len(feature) for feature in features.values()}) > 1:
            shapes = {stream: feature.shape for stream, feature in features.items()}
            raise ValueError(f'{file}: the streams differ in their number of clips, {shapes}')
        key = (role, int(video_id), str(file))
        return dict(key=key, label=int(label.item()), features=features)

    def _features(self, entries: list[dict], streams: list[str]) -> Tensor:
        """The features of some streams, (rows, channels), centred if asked for."""
        views = []
        for stream in streams:
            view = torch.from_numpy(np.concatenate([e['features'][stream] for e in entries]))
            views.append(view - view.mean(dim=0) if self.centre else view)
        return views[0] if len(views) == 1 else join_features(views)


def format_table(metrics: Mapping[str, float]) -> str:
    """The recalls as a table in per cent: a row per view, a column per k.

    Args:
        metrics: ``{'rgb_R@1': .5, ...}``, with or without a prefix such as ``retrieval/``; other
            keys are ignored.

    Returns:
        Lines of equal width.

    Example:
        >>> print(format_table({'retrieval/rgb_R@1': 0.608, 'retrieval/both_R@1': 0.661}))
                   R@1
        RGB       60.8
        both      66.1
    """
    cells: dict[str, dict[int, float]] = {}
    for name, value in metrics.items():
        view, separator, k = name.rpartition('/')[2].partition('_R@')
        if separator:
            cells.setdefault(_ROW_NAMES.get(view, view), {})[int(k)] = value
    if not cells:
        raise ValueError(f'no recall among {sorted(metrics)}')
    topk = sorted({k for row in cells.values() for k in row})
    width = max(6, *map(len, cells))
    lines = [' ' * width + ''.join(f'{f"R@{k}":>8}' for k in topk)]
    for view, row in cells.items():
        values = (f'{100 * row[k]:.1f}' if k in row else '-' for k in topk)
        lines.append(f'{view:<{width}}' + ''.join(f'{value:>8}' for value in values))
    return '\n'.join(lines)


def _labels(entries: list[dict]) -> Tensor:
    """One label per row of the entries' features."""
    rows = [len(next(iter(entry['features'].values()))) for entry in entries]
    return torch.tensor([e['label'] for e in entries]).repeat_interleave(torch.tensor(rows))
