"""What the network of a run makes of its test videos: features or class scores, kept in files."""

import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.logging import MMLogger

from ssvrl_mm.apis.feature_table import FeatureFileError, FeatureTable
from ssvrl_mm.apis.features import extract_features, feature_identity, feature_provenance
from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.datasets import BadVideosError, VideoListError
from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.evaluation.retrieval import VideoRetrieval
from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.report.run_folder import RunFolder
from ssvrl_mm.report.starting_point import RANDOM, start_of
from ssvrl_mm.version import __version__
from ssvrl_mm.video import VideoError
from ssvrl_mm.wrapping import innermost_datasets

ROLES = ('query', 'gallery')
#: The only entry of a table of class scores.
SCORE = 'score'


@dataclass(frozen=True)
class NetworkOptions:
    """How the network is run.

    Attributes:
        enabled: Whether it is; what was kept is used anyway.
        workers: Processes that decode.
        device: 'cpu' or 'cuda'; None: the latter if there is one.
        progress: Whether to show how far it is.
    """

    enabled: bool = True
    workers: int = 2
    device: str | None = None
    progress: bool = True


@dataclass
class NetworkFindings:
    """What the network made of the test videos.

    Attributes:
        sources: Role -> the videos; the role of videos to be classified is 'test'.
        trained: Role -> their features, or their class scores, by the newest checkpoint.
        random: Role -> their features by the weights that the training started from.
        drops_itself: Whether a query's own file in the gallery is no answer.
        start: What those weights are, in words.
        start_remarks: What is not known of them, in words.
        missing: Why something is not there, and how to get it; '' where nothing is missing.
    """

    sources: dict[str, VideoSource]
    trained: dict[str, FeatureTable]
    random: dict[str, FeatureTable]
    drops_itself: bool = True
    start: str = RANDOM
    start_remarks: list[str] = field(default_factory=list)
    missing: str = ''


def run_network(run: RunFolder, cache: Path, options: NetworkOptions) -> NetworkFindings:
    """Runs the network of a run on the videos that its config tests with, or reads what was kept.

    Args:
        run: The run.
        cache: Folder where features and scores are kept.
        options: How.

    Raises:
        WeightsError: The newest checkpoint does not fit the model of the config.
    """
    found = NetworkFindings({}, {}, {})
    cfg = read_config(run.cfg)
    if cfg.get('resume'):
        # What it went on from is not what it started from.
        cfg.load_from, cfg.resume = run.first_load_from(), False
    start = start_of(cfg)
    found.start = start.label
    used: set[Path] = set()
    roles = test_roles(cfg)
    if not roles:
        found.missing = (
            'The config of this run tests with no videos. Give it a test_dataloader, as '
            'configs/_base_/datasets has them, or take a config of a retrieval.'
        )
        return found
    try:
        parts = {role: role_config(cfg, role) for role in roles}
        for role, part in parts.items():
            check_there(part.test_dataloader.dataset)
            found.sources[role] = VideoSource.from_dataset(part.test_dataloader.dataset)
        pipelines = [part.test_dataloader.dataset.get('pipeline') for part in parts.values()]
        found.drops_itself = len(pipelines) < 2 or pipelines[0] == pipelines[1]
        kinds: list[tuple[str, Path | None]] = [('random', None)] if roles == ROLES else []
        if run.checkpoint is None:
            found.missing = (
                'There is no checkpoint: the training has not come to its first one, or it was '
                'deleted.'
            )
        else:
            # First, as it may not fit.
            kinds.insert(0, ('trained', run.checkpoint))
        for name, checkpoint in kinds if run.checkpoint else ():
            if name == 'random' and (remark := start.remark()):
                found.start_remarks.append(remark)
                if start.gone():
                    continue
            for role, part in parts.items():
                try:
                    table = _table(
                        part, checkpoint, found.sources[role], cache, options, role, used
                    )
                except _weights_error() as error:
                    if name == 'trained':
                        raise
                    found.random.clear()
                    found.start_remarks.append(f'The {start.label}, do not fit the config: {error}')
                    break
                if table is None:
                    found.missing = (
                        'The network was not run (--no-network), and what it gave was not kept.'
                    )
                else:
                    getattr(found, name)[role] = table
    except (BadVideosError, FeatureFileError, OSError, TypeError, ValueError, VideoError) as error:
        if isinstance(error, _weights_error()):
            raise
        found.missing = f'The network cannot be run on the test videos: {error}'
    except VideoListError as error:
        found.missing = f'The test videos are not where the config says: {error}'
    except Exception as error:  # of a model that is not registered, for instance
        if type(error).__module__.partition('.')[0] == 'ssvrl_mm':
            raise
        found.missing = (
            f'The network cannot be run on the test videos: {type(error).__name__}: {error}'
        )
    if not found.missing and options.enabled:
        drop_others(cache, used)
    return found


def check_device(name: str | None) -> None:
    """Checks that a device is there.

    Args:
        name: What a user called it; None: whichever there is.

    Raises:
        ReportError: There is none of that name, or torch cannot use it.
    """
    if name is None:
        return
    import torch

    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise ReportError(f'--device {name}: torch knows no such device, but cpu, cuda') from error
    if kind == 'cuda' and not torch.cuda.is_available():
        raise ReportError(f'--device {name}: there is no CUDA device that torch can use')


