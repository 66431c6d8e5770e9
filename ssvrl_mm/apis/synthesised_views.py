"""Clips, the views that a generator makes of them, and the flow of both, ready to be drawn."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from ssvrl_mm.apis.video_samples import VideoSamples, pipeline_of
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.wrapping import innermost_datasets


class ViewExample(NamedTuple):
    """A clip and its view.

    Attributes:
        name: The video's folder and file.
        clip: uint8 RGB (T, h, w, 3), as the networks see it; what they do not see is grey.
        view: The same of the view.
        flow: float32 (T - 1, h, w, 2) px, from each frame to the next.
        view_flow: The same of the view.
        quality: Name -> figure, see
            :func:`~ssvrl_mm.models.view_synthesis.view_quality.compare_views`.
    """

    name: str
    clip: np.ndarray
    view: np.ndarray
    flow: np.ndarray
    view_flow: np.ndarray
    quality: dict[str, float]


def held_out_videos(cfg: Config, number: int) -> list[str]:
    """Some of the videos that a config tests with, evenly from its list; of a retrieval queries.

    Args:
        cfg: Config with a ``test_dataloader`` or ``val_dataloader``.
        number: How many at most.

    Raises:
        ValueError: It has none, or no videos.
    """
    for name in ('test_dataloader', 'val_dataloader'):
        found = innermost_datasets((cfg.get(name) or {}).get('dataset'))
        if found:
            chosen = max(found, key=lambda each: each.get('role') == 'query')
            dataset = DATASETS.build(dict(chosen, pipeline=[]))
            places = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round()
            return [dataset.get_data_info(int(place))['filename'] for place in places]
    raise ValueError(f'{cfg.filename or "the config"} tests with no videos: name some by --videos')


def video_name(video: str | os.PathLike) -> str:
    """The video's folder, which is the class in most datasets, and file."""
    return '/'.join(Path(video).parts[-2:])


@torch.no_grad()
def synthesise_examples(
    model: Any, cfg: Config, videos: Sequence[str | os.PathLike]
) -> list[ViewExample]:
    """Views of the middle one of the clips that a config's test pipeline takes of each video.

    Args:
        model: A :class:`~ssvrl_mm.models.recognizers.ViewSynthesizer`, in evaluation mode.
        cfg: Its config.
        videos: Files.

    Raises:
        TypeError: It is another model.
        VideoError: A video cannot be read.
    """
    if not hasattr(model, 'compare'):
        raise TypeError(
            f'{type(model).__name__} synthesises no views: give the config of a ViewSynthesizer'
        )
    samples = VideoSamples([{'filename': os.fspath(video)} for video in videos], pipeline_of(cfg))
    examples = []
    for number, video in enumerate(videos):
        sample = samples[number]
        if sample.error is not None:
            raise sample.error
        batch = model.data_preprocessor(pseudo_collate([sample.packed]), training=False)
        clips = batch['inputs']['rgb'][0]
        clips = clips[len(clips) // 2][None]
        views = model.synthesise(clips[None])[0]
        quality = {name: float(value[0]) for name, value in model.compare(clips).items()}
        name = video_name(video)
        (clip, flow), (view, view_flow) = (_shown(model, each) for each in (clips, views))
        examples.append(ViewExample(name, clip, view, flow, view_flow, quality))
    return examples


def _shown(model: Any, clips: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A clip (1, 3, T, h, w) as uint8 (T, h, w, 3), and its flow (T - 1, h, w, 2)."""
    pixels = model.view_generator.to_pixels(clips)[0].movedim(0, -1).clamp(0, 1) * 255
    flow = model.flows(clips)[0].movedim(0, -1).float()
    return pixels.round().byte().cpu().numpy(), flow.cpu().numpy()
