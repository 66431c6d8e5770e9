"""Some queries and what models find for them, ready to be drawn."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config

from ssvrl_mm.apis.feature_table import FeatureTable
from ssvrl_mm.apis.features import extract_features
from ssvrl_mm.apis.neighbours import find_neighbours
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.evaluation.provenance import config_sha256, describe_checkpoint, entries_sha256
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.visualization.retrieval import Shown
from ssvrl_mm.zoo.local_checkpoint import local_checkpoint


class RetrievalModel(NamedTuple):
    """A model whose features are compared.

    Attributes:
        name: What it is called in the picture.
        cfg: Its config.
        checkpoint: Its weights; None: random ones.
        streams: What it compares, see :func:`find_neighbours`.
    """

    name: str
    cfg: Config
    checkpoint: str | None
    streams: str | None = None


def choose_queries(
    source: VideoSource, number: int, seed: int = 0, named: Sequence[str] = ()
) -> VideoSource:
    """Some videos of a source.

    Args:
        source: All that may be queries.
        number: How many are drawn at random, where none is named; all, where there are fewer.
        seed: Of the draw.
        named: Paths as the source has them.

    Raises:
        ValueError: The source has no such path.
    """
    entries = dict(source.entries)
    missing = [path for path in named if path not in entries]
    if missing:
        raise ValueError(
            f'{source.name} has no video {missing[0]}, but {source.entries[0][0]}, ...'
        )
    if named:
        chosen = [(path, entries[path]) for path in named]
    else:
        size = min(number, len(source.entries))
        drawn = np.random.default_rng(seed).choice(len(source.entries), size, replace=False)
        chosen = [source.entries[row] for row in sorted(drawn.tolist())]
    return source._replace(entries=chosen, sha256=entries_sha256(chosen))


def of_classes(source: VideoSource, classes: Sequence[int] | None) -> VideoSource:
    """The videos of some classes; None: all.

    Raises:
        ValueError: There is none of one of the classes.
    """
    if classes is None:
        return source
    labels = {label for _, label in source.entries}
    missing = [label for label in classes if label not in labels]
    if missing:
        raise ValueError(f'{source.name} has no video of class {missing}, but of {sorted(labels)}')
    chosen = [(path, label) for path, label in source.entries if label in classes]
    return source._replace(entries=chosen, sha256=entries_sha256(chosen))


def find_examples(
    models: Sequence[RetrievalModel],
    queries: VideoSource,
    gallery: VideoSource,
    folder: Path,
    k: int = 3,
    num_frames: int = 3,
    **options: Any,
) -> tuple[list[Shown], list[tuple[str, list[list[Shown]]]]]:
    """Searches a gallery for some videos, by each of several models.

    A video never finds itself. One that cannot be read is left out.

    Args:
        models: Who searches.
        queries: What is looked for.
        gallery: Where.
        folder: Where features go, and come from the next time.
        k: How many neighbours.
        num_frames: Frames that are shown of a video, evenly from the clips that the model sees.
        **options: Of :func:`~ssvrl_mm.apis.extract_features`: ``workers``, ``device``, ...

    Returns:
        What :func:`~ssvrl_mm.visualization.draw_retrieval` draws.

    Raises:
        ValueError: No query can be read by all models, or a model has not such a stream.
    """
    tables = [
        tuple(stored_features(model, source, folder, **options) for source in (queries, gallery))
        for model in models
    ]
    read_by_all = [p for p, _ in queries.entries if all(p in q.paths for q, _ in tables)]
    if not read_by_all:
        raise ValueError(f'none of {len(queries.entries)} queries can be read by all models')
    labels = dict(queries.entries)
    first = tables[0][0]
    shown = [Shown(_frames(queries, path, first, num_frames), _short(path)) for path in read_by_all]
    found = []
    for model, (table, memory) in zip(models, tables, strict=True):
        rows = [table.paths.index(path) for path in read_by_all]
        features = {stream: values[rows] for stream, values in table.averaged().items()}
        # One more than asked for: the video itself may be among them.
        indices, cosines = find_neighbours(features, memory.averaged(), k + 1, model.streams)
        of_queries = []
        for path, places, values in zip(read_by_all, indices, cosines, strict=True):
            this = os.path.realpath(os.path.join(queries.root, path))
            others = [
                (place, cosine)
                for place, cosine in zip(places.tolist(), values.tolist(), strict=True)
                if os.path.realpath(os.path.join(gallery.root, memory.paths[place])) != this
            ]
            of_queries.append(
                [
                    Shown(
                        _frames(gallery, memory.paths[place], memory, num_frames),
                        f'{_short(memory.paths[place])} {cosine:.3f}',
                        _is_right(labels[path], int(memory.labels[place])),
                    )
                    for place, cosine in others[:k]
                ]
            )
        found.append((model.name, of_queries))
    return shown, found


def clip_frames(path: str | os.PathLike, clip_times: np.ndarray, number: int) -> np.ndarray:
    """Frames of a video, evenly from the time that its clips span.

    Args:
        path: The video.
        clip_times: Seconds at which each clip begins and ends, (V, 2), by the container's clock;
            NaN where there is none.
        number: How many frames.

    Returns:
        uint8 RGB (number, h, w, 3).
    """
    with CompressedVideoReader(path) as reader:
        begin, end = np.nanmin(clip_times), np.nanmax(clip_times)
        times = begin + (np.arange(number) + 0.5) / number * (end - begin)
        # What is shown at these times: they need not begin at 0, nor be evenly apart.
        shown_from = reader.get_frames_at(range(len(reader)), streams=()).pts_seconds
        places = np.searchsorted(shown_from, times, side='right') - 1
        places = places.clip(min=0).tolist()
        rgb = reader.get_frames_at(places, streams=('rgb',)).rgb
    assert rgb is not None
    return rgb


def stored_features(
    model: RetrievalModel, source: VideoSource, folder: Path, **options: Any
) -> FeatureTable:
    """The features of a model, from a folder if they are there, and otherwise into it.

    Args:
        model: Config and weights.
        source: The videos.
        folder: Where files of features lie, named by what they are of.
        **options: Of :func:`~ssvrl_mm.apis.extract_features`: ``keep_clips``, ``workers``, ...
    """
    checkpoint = None if model.checkpoint is None else local_checkpoint(model.checkpoint)
    identity = [
        config_sha256(model.cfg),
        describe_checkpoint(checkpoint)['checkpoint_sha256'],
        source.sha256,
        os.path.realpath(source.root),
        *(['clips'] if options.get('keep_clips') else []),
    ]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    table = extract_features(
        model.cfg, checkpoint, source, folder / f'features_{key}.npz', **options
    )
    assert table is not None  # one process
    return table


def _frames(source: VideoSource, path: str, table: FeatureTable, number: int) -> np.ndarray:
    times = table.clip_times[table.paths.index(path)]
    return clip_frames(os.path.join(source.root, path), times, number)


def _short(path: str) -> str:
    """File and folder, which is the class in most datasets."""
    return '/'.join(Path(path).parts[-2:])


def _is_right(label: int, other: int) -> bool | None:
    return None if min(label, other) < 0 else label == other
