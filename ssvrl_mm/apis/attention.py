"""Where networks look in clips of videos, ready to be drawn."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmaction.models import Recognizer2D
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from ssvrl_mm.apis.feature_maps import (
    FeatureMap,
    activation_map,
    at_frames,
    find_layers,
    find_networks,
    grad_cam,
    normalised,
    recording,
)
from ssvrl_mm.apis.inferencer import classes_of
from ssvrl_mm.apis.loading import init_model
from ssvrl_mm.apis.video_samples import VideoSamples, pipeline_of
from ssvrl_mm.visualization.attention import AttentionRow
from ssvrl_mm.visualization.tiles import evenly


class Attention(NamedTuple):
    """What a model looks at.

    Attributes:
        rows: Of each video a row for each stream.
        left_out: Streams of the model that the config does not test with, or without such a layer.
    """

    rows: list[list[AttentionRow]]
    left_out: list[str]


class AttentionModel(NamedTuple):
    """A model whose attention is drawn.

    Attributes:
        name: What it is called in the picture.
        cfg: Its config.
        checkpoint: Its weights; None: random ones.
    """

    name: str
    cfg: Config
    checkpoint: str | None


def attend(
    model: AttentionModel,
    videos: Sequence[str | os.PathLike],
    frames: int | None = None,
    layer: str | None = None,
    by_class: bool = False,
    category: int | None = None,
    device: str | None = None,
) -> Attention:
    """Runs a model on the middle one of the clips that its config tests each video with.

    Args:
        model: Config and weights.
        videos: Files.
        frames: How many of the clip's frames, evenly; None: all of them.
        layer: See :func:`~ssvrl_mm.apis.feature_maps.find_layers`.
        by_class: Grad-CAM of a class's score, instead of the class-agnostic activation map.
        category: Its number; None: the class that the model finds.
        device: 'cpu' or 'cuda'; by default the latter if there is one.

    Returns:
        The rows, and what there is none of.

    Raises:
        TypeError: The model has no backbone, or no classifier for ``by_class``.
        LayerError: It has no such layer.
        ValueError: There is no such class; there is no picture to draw on; the activations are
            not finite.
        VideoError: A video cannot be read.
        WeightsError: The checkpoint does not fit the model.
    """
    network, meta = init_model(model.cfg, model.checkpoint, device)
    networks = find_networks(network)
    layers = find_layers(networks, layer)
    if by_class and not _classifies(network):
        raise TypeError(
            f'{model.name}: Grad-CAM shows what speaks for a class, and '
            f'{type(network).__name__} has no classifier; without --grad-cam any network will do'
        )
    classes = classes_of(model.cfg, meta)
    default = getattr(network.data_preprocessor, 'stream', 'rgb')
    pipeline, is_added = _with_pictures(pipeline_of(model.cfg))
    samples = VideoSamples([{'filename': os.fspath(video)} for video in videos], pipeline)
    rows = []
    for number in range(len(videos)):
        sample = samples[number]
        if sample.error is not None:
            raise sample.error
        packed, pictures = _middle_clip(sample.packed, _sees_frames(network), is_added)
        with recording(layers, default) as found, torch.enable_grad():
            batch = network.data_preprocessor(pseudo_collate([packed]), training=False)
            if _classifies(network) and not _fuses(network):
                scores = network(batch['inputs'], mode='tensor', stage='head')
            else:
                scores = network(batch['inputs'], mode='tensor')
        titles = dict.fromkeys(found, '')
        if by_class:
            maps, titles = _by_class(found, scores, category, classes)
        else:
            maps = {stream: activation_map(each.output) for stream, each in found.items()}
        of_video = []
        for stream, each in found.items():
            # I-frames need not be frames of the clip.
            seen = pictures.get(stream, next(iter(pictures.values())))
            shown = evenly(len(seen), frames)
            drawn = _enlarged(maps[stream], each.clip_len, shown, seen)
            elsewhere = _other_time(packed, stream)
            grid = ' x '.join(map(str, maps[stream].shape[1:]))
            title = f'{model.name}: {stream}{titles[stream]}, {grid} cells{elsewhere}'
            of_video.append(AttentionRow(title, seen[shown], drawn, not elsewhere))
        rows.append(of_video)
    left_out = [each.stream for each in networks if each.stream and each.stream not in found]
    return Attention(rows, left_out)


def _by_class(
    found: Mapping[str, FeatureMap], scores: Any, category: int | None, classes: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Grad-CAM of each stream, and the class and its probability in words."""
    # Classifiers that are fused later have a score each, one network over streams has one.
    is_fused = isinstance(scores, Mapping)
    titles, chosen_scores = {}, []
    for stream, each in scores.items() if is_fused else [('', scores)]:
        row = each.float().flatten()
        if category is not None and not 0 <= category < len(row):
            raise ValueError(f'--class must be from 0 to {len(row) - 1}, got {category}')
        chosen = int(row.argmax()) if category is None else category
        probabilities = row.softmax(dim=0).tolist()
        name = f' {classes[chosen]}' if chosen < len(classes) else ''
        titles[stream] = f', class {chosen}{name} ({probabilities[chosen]:.0%})'
        chosen_scores.append(row[chosen])
    outputs = [each.output for each in found.values()]
    gradients = torch.autograd.grad(torch.stack(chosen_scores).sum(), outputs)
    maps = {
        stream: grad_cam(output, gradient)
        for stream, output, gradient in zip(found, outputs, gradients, strict=True)
    }
    return maps, {stream: titles[stream if is_fused else ''] for stream in found}


