"""What a network sees of a dataset: samples behind all augmentation, made visible again."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import Tensor

import ssvrl_mm.datasets  # noqa: F401 - registers datasets and transforms
from ssvrl_mm.apis.shown_targets import describe_sample
from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.models.data_preprocessor import COVIAR_OFFSET, SSLDataPreprocessor
from ssvrl_mm.registry import DATASETS, MODELS
from ssvrl_mm.visualization.dataset_sheet import BrowsedSample, VectorStream

_CHANNELS = {'motion': 2, 'flow': 2}
_GREY = 127.5

#: Residuals are multiplied by it to be seen, and shown around grey.
RESIDUAL_GAIN = 4


def browse_dataset(
    cfg: Config,
    split: Literal['train', 'val', 'test'] = 'train',
    number: int = 4,
    shuffle: bool = False,
    seed: int = 0,
) -> list[BrowsedSample]:
    """Some samples of a config as its network gets them, back in colours that can be looked at.

    They go through the pipeline and, in one batch where they are of one shape, through the model's
    data preprocessor, which augments those of training. What a network does with its inputs
    itself, such as turning flow or synthesising views, comes later and is not seen.

    Args:
        cfg: A config.
        split: Whose data.
        number: How many samples at most.
        shuffle: Draw the samples at random; otherwise they are spread evenly over the list, from
            its first on.
        seed: Of what is drawn: samples and augmentation.

    Raises:
        ValueError: The config has no such data, or inputs that are no pictures.
        VideoListError: The list, or the videos, are missing.
        VideoError: A test's video cannot be read.
    """
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        having = [name for name in ('train', 'val', 'test') if cfg.get(f'{name}_dataloader')]
        raise ValueError(f'{cfg.filename} has no {split}_dataloader, but of {having}')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'ssvrl_mm')):
        dataset = DATASETS.build(loader['dataset'])
        kind = (cfg.get('model') or {}).get('data_preprocessor') or dict(
            type='BaseDataPreprocessor'
        )
        preprocessor = MODELS.build(kind)
    places = choose_places(len(dataset), number, shuffle, seed)
    with seeded_generators(seed, 1):
        samples = [dataset[place] for place in places]
        batches = _batches(preprocessor, samples, training=split == 'train')
        seen = [entry for batch in batches for entry in batch]
    classes = list((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())
    browsed = []
    for place, sample, (streams, data_sample) in zip(places, samples, seen, strict=True):
        name = _name(dataset, sample, place)
        target = None if data_sample is None else data_sample.get('motion_target')
        if target is not None:
            vectors = _frames_last(target[None].float().cpu())[0]
            streams['motion to predict'] = VectorStream(vectors, 'px/frame')
        title = f'{name} (sample {place} of {len(dataset)})'
        browsed.append(BrowsedSample(title, describe_sample(data_sample, classes), streams))
    return browsed


def choose_places(length: int, number: int, shuffle: bool, seed: int) -> list[int]:
    """The numbers of some samples: evenly from the first on, or drawn at random.

    Example:
        >>> choose_places(100, 4, False, 0)
        [0, 25, 50, 75]
    """
    number = min(number, length)
    if shuffle:
        return np.random.default_rng(seed).choice(length, number, replace=False).tolist()
    return (np.arange(number) * length // max(number, 1)).tolist()


def _batches(
    preprocessor: Any, samples: Sequence[Any], training: bool
) -> Iterator[list[tuple[dict[str, Any], Any]]]:
    """What each sample became: its streams and its data sample."""
    shapes = {_shape(sample['inputs']) for sample in samples}
    groups = [list(samples)] if len(shapes) == 1 else [[sample] for sample in samples]
    for group in groups:
        batch = preprocessor(pseudo_collate(group), training)
        streams = shown_streams(preprocessor, batch['inputs'])
        # Some preprocessors leave the samples on the host alone.
        data_samples = batch.get('data_samples') or [each.get('data_samples') for each in group]
        yield [
            ({name: _of_video(stream, row) for name, stream in streams.items()}, data_samples[row])
            for row in range(len(group))
        ]


def _shape(inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return tuple(sorted((name, tuple(value.shape)) for name, value in inputs.items()))
    return tuple(inputs.shape)


def _of_video(stream: Any, row: int) -> Any:
    if isinstance(stream, VectorStream):
        return stream._replace(vectors=stream.vectors[row])
    return stream[row]


def shown_streams(preprocessor: Any, inputs: Any) -> dict[str, Any]:
    """The streams of a batch with normalisation undone.

    Args:
        preprocessor: What normalised them.
        inputs: What it gave: a tensor, or tensors by the names of the streams.

    Returns:
        Name -> uint8 RGB ``(N, V, T, h, w, 3)``, or a
        :class:`~ssvrl_mm.visualization.dataset_sheet.VectorStream` of ``(N, V, T, h, w, 2)``.

    Raises:
        ValueError: Inputs are no pictures.
    """
    if isinstance(preprocessor, SSLDataPreprocessor):
        tensors = _by_stream(preprocessor, inputs)
        return {
            f'residual x {RESIDUAL_GAIN}' if name == 'residual' else name: _undone(
                preprocessor, name, value
            )
            for name, value in tensors.items()
        }
    if not isinstance(inputs, Mapping):
        inputs = {'inputs': inputs}
    return {name: _plain(preprocessor, name, value) for name, value in inputs.items()}


def _by_stream(preprocessor: Any, inputs: Any) -> dict[str, Tensor]:
    """The tensors of streams that were handed over as one."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if hasattr(preprocessor, 'stream'):
        return {preprocessor.stream: inputs}
    widths = [_CHANNELS.get(stream, 3) for stream in preprocessor.streams]
    return dict(zip(preprocessor.streams, inputs.split(widths, dim=2), strict=True))


