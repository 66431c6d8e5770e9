"""Contenders for a training sample: the train pipeline of a config, from file to packed tensors."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from ssvrl_mm.datasets.compressed_video import pipeline_with_choice
from ssvrl_mm.datasets.transforms.geometry import ClipGeometry
from ssvrl_mm.decode_benchmark.floors import SampleFloor
from ssvrl_mm.decode_benchmark.measuring import Comparison, Task
from ssvrl_mm.decode_benchmark.peers import installed, read_torchcodec
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader, FrameBatch, VideoMetadata
from ssvrl_mm.wrapping import innermost_datasets

WHILE = 'crop while decoding'
AFTER = 'crop after decoding'
PEER = 'torchcodec, RGB alone'
FLOOR = 'decoding with vectors'
CALL = 'one reader call, whole frames'

_OPEN, _DECODE = 'OpenCompressedVideo', 'DecodeCompressedVideo'

# Where samplers say which frames become pictures.
_KEYS = {'rgb': 'frame_inds', 'iframe': 'iframe_inds'}

Steps = list[dict[str, Any]]


class PipelineError(ValueError):
    """A config whose train pipeline is not one of compressed videos."""


class TrainPipeline:
    """The train pipeline of a config, to be run in several ways.

    Args:
        config: Path of the config.

    Attributes:
        streams: What it decodes.
        reader_options: How it reads.
        cropped_while, cropped_after: Its steps, with the crops and flips beside
            ``DecodeCompressedVideo`` put before it, and behind it.

    Raises:
        PipelineError: It does not open and decode compressed videos.
    """

    def __init__(self, config: str) -> None:
        loader = Config.fromfile(config).get('train_dataloader') or {}
        dataset: Mapping[str, Any] = next(iter(innermost_datasets(loader.get('dataset'))), {})
        steps = [dict(step) for step in pipeline_with_choice({'pipeline': dataset.get('pipeline')})]
        kinds = [_kind(step) for step in steps]
        if kinds[:1] != [_OPEN] or _DECODE not in kinds:
            raise PipelineError(
                f'{config}: its train pipeline must begin with {_OPEN} and have a {_DECODE}, '
                f'got {kinds}'
            )
        at = kinds.index(_DECODE)
        decode = steps[at]
        own = decode.pop('streams', None)
        self.streams = tuple(own or dataset.get('streams') or ('rgb', 'motion'))
        self.reader_options = dict(dataset.get('reader_options') or {})
        first, last = at, at + 1
        while _is_geometry(steps[first - 1]):
            first -= 1
        while last < len(steps) and _is_geometry(steps[last]):
            last += 1
        crops = steps[first:at] + steps[at + 1 : last]
        self.cropped_while = [*steps[:first], *crops, decode, *steps[last:]]
        self.cropped_after = [*steps[:first], decode, *crops, *steps[last:]]

    def build(self, steps: Steps, streams: Sequence[str]) -> list[Callable]:
        """The steps, ready to run, for some of the streams."""
        choice = dict(type='ChooseStreams', streams=streams, reader_options=self.reader_options)
        if 'motion' not in streams:
            steps = [_without_motion(step) for step in steps]
        return [TRANSFORMS.build(step) for step in [choice, *steps]]

    def build_sampling(self) -> list[Callable]:
        """The steps that choose frames, after which ``video_reader`` is to be closed."""
        steps = self.cropped_after
        kinds = [_kind(step) for step in steps]
        return self.build(steps[: kinds.index(_DECODE)], self.streams)

    def build_torchcodec(self, metadata: VideoMetadata) -> list[Callable]:
        """The steps for RGB alone, read by torchcodec instead."""
        streams = [name for name in self.streams if name in ('rgb', 'iframe')]
        steps = self.build(self.cropped_after, streams)
        at = 1 + [_kind(step) for step in self.cropped_after].index(_DECODE)
        return [steps[0], _Known(metadata), *steps[2:at], _decode_torchcodec, *steps[at + 1 :]]


def run(steps: Iterable[Callable], path: str) -> dict[str, Any]:
    """What steps make of a video; its reader is closed whatever happens."""
    results: dict[str, Any] = dict(filename=path, label=0, video_id=0)
    given = results
    try:
        for step in steps:
            results = step(results)
        return results
    finally:
        reader = given.pop('video_reader', None)
        if isinstance(reader, CompressedVideoReader):
            reader.close()


def seed(number: int) -> None:
    """Seeds what transforms draw from."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
    torch.manual_seed(number)