def _classifies(model: Any) -> bool:
    return _fuses(model) or bool(getattr(model, 'with_cls_head', False))


def _fuses(model: Any) -> bool:
    """Whether it is a late fusion, which has classifiers instead of a head."""
    return hasattr(model, 'classifiers')


def _sees_frames(model: Any) -> bool:
    """Whether what is sampled of a video are frames, not clips."""
    return any(isinstance(module, Recognizer2D) for module in model.modules())


def _with_pictures(pipeline: Sequence[Any]) -> tuple[list[Any], bool]:
    """The pipeline with RGB, where only motion or residuals are decoded; and whether it was not."""
    changed, is_added = [], False
    for step in pipeline:
        streams = step.get('streams') if isinstance(step, Mapping) else None
        if streams and not {'rgb', 'iframe'} & set(streams):
            step, is_added = dict(step, streams=(*streams, 'rgb')), True
        changed.append(step)
    return changed, is_added


def _middle_clip(packed: Any, of_frames: bool, is_added: bool) -> tuple[Any, dict[str, np.ndarray]]:
    """A packed video of its middle clip alone, and the pictures of that.

    Returns:
        What a model takes; and of 'rgb' and 'iframe', where they are there, uint8 (T, h, w, 3).

    Raises:
        ValueError: There are no pictures among the inputs.
    """
    inputs = packed['inputs']
    streams = dict(inputs) if isinstance(inputs, Mapping) else {'rgb': inputs}
    if not of_frames:
        streams = {s: x[len(x) // 2 : len(x) // 2 + 1] for s, x in streams.items()}
    pictures = {
        name: _pictures(streams[name])
        for name in ('rgb', 'iframe')
        if name in streams and streams[name].dtype == torch.uint8 and streams[name].shape[1] == 3
    }
    if not pictures:
        raise ValueError(
            f'the pipeline that the config tests with packs {sorted(streams)}, and no pictures '
            'of three channels that a map could be drawn on'
        )
    if is_added:
        # The networks must see what they see in a test.
        del streams['rgb']
    kept = streams if isinstance(inputs, Mapping) else streams['rgb']
    return {**packed, 'inputs': kept}, pictures


def _pictures(clips: Tensor) -> np.ndarray:
    """Clips (V, 3, T, h, w), or frames (V, 3, h, w), one after the other: (V * T, h, w, 3)."""
    frames = clips.transpose(1, 2).flatten(0, 1) if clips.dim() == 5 else clips
    return frames.movedim(1, -1).numpy()


def _other_time(packed: Any, stream: str) -> str:
    """In words, which frames a map is of, where they are others than the pictures are of."""
    told = packed['data_samples'].metainfo
    if stream in ('rgb', 'iframe') or 'motion_inds' not in told or 'frame_inds' not in told:
        return ''
    clips, moving = (np.atleast_2d(told[name]) for name in ('frame_inds', 'motion_inds'))
    clip, span = clips[len(clips) // 2], moving[len(moving) // 2]
    # As many of both, evenly: those of a picture and those drawn on it.
    count = min(clip.size, span.size)
    pairs = [np.take(numbers, evenly(numbers.size, count)) for numbers in (clip, span)]
    reach = max(float(np.median(np.abs(np.diff(pairs[0])))) if count > 1 else 0, 2)
    if np.median(np.abs(pairs[0] - pairs[1])) <= reach:
        return ''
    return (
        f', of frames {span.min()} to {span.max()}: on grey, '
        f'as the pictures are of {clip.min()} to {clip.max()}'
    )


def _enlarged(raw: Tensor, clip_len: int, shown: Sequence[int], pictures: np.ndarray) -> np.ndarray:
    """A map at the pictures that are shown, normalised over these: float32 (F, h, w)."""
    # Of RGB, every second frame may be there: it is the first of the two.
    frames = [place * clip_len // len(pictures) for place in shown]
    height, width = pictures.shape[1:3]
    return normalised(at_frames(raw, clip_len, frames, (height, width))).cpu().numpy()


def expand_folders(videos: Iterable[str | os.PathLike], number: int) -> list[str]:
    """Files, and of folders some of their videos, evenly from the sorted list."""
    from ssvrl_mm.datasets import scan_videos

    files: list[str] = []
    for video in videos:
        if not Path(video).is_dir():
            files.append(os.fspath(video))
            continue
        entries = scan_videos(video)[0]
        places = np.linspace(0, len(entries) - 1, min(number, len(entries))).round().astype(int)
        files += [os.path.join(video, entries[int(place)].path) for place in places]
    return files
