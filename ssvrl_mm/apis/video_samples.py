"""Videos outside a Runner: from a path through a config's test pipeline to a model's prediction."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from torch.utils.data import Dataset

from ssvrl_mm.datasets.compressed_video import pipeline_with_choice
from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoError
from ssvrl_mm.wrapping import walk_datasets


class VideoSample(NamedTuple):
    """What a video became.

    Attributes:
        number: Its place among the videos.
        packed: What the pipeline packed; None if it failed.
        clip_times: Seconds at which each clip begins and ends, float32 (V, 2).
        error: What went wrong, or None.
    """

    number: int
    packed: Any
    clip_times: np.ndarray | None
    error: Exception | None


class VideoSamples(Dataset):
    """Runs a test pipeline on videos; one that fails gives its error instead of a sample.

    Args:
        videos: ``dict(filename, label, ...)`` of each video.
        pipeline: Configs of the transforms.
        seed: Of what a pipeline draws at random, if it does.
    """

    def __init__(
        self, videos: Sequence[Mapping[str, Any]], pipeline: Sequence[Any], seed: int = 0
    ) -> None:
        self.videos = [dict(video) for video in videos]
        # Built here, so that our names resolve without a default scope too.
        self.pipeline = Compose(
            [TRANSFORMS.build(t) if isinstance(t, dict) else t for t in pipeline]
        )
        self.seed = seed

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> VideoSample:
        """The packed video, or its error."""
        video = {'video_id': index, 'label': -1, 'modality': 'RGB', 'start_index': 0}
        video.update(self.videos[index])
        try:
            with seeded_generators(self.seed, 0, index):
                packed = self.pipeline(video)
            if packed is None:
                raise VideoError(str(video['filename']), 'the pipeline returned nothing')
            # Transforms write into the dict that they are given; packing makes another.
            return VideoSample(index, packed, _clip_times(video), None)
        except Exception as error:
            # Whatever a strange file does to a transform, the other videos go on.
            return VideoSample(index, None, None, _plain(error))
        finally:
            reader = video.pop('video_reader', None)
            if hasattr(reader, 'close'):
                reader.close()


def _clip_times(results: Mapping[str, Any]) -> np.ndarray:
    """Begin and end of each clip in seconds, (V, 2); pipelines of mmaction2 tell the rate alone."""
    if 'clip_times' in results:
        return results['clip_times']
    frames = np.asarray(results['frame_inds']).reshape(results.get('num_clips', 1), -1)
    spans = np.stack([frames.min(axis=1), frames.max(axis=1) + 1], axis=1)
    return (spans / float(results.get('avg_fps') or np.nan)).astype(np.float32)


def _plain(error: Exception) -> Exception:
    """The error as it is if it can travel from a worker, otherwise its text."""
    if type(error).__module__.partition('.')[0] in ('ssvrl_mm', 'builtins'):
        return error.with_traceback(None)
    return RuntimeError(f'{type(error).__name__}: {error}')


def pipeline_of(cfg: Config) -> list[Any]:
    """The pipeline that a config tests with; of a retrieval that of its queries.

    Raises:
        ValueError: The config has none.
    """
    for name in ('test_dataloader', 'val_dataloader'):
        datasets = walk_datasets((cfg.get(name) or {}).get('dataset'))
        found = [dataset for dataset in datasets if dataset.get('pipeline')]
        if found:
            # A gallery's may take clips at random.
            return pipeline_with_choice(max(found, key=lambda each: each.get('role') == 'query'))
    if cfg.get('test_pipeline'):
        return list(cfg.test_pipeline)
    raise ValueError(f'{cfg.filename or "the config"} has no test_dataloader with a pipeline')


@torch.no_grad()
def predict(model: Any, samples: Sequence[VideoSample]) -> list[Any]:
    """The model's prediction for each sample; those of equal shapes go together."""
    predictions: list[Any] = []
    for _, group in groupby(samples, key=lambda sample: _shapes(sample.packed['inputs'])):
        predictions += model.test_step(pseudo_collate([sample.packed for sample in group]))
    return predictions


def _shapes(inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return sorted((name, tuple(value.shape)) for name, value in inputs.items())
    return tuple(inputs.shape)


def features_of(prediction: Any) -> dict[str, np.ndarray]:
    """Stream -> float32 (V, D), or (1, D), that a model wrote into a data sample.

    Raises:
        TypeError: The model gives no features.
    """
    features = prediction.get('features')
    if features is None:
        raise TypeError(
            'the model gives no features: a self-supervised recognizer of this package is needed '
            '(ContrastiveRecognizer, PretextRecognizer, ...), which can start from the backbone of '
            'a classifier, too'
        )
    # InstanceData keeps no order; RGB comes first.
    names = sorted(features.keys(), key=lambda name: (name != 'rgb', name))
    return {name: np.asarray(features[name].float().cpu()) for name in names}