def _undone(preprocessor: SSLDataPreprocessor, name: str, value: Tensor) -> Any:
    """A stream of ours."""
    value = value.float().cpu()
    if value.dim() == 5:  # single frames
        value = value.unsqueeze(3)
    if name == 'motion':
        if preprocessor.motion_as_coviar:
            value = 2 * (value - COVIAR_OFFSET)
        clip = preprocessor.motion_clip
        return VectorStream(_frames_last(value * clip), 'px/frame', clip)
    if name == 'flow':
        if preprocessor.divides_by_peak:
            return VectorStream(_frames_last(value), 'x the longest of each frame')
        limit = preprocessor.flow_clip
        return VectorStream(_frames_last(value * (limit or 1)), 'px', limit)
    mean, std = (each.cpu() * 255 for each in (preprocessor.mean, preprocessor.std))
    if name in ('rgb', 'iframe'):
        # What is still was taken away; what is left is shown around grey.
        centre = _GREY if preprocessor.remove_still and name == 'rgb' else mean
        return _pixels(_frames_last(value * std + centre))
    if name == 'residual':
        scale = std if preprocessor.residual_as_coviar else preprocessor.residual_scale
        return _pixels(_frames_last(RESIDUAL_GAIN * value * scale + _GREY))
    return _plain(preprocessor, name, value)


def _plain(preprocessor: Any, name: str, value: Tensor) -> Any:
    """A stream that we know nothing of, normalised as mmaction2 does, or not at all."""
    value = value.float().cpu()
    if hasattr(preprocessor, 'mean') and not isinstance(preprocessor, SSLDataPreprocessor):
        value = value * preprocessor.std.cpu() + preprocessor.mean.cpu()
        if getattr(preprocessor, 'to_rgb', False):
            # Pipelines read RGB, and so it was turned into BGR.
            value = value.flip(-4 if preprocessor.format_shape == 'NCTHW' else -3)
    if value.dim() == 5:
        value = value.unsqueeze(3)
    channels = value.shape[2] if value.dim() == 6 else 0
    if channels == 2:
        return VectorStream(_frames_last(value), '')
    if channels == 3:
        return _pixels(_frames_last(value))
    if channels == 1:
        scale = 255 if name.endswith('_valid') else 1
        return _pixels(_frames_last(value * scale).repeat(3, axis=-1))
    raise ValueError(f'{name} {tuple(value.shape)} is no picture of 1, 2 or 3 channels')


def _frames_last(value: Tensor) -> np.ndarray:
    """(N, V, C, T, h, w) as (N, V, T, h, w, C)."""
    return value.movedim(2, -1).numpy()


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _name(dataset: Any, sample: Mapping[str, Any], place: int) -> str:
    """The folder and the file of a sample's video."""
    facts = dict(getattr(sample.get('data_samples'), 'metainfo', {}))
    if 'filename' not in facts and hasattr(dataset, 'get_data_info'):
        # mmaction2's samples do not carry it. It is the list's, whatever was read in its place.
        facts = dataset.get_data_info(place)
    path = facts.get('filename') or facts.get('frame_dir')
    return '/'.join(Path(path).parts[-2:]) if path else f'sample {place}'
