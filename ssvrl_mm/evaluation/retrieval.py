"""Video nearest-neighbour retrieval, the parameter-free test of a video representation."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.evaluation.feature_metric import (
    FeatureMetric,
    search_device,
    stack_features,
    stack_labels,
)
from ssvrl_mm.evaluation.nearest_neighbours import (
    chance_recall,
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.registry import METRICS

#: How streams are called in tables.
ROW_NAMES = {'rgb': 'RGB', 'iframe': 'I-frame'}


#: Published protocols: whether clips are averaged, whether features are centred.
PRESETS = {
    'clean': {'average_clips': True, 'centre': False},
    'coclr': {'average_clips': True, 'centre': True},
    'vcop': {'average_clips': False, 'centre': False},
}


@METRICS.register_module()
class VideoRetrieval(FeatureMetric):
    """Recall at k of videos of the test split (queries) among those of the training split.

    A query counts as a hit if any of the k gallery videos of highest cosine similarity has its
    class. The dataset is an :class:`mmengine.dataset.ConcatDataset` of gallery and query, under
    mmengine's own ``ValLoop`` or ``TestLoop``; see :class:`FeatureMetric` for the data samples,
    and for what holds with several processes.

    The presets are the protocols of the literature, each reported under its own name:

    - 'clean': the clips of a video are averaged, cosine.
    - 'coclr': as the code of CoCLR (Han et al., NeurIPS 2020) does, the mean feature is
      subtracted from the queries and from the gallery, each its own, before the cosine.
    - 'vcop': every clip is a query or gallery entry of its own (Xu et al., CVPR 2019). The model
      has to keep the clips apart: ``model = dict(average_clips=False)``.

    Metrics, with the prefix ``retrieval/`` or ``retrieval/{preset}/``: ``{name}_R@{k}`` and
    ``chance_R@{k}`` (what a random ranking reaches) in [0, 1], ``num_query`` and ``num_gallery``.

    Args:
        topk: the values of k; one beyond the gallery's size ranks the whole gallery.
        streams: what to rank by, see :class:`FeatureMetric`.
        preset: 'clean', 'coclr' or 'vcop'. None: each row of a (V, D) feature is an entry of its
            own, and ``centre`` counts.
        centre: without preset: centre queries and gallery.
        fusion: how joined streams rank: 'cosines', by the sum of their cosines; 'features', by
            the cosine of the concatenated features, in which the longer one weighs more.
        block: rows of query and of gallery compared at a time, see :func:`nearest_neighbours`.
        device: where to search; by default a CUDA device if there is one.
        backend: 'torch' or 'faiss', see :func:`nearest_neighbours`.
        collect_device: 'cpu' (through files, in a folder shared by all processes) or 'gpu'.
        prefix: replaces the prefix.
        collect_dir: the shared folder; by default ``.dist_test`` in the working directory.

    Raises:
        ValueError: while samples come in, see :class:`FeatureMetric`, and if the preset is 'vcop'
            and every video of a batch has a single row. At the end, if there is no query or no
            gallery.

    Example:
        >>> val_evaluator = dict(type='VideoRetrieval', topk=(1, 5), streams=('rgb', 'both'))
        >>> test_evaluator = [dict(type='VideoRetrieval', preset=p) for p in ('clean', 'coclr')]
    """

    default_prefix = 'retrieval'

    def __init__(
        self,
        topk: Sequence[int] = (1, 5, 10, 20, 50),
        streams: Sequence[str] | None = None,
        preset: str | None = None,
        centre: bool = False,
        fusion: str = 'cosines',
        block: int = 2048,
        device: str | None = None,
        backend: str = 'torch',
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        if preset is not None and preset not in PRESETS:
            raise ValueError(f'preset must be one of {tuple(PRESETS)} or None, got {preset!r}')
        if preset is not None and centre:
            raise ValueError(f'the preset {preset!r} says itself whether to centre')
        if fusion not in ('cosines', 'features'):
            raise ValueError(f"fusion must be 'cosines' or 'features', got {fusion!r}")
        if preset is not None and prefix is None:
            prefix = f'{self.default_prefix}/{preset}'
        super().__init__(streams, collect_device, prefix, collect_dir)
        if not topk or min(topk) < 1:
            raise ValueError(f'topk must hold positive integers, got {topk}')
        settings = PRESETS[preset] if preset else {'average_clips': False, 'centre': centre}
        self.topk = tuple(topk)
        self.preset = preset
        self.average_clips = settings['average_clips']
        self.centre = settings['centre']
        self.fusion = fusion
        self.block = block
        self.device = device
        self.backend = backend

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keeps what :class:`FeatureMetric` does; says at once if the preset can't use it."""
        super().process(data_batch, data_samples)
        added = self.results[len(self.results) - len(data_samples) :]
        rows = (len(feature) for entry in added for feature in entry['features'].values())
        if self.preset == 'vcop' and max(rows, default=2) < 2:
            raise ValueError(
                "the preset 'vcop' searches clip by clip, but the model gave one row per video: "
                'set model.average_clips=False and num_clips of the pipeline above 1'
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Searches the gallery for each choice of streams; prints the table of recalls."""
        query, gallery = self.split(results)
        query_labels, gallery_labels = (
            stack_labels(e, self.average_clips) for e in (query, gallery)
        )
        topk = {k: min(k, len(gallery_labels)) for k in self.topk}
        if topk[max(topk)] < max(topk):
            print_log(
                f'The gallery has {len(gallery_labels)} entries only: R@k beyond it is R@'
                f'{len(gallery_labels)}.',
                logger='current',
                level=logging.WARNING,
            )
        metrics = {}
        for name, streams in self.compared(results).items():
            indices, _ = nearest_neighbours(
                self._features(query, streams),
                self._features(gallery, streams),
                k=max(topk.values()),
                block=self.block,
                device=search_device(self.device),
                backend=self.backend,
            )
            recall = recall_at_k(indices, query_labels, gallery_labels, tuple(topk.values()))
            metrics.update({f'{name}_R@{k}': recall[clipped] for k, clipped in topk.items()})
        chance = chance_recall(query_labels, gallery_labels, tuple(topk.values()))
        metrics.update({f'chance_R@{k}': chance[clipped] for k, clipped in topk.items()})

        sizes = f'{len(query_labels)} queries, {len(gallery_labels)} gallery entries'
        title = f'Retrieval ({self.preset})' if self.preset else 'Retrieval'
        print_log(f'{title}, {sizes}:\n{format_table(metrics)}', logger='current')
        # Floats: mmengine's logger writes integers of a test as null.
        counts = {'num_query': float(len(query_labels)), 'num_gallery': float(len(gallery_labels))}
        return {**metrics, **counts}

    def _features(self, entries: list[dict], streams: list[str]) -> Tensor:
        """The features of some streams, (rows, channels), centred if asked for."""
        features = []
        for stream in streams:
            rows = stack_features(entries, stream, self.average_clips)
            features.append(rows.sub_(rows.mean(dim=0)) if self.centre else rows)
        if len(features) == 1:
            return features[0]
        return join_features(features) if self.fusion == 'cosines' else torch.cat(features, dim=1)


def format_table(metrics: Mapping[str, float]) -> str:
    """The recalls as a table in per cent: a row per stream, a column per k.

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
        stream, separator, k = name.rpartition('/')[2].partition('_R@')
        if separator:
            cells.setdefault(ROW_NAMES.get(stream, stream), {})[int(k)] = value
    if not cells:
        raise ValueError(f'no recall among {sorted(metrics)}')
    topk = sorted({k for row in cells.values() for k in row})
    width = max(6, *map(len, cells))
    lines = [' ' * width + ''.join(f'{f"R@{k}":>8}' for k in topk)]
    for stream, row in cells.items():
        values = (f'{100 * row[k]:.1f}' if k in row else '-' for k in topk)
        lines.append(f'{stream:<{width}}' + ''.join(f'{value:>8}' for value in values))
    return '\n'.join(lines)