def test_roles(cfg: Config) -> tuple[str, ...]:
    """The roles of the videos that a config tests with; ('test',) where they have none."""
    datasets = innermost_datasets(_loader(cfg).get('dataset'))
    roles = {dataset.get('role') for dataset in datasets}
    if {*ROLES} <= roles:
        return ROLES
    return ('test',) if len(datasets) == 1 else ()


def role_config(cfg: Config, role: str) -> Config:
    """The config of a test of the videos of one role alone, by their own pipeline."""
    datasets = innermost_datasets(_loader(cfg).get('dataset'))
    (dataset,) = [each for each in datasets if role in ('test', each.get('role'))]
    part = cfg.copy()
    part.test_dataloader = dict(_loader(cfg), dataset=dataset)
    return part


def check_there(dataset: Mapping[str, Any]) -> None:
    """Checks that the folder of a dataset is there: some would write it anew.

    Raises:
        FileNotFoundError: It is not.
    """
    root = dataset.get('data_root')
    if root and not os.path.isdir(root):
        raise FileNotFoundError(f'there is no folder {root}')


def cache_file(
    cache: Path, part: Config, checkpoint: Path | None, source: VideoSource
) -> tuple[Path, dict[str, Any]]:
    """Where the table of some videos is kept, and what it says of where it comes from."""
    start = start_of(part)
    sources = feature_provenance(part, checkpoint or start.checkpoint, source)
    root = os.path.realpath(source.root)
    identity = [feature_identity(sources), root, __version__, _stamps(root, source.entries)]
    if checkpoint is None:
        identity.append([file_sha256(file) for file in start.files if os.path.isfile(file)])
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return cache / f'network_{key}.npz', sources


def drop_others(cache: Path, used: Collection[Path]) -> None:
    """Deletes what was kept of other checkpoints, videos or versions.

    Args:
        cache: Where it was kept.
        used: The files that stay.
    """
    for file in cache.glob('network_*.npz'):
        if file not in used:
            file.unlink(missing_ok=True)


def retrieval_metrics(cfg: Config, tables: Mapping[str, FeatureTable]) -> dict[str, float] | None:
    """The metrics of a search of the gallery by the queries; None where a class is not known.

    Args:
        cfg: Config, whose evaluator says which k and which streams.
        tables: Role -> features.
    """
    if any((table.labels < 0).any() for table in tables.values()):
        return None
    settings = _retrieval_settings(cfg)
    metric = VideoRetrieval(
        topk=settings.get('topk', (1, 5, 10)),
        streams=settings.get('streams'),
        preset='clean',
        fusion=settings.get('fusion', 'cosines'),
    )
    entries = []
    for role, table in tables.items():
        features = table.averaged()
        entries += [
            dict(
                key=(role, row, path),
                label=int(table.labels[row]),
                features={stream: rows[row][None] for stream, rows in features.items()},
            )
            for row, path in enumerate(table.paths)
        ]
    with _quiet():
        return metric.compute_metrics(entries)


def scores_of(prediction: Any) -> dict[str, np.ndarray]:
    """The class probabilities of a prediction.

    Raises:
        TypeError: It has none.
    """
    score = prediction.get('pred_score')
    if score is None:
        raise TypeError('the model gives neither features nor the probabilities of classes')
    return {SCORE: np.asarray(score.float().cpu())[None]}


def _table(
    part: Config,
    checkpoint: Path | None,
    source: VideoSource,
    cache: Path,
    options: NetworkOptions,
    role: str,
    used: set[Path],
) -> FeatureTable | None:
    file, _ = cache_file(cache, part, checkpoint, source)
    used.add(file)
    if not file.is_file() and not options.enabled:
        return None
    cache.mkdir(parents=True, exist_ok=True)
    reading = dict(read=scores_of) if role == 'test' else {}
    with _quiet():
        return extract_features(
            part,
            checkpoint or start_of(part).checkpoint,
            source,
            file,
            workers=options.workers,
            device=options.device,
            progress=options.progress,
            **reading,  # type: ignore[arg-type]
        )


def _stamps(root: str, entries: Sequence[tuple[str, int]]) -> list[tuple]:
    """Path, bytes and time of change of each video: another one may have taken its name."""
    found: list[tuple] = []
    for path, _ in entries:
        try:
            stat = os.stat(os.path.join(root, path))
        except OSError:
            found.append((path, None, None))
        else:
            found.append((path, stat.st_size, stat.st_mtime_ns))
    return found


def _loader(cfg: Config) -> Mapping[str, Any]:
    return cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}


def _retrieval_settings(cfg: Config) -> Mapping[str, Any]:
    evaluators = cfg.get('test_evaluator') or cfg.get('val_evaluator') or []
    evaluators = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    named = [each for each in evaluators if str(each.get('type')).endswith('VideoRetrieval')]
    return named[0] if named else {}


def _weights_error() -> type[Exception]:
    # Imports all models, which those who only read what was kept need not wait for.
    from ssvrl_mm.models.utils.weights import WeightsError

    return WeightsError


@contextmanager
def _quiet() -> Iterator[None]:
    """Says on the console what is wrong, and no table: the page has that."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
