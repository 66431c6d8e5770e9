"""Inference on videos of one's own: embeddings, nearest videos of a gallery, class scores."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from torch.utils.data import DataLoader
from tqdm import tqdm

from ssvrl_mm.apis.feature_table import FORMATS, FeatureTable
from ssvrl_mm.apis.loading import init_model, read_config
from ssvrl_mm.apis.neighbours import find_neighbours
from ssvrl_mm.apis.video_samples import VideoSamples, features_of, pipeline_of, predict
from ssvrl_mm.datasets import scan_videos
from ssvrl_mm.video import VideoError
from ssvrl_mm.zoo import ModelNotFoundError, fetch_weights, find_model

Video = str | os.PathLike | bytes


class Neighbour(NamedTuple):
    """A video of the gallery.

    Attributes:
        path: As the gallery has it.
        label: Its class, -1 if unknown.
        similarity: Cosine, in [-1, 1]; of several streams the mean of their cosines.
    """

    path: str
    label: int
    similarity: float


@dataclass
class Prediction:
    """What a model says about a video.

    Attributes:
        path: The file; ``'<bytes N>'`` for the contents of one.
        features: Stream -> float32 (D,), the mean over the clips; empty for a classifier.
        clip_times: Seconds at which each clip begins and ends, float32 (V, 2).
        scores: Probability of each class, float32 (C,); None unless the model is a classifier.
        label: The most probable class; None likewise.
        class_name: Its name, where config or checkpoint knows the names.
        neighbours: The nearest videos of the gallery, the best first; empty without gallery.
    """

    path: str
    # Hundreds of numbers: not for the eye.
    features: dict[str, np.ndarray] = field(repr=False)
    clip_times: np.ndarray = field(repr=False)
    scores: np.ndarray | None = field(default=None, repr=False)
    label: int | None = None
    class_name: str | None = None
    neighbours: list[Neighbour] = field(default_factory=list)


class SSVRLInferencer:
    """A trained model as a function of videos.

    mmengine's ``BaseInferencer`` is not used: it goes on with random weights where none matched,
    and knows neither the contents of files nor what to do about bad ones.

    Args:
        model: Name of a model of the index, config file, or config.
        weights: Checkpoint: file, URL or name of a model of the index; None: the published one of
            the model, see :func:`~ssvrl_mm.zoo.fetch_weights`.
        device: 'cpu' or 'cuda'; by default the latter if there is one.
        gallery: What to look for neighbours in: a file of features (``extract_features.py``), a
            table of them, or a folder of videos, which are embedded at once.
        show_progress: Whether to show a progress bar for several videos, and for a download.

    Raises:
        ModelNotFoundError: An unknown name, or one without published weights.
        ZooError: The published weights cannot be had, or are other ones.
        WeightsError: The checkpoint does not fit the model.
        ValueError: A config without weights, or a gallery for a classifier.

    Example:
        >>> inferencer = SSVRLInferencer('configs/mvcgc/demo.py', 'epoch_30.pth', gallery='clips')
        >>> prediction = inferencer('video.mp4')
        >>> prediction.features['rgb'].shape, prediction.neighbours[0].path
        ((256,), 'run/03.mp4')
    """

    def __init__(
        self,
        model: str | os.PathLike | Config,
        weights: str | os.PathLike | None = None,
        device: str | None = None,
        gallery: str | os.PathLike | FeatureTable | None = None,
        show_progress: bool = True,
    ) -> None:
        if isinstance(model, Config) or Path(model).suffix in ('.py', '.json', '.yaml', '.yml'):
            if weights is None:
                raise ValueError('a config needs weights: SSVRLInferencer(config, checkpoint)')
        else:
            try:
                entry = find_model(str(model), need_weights=weights is None)
            except ModelNotFoundError as error:
                raise ModelNotFoundError(
                    f'{error}; or give a config file as model, and the file of a training of your '
                    'own as weights'
                ) from None
            model = entry.config
            if weights is None:
                weights = fetch_weights(entry, progress=None if show_progress else False)
        self.cfg = read_config(model)
        self.model, meta = init_model(self.cfg, weights, device)
        self.pipeline = pipeline_of(self.cfg)
        self.show_progress = show_progress
        self.classes = classes_of(self.cfg, meta)
        self.left_out: dict[str, str] = {}
        self.gallery: FeatureTable | None = None
        if gallery is not None:
            self.gallery = self._load_gallery(gallery)

    def __call__(
        self,
        videos: Video | Sequence[Video],
        batch_size: int = 1,
        workers: int = 0,
        k: int = 5,
        streams: str | None = None,
        on_error: str = 'raise',
    ) -> Any:
        """Predicts.

        Args:
            videos: A file, a folder of videos, the contents of a file, or a list of files and
                contents.
            batch_size: Videos at a time.
            workers: Processes that decode; 0: this one.
            k: How many neighbours to look for in the gallery.
            streams: What to compare: a stream, or several joined by '+'; None: all there are.
            on_error: 'raise', or 'skip': a video that cannot be read is logged, left out of the
                result and noted in :attr:`left_out`, path -> cause.

        Returns:
            A :class:`Prediction` for a single file; a list of them for a folder or a list. With
            ``'skip'``, None for a single file that cannot be read.

        Raises:
            VideoError: A video cannot be read.
            ValueError: An unknown ``on_error`` or ``streams``.
        """
        if on_error not in ('raise', 'skip'):
            raise ValueError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
        inputs: list[Video]
        if isinstance(videos, bytes):
            single, inputs = True, [videos]
        elif isinstance(videos, str | os.PathLike):
            single = not os.path.isdir(videos)
            inputs = [videos] if single else _files(videos)
        else:
            single, inputs = False, list(videos)
        with tempfile.TemporaryDirectory(prefix='ssvrl_mm_') as folder:
            files, names = _as_files(inputs, folder)
            predictions = list(self._predict(files, names, batch_size, workers, on_error))
        if self.gallery is not None:
            self._find_neighbours(predictions, k, streams)
        if single:
            return predictions[0] if predictions else None
        return predictions

    def _predict(
        self,
        files: Sequence[str],
        names: Sequence[str],
        batch_size: int,
        workers: int,
        on_error: str,
    ) -> Iterator[Prediction]:
        self.left_out = {}
        samples = VideoSamples([dict(filename=file, label=-1) for file in files], self.pipeline)
        loader = DataLoader(samples, batch_size, num_workers=workers, collate_fn=list)
        hidden = not self.show_progress or len(files) < 2
        with tqdm(total=len(files), desc='inference', unit='video', disable=hidden) as bar:
            for batch in loader:
                for sample in batch:
                    if sample.error is None:
                        continue
                    name, error = names[sample.number], sample.error
                    if isinstance(error, VideoError):
                        # Of contents, its path is that of a file that will be gone.
                        error = type(error)(name, error.reason)
                    if on_error == 'raise':
                        raise error
                    self.left_out[name] = getattr(error, 'reason', None) or str(error)
                good = [sample for sample in batch if sample.error is None]
                for sample, found in zip(good, predict(self.model, good), strict=True):
                    yield self._prediction(names[sample.number], sample.clip_times, found)
                bar.update(len(batch))
        if self.left_out:
            shown = '\n'.join(f'  {name}: {cause}' for name, cause in self.left_out.items())
            print_log(
                f'left out {len(self.left_out)} of {len(files)} videos:\n{shown}',
                logger='current',
                level=logging.WARNING,
            )

    def _prediction(self, name: str, clip_times: np.ndarray, found: Any) -> Prediction:
        scores = found.get('pred_score')
        if scores is None:
            features = {stream: rows.mean(axis=0) for stream, rows in features_of(found).items()}
            return Prediction(name, features, clip_times)
        scores = scores.float().cpu().numpy()
        label = int(scores.argmax())
        class_name = self.classes[label] if label < len(self.classes) else None
        return Prediction(name, {}, clip_times, scores, label, class_name)

    def _load_gallery(self, gallery: str | os.PathLike | FeatureTable) -> FeatureTable:
        if isinstance(gallery, FeatureTable):
            return gallery
        if Path(gallery).suffix.lower() in FORMATS:
            return FeatureTable.load(gallery)
        entries, classes = scan_videos(gallery)
        files = [os.path.join(gallery, entry.path) for entry in entries]
        found = list(self._predict(files, files, 4, 0, 'skip'))
        if not found or not found[0].features:
            raise ValueError(f'the model gives no features for the gallery {gallery}')
        by_file = {file: entry for file, entry in zip(files, entries, strict=True)}
        kept = [by_file[prediction.path] for prediction in found]
        return FeatureTable(
            [entry.path for entry in kept],
            np.array([entry.label for entry in kept], np.int64),
            np.full((len(kept), 0, 2), np.nan, np.float32),
            {name: np.stack([p.features[name] for p in found]) for name in found[0].features},
            {'classes': classes},
        )

    def _find_neighbours(
        self, predictions: Sequence[Prediction], k: int, wanted: str | None
    ) -> None:
        """Writes the nearest videos of the gallery into the predictions."""
        assert self.gallery is not None
        if not predictions:
            return
        features = {
            stream: np.stack([p.features[stream] for p in predictions])
            for stream in predictions[0].features
        }
        found = find_neighbours(features, self.gallery.averaged(), k, wanted)
        for prediction, rows, cosines in zip(
            predictions, found[0].tolist(), found[1].tolist(), strict=True
        ):
            prediction.neighbours = [
                Neighbour(self.gallery.paths[row], int(self.gallery.labels[row]), cosine)
                for row, cosine in zip(rows, cosines, strict=True)
            ]


def _files(folder: str | os.PathLike) -> list[Video]:
    return [os.path.join(folder, entry.path) for entry in scan_videos(folder)[0]]


def _as_files(inputs: Sequence[Video], folder: str) -> tuple[list[str], list[str]]:
    """Files of all inputs, and what to call them; every pipeline reads files."""
    files, names = [], []
    for number, video in enumerate(inputs):
        if isinstance(video, bytes):
            names.append(f'<bytes {number}>')
            files.append(os.path.join(folder, str(number)))
            Path(files[-1]).write_bytes(video)
        else:
            names.append(os.fspath(video))
            files.append(os.fspath(video))
    return files, names


def classes_of(cfg: Config, meta: dict[str, Any]) -> list[str]:
    """Names of the classes, as the checkpoint or the config has them; none if neither does."""
    described = meta.get('dataset_meta') or {}
    names = described.get('classes') or described.get('CLASSES') or cfg.get('classes')
    return list(names) if isinstance(names, list | tuple) else []
