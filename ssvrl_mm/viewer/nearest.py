"""The nearest videos of a folder, which is indexed once by the features of a model."""

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import FUNCTIONS

from ssvrl_mm.apis import SSVRLInferencer, VideoSource, extract_features
from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.apis.neighbours import find_neighbours
from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file
from ssvrl_mm.evaluation.provenance import (
    config_sha256,
    describe_checkpoint,
    entries_sha256,
    versions,
)
from ssvrl_mm.models.utils.checkpoint_settings import literal_settings
from ssvrl_mm.models.utils.registered import registered_config
from ssvrl_mm.registry import DATA_SAMPLERS, DATASETS, MODELS, TRANSFORMS
from ssvrl_mm.video import VideoError
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Folder, Video
from ssvrl_mm.zoo import fetch_weights, find_model
from ssvrl_mm.zoo.places import cache_folder

# What embedding a video takes of a config. Custom imports and scopes, which are imported, are not
# among them, and every type is a registered one: a checkpoint may come from anybody, and runs
# nothing here.
_SETTINGS = ('model', 'randomness', 'test_dataloader', 'val_dataloader')
_REGISTRIES = (MODELS, DATASETS, TRANSFORMS, DATA_SAMPLERS, FUNCTIONS)
_REMEMBERED = 256
# Below it, processes that decode take longer to start than they save.
_FEW = 16


class Near(NamedTuple):
    """A video of the folder.

    Attributes:
        name: As the folder has it.
        similarity: Cosine, in [-1, 1]; of several streams the mean.
    """

    name: str
    similarity: float


def config_of(checkpoint: str, config: str | os.PathLike | None) -> tuple[Config, str]:
    """The config of a checkpoint, and the file of its weights.

    Args:
        checkpoint: A file, or the name of a model of the zoo.
        config: Its config; None: the one that the checkpoint carries, which is read, not run, or
            that of the zoo.

    Raises:
        ViewerError: The checkpoint carries none.
        ModelNotFoundError, ZooError: There is no such file, and no model of that name to be had.
        CheckpointFileError: The file is no checkpoint.
        NetworkConfigError: What it carries names a type that is not registered.
    """
    if not Path(checkpoint).is_file():
        entry = find_model(checkpoint, need_weights=True)
        return read_config(config or entry.config), str(fetch_weights(entry))
    if config is not None:
        return read_config(config), checkpoint
    meta = load_checkpoint_file(checkpoint).get('meta')
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    settings = literal_settings(text, _SETTINGS) if isinstance(text, str) else {}
    if 'model' not in settings:
        raise ViewerError(f'{checkpoint} carries no config: name it with --config')
    settings = registered_config(settings, _REGISTRIES, checkpoint)
    return read_config(Config({'default_scope': 'ssvrl_mm', **settings})), checkpoint


class NearestVideos:
    """Finds the videos of a folder that a model takes for the most alike.

    The folder is indexed at once, or taken from the cache if neither its files nor the model have
    changed.

    Args:
        checkpoint: A file, or the name of a model of the zoo.
        folder: What is searched.
        config: The config of the checkpoint; None: what it carries.
        device: 'cpu' or 'cuda'; by default the latter if there is one.

    Raises:
        ViewerError: The checkpoint carries no config.
        VideoFilesError: There is no video in the folder.
        BadVideosError: None of them can be read.
        WeightsError: The checkpoint does not fit its config.
    """

    def __init__(
        self,
        checkpoint: str,
        folder: Folder,
        config: str | os.PathLike | None = None,
        device: str | None = None,
    ) -> None:
        cfg, weights = config_of(checkpoint, config)
        self.model = Path(checkpoint).stem
        names = folder.names()
        # Before they are read: whoever replaces a file meanwhile has it embedded anew.
        self._keys = {name: folder.find(name).key for name in names}
        file = _cache_file(cfg, weights, folder, names)
        self.was_indexed = file.exists()
        entries = [(name, -1) for name in names]
        source = VideoSource(entries, str(folder.root), folder.name, entries_sha256(entries))
        workers = 0 if len(names) < _FEW else min(2, os.cpu_count() or 1)
        table = extract_features(cfg, weights, source, file, workers=workers, device=device)
        assert table is not None  # one process
        for old in file.parent.glob(f'{file.name.partition("_")[0]}_*.npz'):
            if old != file:
                old.unlink(missing_ok=True)
        self.names = table.paths
        self.left_out: list[dict[str, str]] = table.provenance['left_out']
        self._features = table.averaged()
        self._rows = {name: row for row, name in enumerate(self.names)}
        self._inferencer = SSVRLInferencer(cfg, weights, device, show_progress=False)
        self._seen: OrderedDict[tuple, dict[str, np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def streams(self) -> list[str]:
        """What may be compared by itself."""
        return list(self._features)

    def search(self, video: Video, k: int = 6, streams: str | None = None) -> list[Near]:
        """The nearest videos of the folder, the nearest first; never the video itself.

        Args:
            video: What is looked for.
            k: How many.
            streams: What to compare: 'rgb', 'motion', or several joined by '+'; None: all.

        Raises:
            ViewerError: The video cannot be embedded, or there is no such stream.
        """
        features = {name: rows[None] for name, rows in self._features_of(video).items()}
        try:
            rows, cosines = find_neighbours(features, self._features, k + 1, streams)
        except ValueError as error:
            raise ViewerError(str(error)) from None
        found = [
            Near(self.names[row], float(cosine))
            for row, cosine in zip(rows[0].tolist(), cosines[0].tolist(), strict=True)
            if video.id != f'folder/{self.names[row]}'
        ]
        return found[:k]

    def _features_of(self, video: Video) -> dict[str, np.ndarray]:
        """Stream -> (D,): from the index, from the last searches, or from the model."""
        row = self._rows.get(video.name) if video.id.startswith('folder/') else None
        # Another file may be there by now.
        if row is not None and self._keys[video.name] == video.key:
            return {stream: features[row] for stream, features in self._features.items()}
        with self._lock:  # one model
            if video.key in self._seen:
                return self._seen[video.key]
            try:
                features = self._inferencer(video.file).features
            except VideoError as error:
                raise ViewerError(f'{video.name}: {error.reason}', 422) from None
            if not all(np.isfinite(rows).all() for rows in features.values()):
                raise ViewerError(f'{video.name}: its features are not finite', 422)
            self._seen[video.key] = features
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return features


def _cache_file(cfg: Config, weights: str, folder: Folder, names: list[str]) -> Path:
    """Where the index of these very files by this very model is kept."""
    status = [(name, (folder.root / name).stat()) for name in names]
    identity = [
        versions(),
        config_sha256(cfg),
        describe_checkpoint(weights)['checkpoint_sha256'],
        str(folder.root),
        [(name, facts.st_size, facts.st_mtime_ns) for name, facts in status],
    ]
    place = hashlib.sha256(os.fsencode(folder.root)).hexdigest()[:16]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    return cache_folder().parent / 'viewer' / f'{place}_{key}.npz'