def sample_comparison(path: str, config: str) -> Comparison:
    """Ways to make a training sample of a video; in every round all draw the same frames and crops.

    Args:
        path: The file.
        config: Path of the config whose train pipeline makes the sample.

    Raises:
        PipelineError: The config has no pipeline of compressed videos.
        VideoError: The file is no video that can be read.
    """
    torch.set_num_threads(1)
    pipeline = TrainPipeline(config)
    with CompressedVideoReader(path, 'auto') as reader:
        metadata = reader.metadata

    def make(steps: list[Callable]) -> Task:
        return lambda: run(steps, path)

    floor = SampleFloor(path)
    found: dict[str, Task] = {
        WHILE: make(pipeline.build(pipeline.cropped_while, pipeline.streams)),
        AFTER: make(pipeline.build(pipeline.cropped_after, pipeline.streams)),
    }
    if 'rgb' in pipeline.streams and installed('torchcodec.decoders'):
        found[PEER] = make(pipeline.build_torchcodec(metadata))
    found[FLOOR] = floor
    call = _WholeFrames(path, pipeline)
    found[CALL] = call
    for name in pipeline.streams if len(pipeline.streams) > 1 else ():
        found[f'{WHILE}, {name} alone'] = make(pipeline.build(pipeline.cropped_while, [name]))
        found[f'{AFTER}, {name} alone'] = make(pipeline.build(pipeline.cropped_after, [name]))

    choose = pipeline.build_sampling()
    prepared: list[int] = []

    def prepare(number: int) -> None:
        if prepared != [number]:
            prepared[:] = [number]
            seed(number)
            chosen = run(choose, path)
            floor.choose(_frames(chosen, pipeline.streams))
            call.choose(chosen)
        seed(number)

    ratios = {'x after': AFTER, 'x torchcodec': PEER, 'x floor': FLOOR, 'x call': CALL}
    return Comparison(found, ratios, prepare)


def _kind(step: Mapping[str, Any]) -> str:
    return str(step['type']).rpartition('.')[2]


def _is_geometry(step: Mapping[str, Any]) -> bool:
    kind = TRANSFORMS.get(step['type'])
    return isinstance(kind, type) and issubclass(kind, ClipGeometry)


def _without_motion(step: dict[str, Any]) -> dict[str, Any]:
    """A step that does not insist on motion."""
    if _kind(step) == 'PackMotionTarget':
        return {**step, 'type': 'PackActionInputs'}
    return {key: value for key, value in step.items() if key not in ('motion_target', 'with_valid')}


def _frames(results: Mapping[str, Any], streams: Sequence[str]) -> list[int]:
    """All frames that a sample shows."""
    keys = dict(_KEYS)
    moving = 'motion_inds' if 'motion_inds' in results else 'frame_inds'
    keys |= dict.fromkeys(('motion', 'residual', 'flow'), moving)
    return np.unique(np.concatenate([np.ravel(results[keys[name]]) for name in streams])).tolist()


class _WholeFrames:
    """Reads what a sample shows in one call of the reader, as large as it is, opening included.

    Args:
        path: The file.
        pipeline: Says how it is read.
    """

    def __init__(self, path: str, pipeline: TrainPipeline) -> None:
        self._path = path
        names = pipeline.streams
        self._pictures = [_KEYS[name] for name in ('rgb', 'iframe') if name in names]
        self._streams = [name for name in names if name not in ('rgb', 'iframe')]
        if self._pictures:
            self._streams.append('rgb')
        open_video = TRANSFORMS.build(pipeline.cropped_after[0])
        self._options = {**open_video.options, **pipeline.reader_options}
        self._options.pop('flow_root', None)
        self._frames: list[int] = []
        self._moving: list[int] = []

    def choose(self, results: Mapping[str, Any]) -> None:
        """Which frames to read."""
        numbers = [np.ravel(results[key]) for key in self._pictures]
        self._frames = np.unique(np.concatenate(numbers)).tolist() if numbers else []
        moving = results.get('motion_inds', results['frame_inds'])
        self._moving = np.unique(moving).tolist()

    def __call__(self) -> FrameBatch:
        """Reads."""
        with CompressedVideoReader(self._path, **self._options) as reader:
            return reader.get_frames_at(self._frames, self._streams, motion_indices=self._moving)


class _Known:
    """In place of the reader, what sampling asks it for."""

    motion, accumulate = 'auto', False

    def __init__(self, metadata: VideoMetadata) -> None:
        self.metadata = metadata
        self.path = metadata.path

    def __call__(self, results: dict) -> dict:
        results['video_reader'] = self
        results['total_frames'] = self.metadata.num_frames
        results['avg_fps'] = self.metadata.average_fps
        return results


def _decode_torchcodec(results: dict) -> dict:
    """Opens the file and decodes the frames, as ``DecodeCompressedVideo`` does."""
    keys = {'imgs': 'frame_inds'}
    if 'iframe' in results['streams']:
        keys['iframes'] = 'iframe_inds'
    asked = {key: np.ravel(results[numbers]) for key, numbers in keys.items()}
    frames = np.unique(np.concatenate(list(asked.values())))
    rgb = read_torchcodec(results['filename'], frames.tolist())
    for key, numbers in asked.items():
        results[key] = [rgb[place] for place in np.searchsorted(frames, numbers)]
    results['original_shape'] = results['img_shape'] = rgb.shape[1:3]
    del results['video_reader']
    return results
