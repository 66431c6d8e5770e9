"""What the metrics on features share: which features are kept, and how processes bring them in."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.feature_spread import FeatureSpread, collapse_message, feature_spread

ROLES = ('query', 'gallery')


def split_streams(name: str) -> list[str]:
    """The streams of a joined name: 'rgb+motion', for which 'both' is short."""
    return ['rgb', 'motion'] if name == 'both' else name.split('+')


class FeatureMetric(BaseMetric):
    """Base of metrics that compare the features of queries with those of a gallery.

    Each data sample carries ``gt_label``, the metainfo ``role`` ('query' or 'gallery'),
    ``video_id`` and ``filename``, and ``features``: a mapping from the name of a stream ('rgb',
    'motion') to a feature of shape (D,), or (V, D) with one row per clip. mmaction2's data sample
    takes an ``InstanceData(rgb=feature[None], motion=feature[None])`` for ``features``.

    What is relied on with several processes (mmengine 0.10.7): every process holds the results of
    its own share, and ``collect_results`` interleaves the shares. ``DefaultSampler`` repeats the
    first videos so that shares are equally long (``round_up=True``), or lets them be ragged
    (``round_up=False``). The loop asks ``collect_results`` to cut the list to the dataset's
    length, which drops the right entries for interleaved shares only; this metric asks it to cut
    nothing, and drops every repeated (role, video id, file) itself. The entries are then sorted by
    video id, so that neither the number of processes nor the sampler changes the result.

    Args:
        streams: what to compare: the name of a stream, several joined by '+', or 'both' for
            'rgb+motion'. None: every stream that the model gives, 'both' where there are 'rgb'
            and 'motion', and 'rgb+flow' where there are these.
        collect_device: 'cpu' (through files, in a folder shared by all processes) or 'gpu'.
        prefix: replaces the prefix of the metric's names.
        collect_dir: the shared folder; by default ``.dist_test`` in the working directory.

    Raises:
        ValueError: while samples come in, for one without role, video id, label, or a stream that
            is compared, or with a feature that is not finite; the file is named.
    """

    def __init__(
        self,
        streams: Sequence[str] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if isinstance(streams, str) or (streams is not None and not streams):
            raise ValueError(f"streams must be a sequence such as ('rgb', 'both'), got {streams!r}")
        self.streams = None if streams is None else {name: split_streams(name) for name in streams}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keeps role, id, label and features of each sample, on the CPU."""
        self.results.extend(self._entry(sample) for sample in data_samples)

    def evaluate(self, size: int) -> dict:
        """Collects the results of all processes, repeated videos and all, and computes."""
        return super().evaluate(size=sys.maxsize)

    def split(self, results: list[dict]) -> tuple[list[dict], list[dict]]:
        """Queries and gallery, each video once, in the order of their ids.

        Raises:
            ValueError: there is no query or no gallery.
        """
        unique = {entry['key']: entry for entry in results}
        query, gallery = ([unique[key] for key in sorted(unique) if key[0] == r] for r in ROLES)
        for role, entries in zip(ROLES, (query, gallery), strict=True):
            if not entries:
                raise ValueError(
                    f'no {role} among {len(unique)} videos; a comparison needs a ConcatDataset of '
                    "a dataset with role='gallery' and one with role='query'"
                )
        return query, gallery

    def compared(self, results: Sequence[dict]) -> dict[str, list[str]]:
        """What to compare: name -> streams whose features are joined.

        Raises:
            ValueError: without a choice of streams, samples that differ in theirs.
        """
        if self.streams is not None:
            return self.streams
        found = {tuple(sorted(entry['features'])) for entry in results}
        if len(found) > 1:
            raise ValueError(f'the streams differ from video to video: {sorted(found)}')
        # RGB comes first.
        streams = sorted(*found, key=lambda name: (name != 'rgb', name))
        joined = [name for name in ('both', 'rgb+flow') if {*split_streams(name)} <= {*streams}]
        return {name: split_streams(name) for name in (*streams, *joined)}

    def spread(self, name: str, query: Tensor, gallery: Tensor, device: str) -> FeatureSpread:
        """Effective rank and mean cosine of queries and gallery together.

        A warning goes to the log where the features have collapsed.

        Args:
            name: What is compared.
            query: Features (N, D), as the model gives them: centring would make rounding errors of
                features that are all alike, and those spread as widely as can be.
            gallery: Features (M, D).
            device: Where to compute.
        """
        spread = feature_spread(gallery, query, device=device)
        if spread.collapsed:
            print_log(collapse_message(name, spread), logger='current', level=logging.WARNING)
        return spread

    def _entry(self, sample: Mapping) -> dict:
        """What is kept of a data sample: the key that tells videos apart, label, features."""
        file = sample.get('filename', '(no filename)')
        role, video_id = sample.get('role'), sample.get('video_id')
        if role not in ROLES:
            raise ValueError(f'{file}: role must be one of {ROLES}, got {role!r}')
        if video_id is None:
            raise ValueError(f'{file}: the data sample has no video_id')
        label = torch.as_tensor(sample.get('gt_label', -1)).flatten()
        if len(label) != 1 or label.item() < 0:
            raise ValueError(f'{file}: retrieval needs one class per video, got {label.tolist()}')

        # ActionDataSample keeps what is no InstanceData under '_features'.
        given = sample.get('features', sample.get('_features')) or {}
        if not given:
            raise ValueError(f'{file}: the model gave no features')
        wanted = list(given.keys())
        if self.streams is not None:
            wanted = list(dict.fromkeys(s for streams in self.streams.values() for s in streams))
        features = {}
        for stream in wanted:
            if stream not in given:
                raise ValueError(
                    f'{file}: to compare {list(self.streams or wanted)} needs the feature of '
                    f'{stream!r}, the model gave {sorted(given)}'
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


def spread_metrics(name: str, spread: FeatureSpread) -> dict[str, float]:
    """What metrics report of a :class:`~ssvrl_mm.feature_spread.FeatureSpread`.

    ``{name}_effective_rank`` and ``{name}_mean_cosine``.
    """
    return {
        f'{name}_effective_rank': spread.effective_rank,
        f'{name}_mean_cosine': spread.mean_cosine,
    }


def search_device(device: str | None) -> str:
    """The device asked for; by default a CUDA device if there is one."""
    return device or ('cuda' if torch.cuda.is_available() else 'cpu')


def stack_features(
    entries: Sequence[dict], stream: str, average: bool, unit_clips: bool = False
) -> Tensor:
    """The features of a stream, float32 (rows, D).

    Args:
        entries: As :meth:`FeatureMetric.split` gives them.
        stream: Name of the stream.
        average: Whether to average the clips of a video, or to keep a row of each.
        unit_clips: Whether clips are scaled to length one before they are averaged.
    """
    if average:
        # Row by row into its place: a list of the means would hold everything twice.
        first = entries[0]['features'][stream]
        rows = np.empty((len(entries), first.shape[1]), np.float32)
        for row, entry in zip(rows, entries, strict=True):
            clips = entry['features'][stream]
            if unit_clips:
                lengths = np.linalg.norm(clips, axis=1, keepdims=True)
                clips = clips / np.maximum(lengths, np.finfo(np.float32).tiny)
            row[:] = clips.mean(axis=0)
        return torch.from_numpy(rows)
    return torch.from_numpy(np.concatenate([entry['features'][stream] for entry in entries]))


def stack_labels(entries: Sequence[dict], average: bool) -> Tensor:
    """One label per row that :func:`stack_features` gives."""
    labels = torch.tensor([entry['label'] for entry in entries])
    if average:
        return labels
    rows = [len(next(iter(entry['features'].values()))) for entry in entries]
    return labels.repeat_interleave(torch.tensor(rows))
