"""Features of a list or a folder of videos: resumable, over any number of processes."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from mmengine.logging import print_log
from torch.utils.data import DataLoader
from tqdm import tqdm

from ssvrl_mm.apis.feature_table import (
    FeatureFileError,
    FeatureTable,
    check_format,
    join_tables,
)
from ssvrl_mm.apis.loading import init_model, read_config
from ssvrl_mm.apis.run_lock import RunLock
from ssvrl_mm.apis.video_samples import (
    VideoSamples,
    features_of,
    pipeline_of,
    predict,
)
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.datasets import BadVideosError
from ssvrl_mm.engine.loader_workers import TIMEOUT, named_workers
from ssvrl_mm.evaluation import provenance
from ssvrl_mm.whole_files import whole_file
from ssvrl_mm.zoo.local_checkpoint import local_checkpoint


def extract_features(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None,
    source: VideoSource | str | os.PathLike,
    out: str | os.PathLike,
    keep_clips: bool = False,
    batch_size: int = 4,
    workers: int = 2,
    device: str | None = None,
    part_size: int = 64,
    progress: bool = True,
    read: Callable[[Any], dict[str, np.ndarray]] = features_of,
) -> FeatureTable | None:
    """Extracts the features of videos with a recognizer of this package and writes them to a file.

    The videos are done in parts, each of which goes to a file in ``OUT.parts``. A run that was
    killed goes on where it was, with any number of processes; the folder vanishes when ``out``
    is complete. Processes of a group that was launched share the parts. A video that cannot be
    read is left out, logged, and noted with its cause in ``provenance['left_out']``. The result
    does not depend on processes, workers or interruptions. A second run into the same file is
    refused while the first one goes on.

    Args:
        config: Config, whose test pipeline is used.
        checkpoint: Checkpoint; None: random weights, for comparison.
        source: The videos; a path stands for the folder of them.
        out: ``.npz``, ``.h5`` or ``.parquet`` file, see :class:`FeatureTable`.
        keep_clips: Keep a feature of each clip, instead of their mean.
        batch_size: Videos (of all their clips each) at a time.
        workers: Processes that decode for each process that computes; 0: none.
        device: 'cpu' or 'cuda'; by default the latter if there is one.
        part_size: Videos per part.
        progress: Whether to show a progress bar.
        read: What is kept of a prediction of the model: name -> float32 (V, D) or (1, D).

    Returns:
        The table, on the first process.

    Raises:
        FeatureFileError: ``out`` or ``OUT.parts`` is of another run, or the suffix is unknown.
        FolderInUseError: Another run writes to ``out`` at this time.
        BadVideosError: None of the videos can be read.
        WeightsError: The checkpoint does not fit the model.
        TypeError: The model gives no features.

    Example:
        >>> table = extract_features('configs/mvcgc/demo.py', 'epoch_30.pth', 'my_videos', 'f.npz')
        >>> table.features['rgb'].shape
        (20, 256)
    """
    cfg = read_config(config)
    out = check_format(out)
    if not isinstance(source, VideoSource):
        source = VideoSource.from_folder(source)
    sources = feature_provenance(cfg, checkpoint, source, keep_clips)
    if out.exists():
        return _finished(out, sources)
    folder = out.with_name(f'{out.name}.parts')
    folder.mkdir(parents=True, exist_ok=True)
    with RunLock(folder):
        # Complete by now, if another run ended while this one began.
        if out.exists():
            table = _finished(out, sources)
            _wait_for_all()
            shutil.rmtree(folder, ignore_errors=True)
            return table
        parts = _Parts(folder, len(source.entries), part_size, sources)
        return _extract(
            cfg, checkpoint, source, out, parts, keep_clips, batch_size, workers, device, progress,
            read,
        )  # fmt: skip


def _extract(
    cfg: Config,
    checkpoint: str | os.PathLike | None,
    source: VideoSource,
    out: Path,
    parts: '_Parts',
    keep_clips: bool,
    batch_size: int,
    workers: int,
    device: str | None,
    progress: bool,
    read: Callable[[Any], dict[str, np.ndarray]],
) -> FeatureTable | None:
    """Computes the parts that are missing, and writes all of them to one file."""
    sources, part_size = parts.sources, parts.size
    rank, world_size = get_dist_info()
    missing = parts.missing(rank, world_size)
    if missing:
        model, _ = init_model(cfg, checkpoint, device)
        model.average_clips = not keep_clips
        videos = [
            dict(filename=os.path.join(source.root, path), label=label)
            for path, label in source.entries
        ]
        dataset = VideoSamples(videos, pipeline_of(cfg), seed=sources['seed'] or 0)
        loader = _loader(dataset, parts, missing, batch_size, workers)
        bar = tqdm(
            total=sum(len(parts.rows(number)) for number in missing),
            desc='features',
            unit='video',
            disable=not progress or rank > 0,
        )
        with bar, named_workers():
            for number, table in _compute(model, loader, source, part_size, bar, read):
                parts.write(number, table)
    _wait_for_all()
    if rank > 0:
        return None
    table = parts.join()
    left_out = table.provenance['left_out']
    if left_out:
        shown = '\n'.join(f'  {entry["path"]}: {entry["cause"]}' for entry in left_out)
        print_log(
            f'{len(left_out)} of {len(source.entries)} videos could not be read and were left '
            f'out:\n{shown}',
            logger='current',
            level=logging.WARNING,
        )
    if not len(table):
        raise BadVideosError(
            f'none of the {len(left_out)} videos of {source.name} can be read; the first: '
            f'{left_out[0]["path"]}: {left_out[0]["cause"]}'
        )
    table.save(out)
    parts.remove()
    return table


class _Parts:
    """The files of the parts, and what they belong to."""

    def __init__(self, folder: Path, count: int, size: int, sources: dict[str, Any]) -> None:
        self.folder = folder
        self.count, self.size, self.sources = count, size, sources
        file, identity = self.folder / 'run.json', {**feature_identity(sources), 'part_size': size}
        if not file.exists() or not any(self.folder.glob('part_*.npz')):
            # Nothing would be lost; every process writes the same.
            with whole_file(file) as partial:
                partial.write_text(json.dumps(identity))
        found = json.loads(file.read_text())
        if found != identity:
            differing = sorted(key for key in identity if found.get(key) != identity[key])
            raise FeatureFileError(
                f'{self.folder} belongs to a run with another {", ".join(differing)}; delete it, '
                'or write to another file'
            )

    def rows(self, number: int) -> range:
        """The videos of a part."""
        return range(number * self.size, min((number + 1) * self.size, self.count))

    def missing(self, rank: int, world_size: int) -> list[int]:
        """The parts that this process still has to do."""
        numbers = range(rank, -(-self.count // self.size), world_size)
        return [number for number in numbers if not self._file(number).exists()]

    def write(self, number: int, table: FeatureTable) -> None:
        """Writes a part, whole or not at all."""
        table.save(self._file(number))

    def join(self) -> FeatureTable:
        """All parts as one table, with its provenance."""
        tables = [FeatureTable.load(self._file(i)) for i in range(-(-self.count // self.size))]
        left_out = [entry for table in tables for entry in table.provenance['left_out']]
        table = join_tables([table for table in tables if len(table)] or tables[:1])
        table.provenance = {**self.sources, 'left_out': left_out}
        return table

    def remove(self) -> None:
        """Removes the folder of the parts."""
        shutil.rmtree(self.folder)

    def _file(self, number: int) -> Path:
        return self.folder / f'part_{number:06d}.npz'


def _loader(
    dataset: VideoSamples, parts: _Parts, missing: Sequence[int], batch_size: int, workers: int
) -> DataLoader:
    """Batches that never cross a part: their company is the same however parts are shared."""
    batches = [
        list(parts.rows(number)[start : start + batch_size])
        for number in missing
        for start in range(0, len(parts.rows(number)), batch_size)
    ]
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        timeout=TIMEOUT if workers else 0,
        collate_fn=list,
        worker_init_fn=_init_worker,
    )


def _init_worker(worker: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _compute(
    model: Any,
    loader: DataLoader,
    source: VideoSource,
    part_size: int,
    bar: tqdm,
    read: Callable[[Any], dict[str, np.ndarray]],
) -> Iterator[tuple[int, FeatureTable]]:
    """The table of each part, one after the other."""
    for number, batches in groupby(loader, key=lambda batch: batch[0].number // part_size):
        rows: list[FeatureTable] = []
        left_out = []
        for batch in batches:
            causes = {s.number: _cause(s.error) for s in batch if s.error is not None}
            good = [sample for sample in batch if sample.error is None]
            for sample, prediction in zip(good, predict(model, good), strict=True):
                path, label = source.entries[sample.number]
                features = read(prediction)
                if not all(np.isfinite(feature).all() for feature in features.values()):
                    causes[sample.number] = 'its features are not finite'
                    continue
                if model.average_clips:
                    features = {stream: feature[0] for stream, feature in features.items()}
                rows.append(_row(path, label, sample.clip_times, features))
            left_out += [
                {'path': source.entries[index][0], 'cause': causes[index]}
                for index in sorted(causes)
            ]
            bar.update(len(batch))
        table = join_tables(rows) if rows else _no_rows()
        table.provenance = {'left_out': left_out}
        yield number, table


def _row(path: str, label: int, times: np.ndarray, features: dict[str, np.ndarray]) -> FeatureTable:
    arrays = {stream: feature[None] for stream, feature in features.items()}
    return FeatureTable([path], np.array([label], np.int64), times[None], arrays)


def _no_rows() -> FeatureTable:
    return FeatureTable([], np.empty(0, np.int64), np.empty((0, 0, 2), np.float32), {})


def _cause(error: Exception) -> str:
    return getattr(error, 'reason', None) or f'{type(error).__name__}: {error}'


def feature_provenance(
    cfg: Config,
    checkpoint: str | os.PathLike | None,
    source: VideoSource,
    keep_clips: bool = False,
) -> dict[str, Any]:
    """What the features follow from."""
    described = provenance.describe_checkpoint(
        None if checkpoint is None else local_checkpoint(checkpoint)
    )
    return {
        **provenance.describe_config(cfg),
        **described,
        'checkpoint': described['checkpoint'] if checkpoint is None else str(checkpoint),
        'data_list': source.name,
        'data_list_sha256': source.sha256,
        'root': source.root,
        'clips': 'kept' if keep_clips else 'averaged',
        'versions': provenance.versions(),
    }


def feature_identity(sources: dict[str, Any]) -> dict[str, Any]:
    """What makes two runs the same; neither names of files nor versions."""
    names = ('config_sha256', 'checkpoint_sha256', 'data_list_sha256', 'clips', 'seed')
    return {name: sources[name] for name in names}


def _finished(out: Path, sources: dict[str, Any]) -> FeatureTable | None:
    """The complete file, if it is of this run."""
    table = FeatureTable.load(out)
    if {key: table.provenance.get(key) for key in feature_identity(sources)} != feature_identity(
        sources
    ):
        raise FeatureFileError(
            f'{out} holds features of another run; delete it, or write elsewhere'
        )
    return table if get_dist_info()[0] == 0 else None


def _wait_for_all() -> None:
    """Waits until every process has done its parts, however long that takes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    if torch.distributed.get_backend() == 'gloo':
        # An ordinary barrier gives up after half an hour; this one notices a dead process.
        torch.distributed.monitored_barrier(timeout=timedelta(days=30))
    else:
        barrier()
