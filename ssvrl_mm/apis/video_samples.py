"""Videos outside a Runner: from a path through a config's test pipeline to a model's prediction."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch.utils.data import Dataset

from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoError


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
        self.transforms = [TRANSFORMS.build(t) if isinstance(t, dict) else t for t in pipeline]
        self.seed = seed

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> VideoSample:
        """The packed video, or its error."""
        results: Any = {'video_id': index, 'label': -1, 'modality': 'RGB', 'start_index': 0}
        results.update(self.videos[index])
        reader: _TimedReader | None = None
        try:
            with seeded_generators(self.seed, 0, index):
                for transform in self.transforms:
                    before, results = results, transform(results)
                    if results is None:
                        raise VideoError(str(before['filename']), f'{transform} returned nothing')
                    if reader is None and hasattr(results.get('video_reader'), 'get_frames_at'):
                        reader = _TimedReader(results['video_reader'])
                        results['video_reader'] = reader
                    if 'frame_inds' in results:
                        before = results
            return VideoSample(index, results, _clip_times(before, reader), None)
        except Exception as error:
            # Whatever a strange file does to a transform, the other videos go on.
            if reader is not None:
                reader.close()
            return VideoSample(index, None, None, _plain(error))


class _TimedReader:
    """A reader that notes the presentation time of every frame it gives."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.times: dict[int, float] = {}
        self.frame_seconds = 1 / reader.metadata.average_fps

    def __enter__(self) -> '_TimedReader':
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.reader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def get_frames_at(self, indices: Sequence[int], *args: Any, **kwargs: Any) -> Any:
        """The frames, and their times are noted."""
        batch = self.reader.get_frames_at(indices, *args, **kwargs)
        self.times.update(zip(indices, batch.pts_seconds.tolist(), strict=True))
        return batch


def _clip_times(results: Mapping[str, Any], reader: _TimedReader | None) -> np.ndarray:
    """Begin of the first and end of the last frame of each clip, (V, 2)."""
    frames = np.asarray(results['frame_inds']).reshape(results.get('num_clips', 1), -1)
    spans = np.stack([frames.min(axis=1), frames.max(axis=1)], axis=1)
    if reader is not None:
        times = [[reader.times[int(frame)] for frame in span] for span in spans]
        seconds, length = np.array(times), reader.frame_seconds
    else:
        length = 1 / float(results.get('avg_fps') or np.nan)
        seconds = spans * length
    return (seconds + [0, length]).astype(np.float32)


def _plain(error: Exception) -> Exception:
    """The error as it is if it can travel from a worker, otherwise its text."""
    if type(error).__module__.partition('.')[0] in ('ssvrl_mm', 'builtins'):
        return error.with_traceback(None)
    return RuntimeError(f'{type(error).__name__}: {error}')


def pipeline_of(cfg: Config) -> list[Any]:
    """The pipeline that a config tests with.

    Raises:
        ValueError: The config has none.
    """
    for name in ('test_dataloader', 'val_dataloader'):
        for dataset in datasets_of(cfg.get(name) or {}):
            if dataset.get('pipeline'):
                return list(dataset['pipeline'])
    if cfg.get('test_pipeline'):
        return list(cfg.test_pipeline)
    raise ValueError(f'{cfg.filename or "the config"} has no test_dataloader with a pipeline')


def datasets_of(node: Any) -> Iterator[Mapping[str, Any]]:
    """The configs of the datasets below a dataloader's, wrappers resolved."""
    if isinstance(node, list | tuple):
        for child in node:
            yield from datasets_of(child)
    elif isinstance(node, Mapping):
        children = [node[key] for key in ('dataset', 'datasets') if key in node]
        for child in children:
            yield from datasets_of(child)
        if not children and node:
            yield node


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
            '(MVCGC, MoCoRecognizer, ...)'
        )
    # InstanceData keeps no order; RGB comes first.
    names = sorted(features.keys(), key=lambda name: (name != 'rgb', name))
    return {name: np.asarray(features[name].float().cpu()) for name in names}
