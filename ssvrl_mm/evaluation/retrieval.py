"""Video nearest-neighbour retrieval, the parameter-free test of a video representation."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
from ssvrl_mm.evaluation.nearest_neighbours import (
    chance_recall,
    join_features,
    nearest_neighbours,
    recall_at_k,
)
from ssvrl_mm.feature_spread import FeatureSpread
from ssvrl_mm.registry import METRICS

#: How streams are called in tables.
ROW_NAMES = {'rgb': 'RGB', 'iframe': 'I-frame', 'fused': 'all streams'}


class Protocol(NamedTuple):
    """What a published protocol does with features.

    Attributes:
        average_clips: Whether the clips of a video are averaged.
        centre: Whether queries and gallery are centred, each by their own mean.
        unit_clips: Whether clips are scaled to length one before they are averaged.
    """

    average_clips: bool = False
    centre: bool = False
    unit_clips: bool = False


#: The published protocols by name.
PRESETS = {
    'clean': Protocol(average_clips=True),
    'coclr': Protocol(average_clips=True, centre=True, unit_clips=True),
    'vcop': Protocol(),
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
    - 'coclr': as the code of CoCLR (Han et al., NeurIPS 2020) does. The queries are the clips of
      a moving window, scaled to length one and averaged; a gallery video is one clip, at a random
      place; the mean feature is subtracted from the queries and from the gallery, each its own,
      before the cosine. ``configs/_base_/datasets/ucf101_coclr_retrieval.py`` takes these clips,
      and the model has to keep them apart: ``model = dict(average_clips=False)``.
    - 'vcop': every clip is a query or gallery entry of its own (Xu et al., CVPR 2019). The model
      has to keep the clips apart: ``model = dict(average_clips=False)``.

    Metrics, with the prefix ``retrieval/`` or ``retrieval/{preset}/``: ``{name}_R@{k}`` and
    ``chance_R@{k}`` (what a random ranking reaches) in [0, 1], ``num_query`` and ``num_gallery``;
    ``{name}_effective_rank`` and ``{name}_mean_cosine`` of the features before any centring, see
    :func:`~ssvrl_mm.feature_spread.feature_spread`. A warning, and the table, name the features
    that have collapsed: rounding ranks them, so that even the number of processes, which decides
    what stands together in a batch, may change their recall.

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
            and every video of a batch has a single row, or 'coclr' and a gallery video has more
            than one. At the end, if there is no query or no gallery.

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
        self.topk = tuple(topk)
        self.preset = preset
        self.protocol = PRESETS[preset] if preset else Protocol(centre=centre)
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
        for entry in added if self.preset == 'coclr' else ():
            role, _, file = entry['key']
            clips = len(next(iter(entry['features'].values())))
            if role == 'gallery' and clips > 1:
                raise ValueError(
                    f"{file}: the preset 'coclr' has one clip of a gallery video, not {clips}: "
                    'take the clips of configs/_base_/datasets/ucf101_coclr_retrieval.py'
                )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Searches the gallery for each choice of streams; prints the table of recalls."""
        query, gallery = self.split(results)
        query_labels, gallery_labels = (
            stack_labels(e, self.protocol.average_clips) for e in (query, gallery)
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
        device = search_device(self.device)
        for name, streams in self.compared(results).items():
            rows, memory = (self._features(entries, streams) for entries in (query, gallery))
            spread = self.spread(name, rows, memory, device)
            if self.protocol.centre:
                rows, memory = (self._features(e, streams, True) for e in (query, gallery))
            indices, _ = nearest_neighbours(
                rows,
                memory,
                k=max(topk.values()),
                block=self.block,
                device=device,
                backend=self.backend,
            )
            recall = recall_at_k(indices, query_labels, gallery_labels, tuple(topk.values()))
            # First: mmengine's `save_best='auto'` goes by the first metric.
            metrics.update({f'{name}_R@{k}': recall[clipped] for k, clipped in topk.items()})
            metrics.update(spread_metrics(name, spread))
        chance = chance_recall(query_labels, gallery_labels, tuple(topk.values()))
        metrics.update({f'chance_R@{k}': chance[clipped] for k, clipped in topk.items()})

        sizes = f'{len(query_labels)} queries, {len(gallery_labels)} gallery entries'
        title = f'Retrieval ({self.preset})' if self.preset else 'Retrieval'
        # Floats: mmengine's logger writes integers of a test as null.
        metrics['num_query'] = float(len(query_labels))
        metrics['num_gallery'] = float(len(gallery_labels))
        if len(query_labels) != len(query):
            metrics['num_query_videos'] = float(len(query))
        print_log(
            f'{title} in per cent, ± 95 %, {sizes}:\n{format_table(metrics)}', logger='current'
        )
        return metrics

    def _features(self, entries: list[dict], streams: list[str], centre: bool = False) -> Tensor:
        """The features of some streams, (rows, channels), centred if asked for."""
        features = []
        for stream in streams:
            average, unit = self.protocol.average_clips, self.protocol.unit_clips
            rows = stack_features(entries, stream, average, unit)
            features.append(rows.sub_(rows.mean(dim=0)) if centre else rows)
        if len(features) == 1:
            return features[0]
        return join_features(features) if self.fusion == 'cosines' else torch.cat(features, dim=1)


def format_table(metrics: Mapping[str, float]) -> str:
    """The recalls as a table in per cent: a row per stream, a column per k.

    Behind a recall stands its error, the further bound of the 95 % interval of
    :func:`~ssvrl_mm.evaluation.wilson_interval` over the queries, where ``num_query`` is given.
    Clips of a video are no independent queries: the error is that of as many as there are videos.
    Chance follows from the labels and has none. Rows of collapsed features say so.

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
    rows = recall_rows(metrics)
    topk = sorted({k for row in rows for k in row.cells})
    lines = [['', *(f'R@{k}' for k in topk)]]
    lines += [[row.title, *(row.cells.get(k, '-') for k in topk)] for row in rows]
    first, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    width = max(8, max(widths) + 2)
    shown = [
        f'{title:<{max(6, first)}}' + ''.join(f'{cell:>{width}}' for cell in cells)
        for title, *cells in lines
    ]
    return '\n'.join(shown)


class RecallRow(NamedTuple):
    """A row of a table of recalls.

    Attributes:
        title: What was compared, and whether its features have collapsed.
        cells: k -> recall in per cent, with its error if that is known.
    """

    title: str
    cells: dict[int, str]


def recall_rows(metrics: Mapping[str, float]) -> list[RecallRow]:
    """The rows of the table of one protocol, in the order of the metrics.

    Args:
        metrics: See :func:`format_table`.

    Raises:
        ValueError: there is no recall among them.
    """
    plain = {name.rpartition('/')[2]: value for name, value in metrics.items()}
    count = plain.get('num_query_videos', plain.get('num_query'))
    rows: dict[str, RecallRow] = {}
    for name, value in plain.items():
        stream, separator, k = name.partition('_R@')
        if not separator or not k.isdigit():
            continue
        if stream not in rows:
            title = ROW_NAMES.get(stream, stream)
            rows[stream] = RecallRow(title + collapse_mark(plain, stream), {})
        rows[stream].cells[int(k)] = per_cent(value, None if stream == 'chance' else count)
    if not rows:
        raise ValueError(f'no recall among {sorted(metrics)}')
    return list(rows.values())


def collapse_mark(metrics: Mapping[str, float], stream: str) -> str:
    """' (collapsed)' where the metrics say so of a stream, else nothing."""
    rank, cosine = (metrics.get(f'{stream}_{n}') for n in ('effective_rank', 'mean_cosine'))
    if rank is None or cosine is None:
        return ''
    # A query and a gallery entry are two rows at least.
    return ' (collapsed)' if FeatureSpread(rank, cosine, rows=2).collapsed else ''
