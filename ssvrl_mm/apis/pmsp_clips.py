"""What IMRNet's pretext task asks of a video, and what a network answers, ready to be drawn."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate

from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.registry import TRANSFORMS

_LABELS = 'PMSPLabels'


class PMSPClip(NamedTuple):
    """A clip of a video.

    Attributes:
        frames: Numbers of its I-frames, (T,).
        iframes: uint8 RGB (T, h, w, 3).
        labels: int (W, G): of each window and grid the cell that moves most; -1: no motion.
        packed: What a model takes, of all clips of the video; None without packing.
        number: Which of these clips it is.
    """

    frames: np.ndarray
    iframes: np.ndarray
    labels: np.ndarray
    packed: Any
    number: int


def label_pipeline(mode: str, motion: str, short_side: int = 256, size: int = 224) -> list[dict]:
    """The transforms from a video to the labels of its middle, as the paper tests.

    Args:
        mode: 'virtual' or 'real' groups of pictures.
        motion: Where motion comes from: 'codec', 'estimate' or 'auto'.
        short_side: px to which the frame is resized.
        size: px of the crop in its middle.
    """
    return [
        dict(type='OpenCompressedVideo', motion=motion),
        dict(type='SampleGOPs', mode=mode, test_mode=True),
        dict(type='ClipResize', short_side=short_side),
        dict(type='ClipCenterCrop', size=size),
        dict(type='DecodeCompressedVideo', streams=('iframe', 'motion')),
        dict(type=_LABELS),
    ]


def with_labels(pipeline: Sequence[Any]) -> list[Any]:
    """A test pipeline that computes labels, which it needs not otherwise."""
    steps = list(pipeline)
    kinds = [str(step.get('type')).rpartition('.')[2] for step in steps]
    if _LABELS not in kinds:
        place = kinds.index('PackSSLInputs') if 'PackSSLInputs' in kinds else len(kinds)
        steps.insert(place, dict(type=_LABELS))
    return steps


def read_clip(path: str | os.PathLike, pipeline: Sequence[Any]) -> PMSPClip:
    """The middle one of the clips that a pipeline takes of a video.

    Args:
        path: The video.
        pipeline: Configs of transforms, among them ``PMSPLabels``; ``PackSSLInputs`` comes last, if
            it is there.

    Raises:
        VideoError: The video cannot be read, or its groups of pictures are not as asked for.
        ValueError: The pipeline gives no I-frames.
    """
    steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
    packs = type(steps[-1]).__name__ == 'PackSSLInputs'
    results: dict[str, Any] = dict(
        filename=os.fspath(path), label=-1, video_id=0, modality='RGB', start_index=0
    )
    try:
        with seeded_generators(0, 0, 0):
            results = Compose(steps[:-1] if packs else steps)(results)
        if 'iframes' not in results:
            raise ValueError(f'the pipeline gives no I-frames, but {sorted(results)}')
        labels = results['pmsp_labels']
        count = len(labels)
        number = count // 2
        iframes = np.stack(results['iframes'])
        return PMSPClip(
            np.reshape(results['iframe_inds'], (count, -1))[number],
            iframes.reshape(count, -1, *iframes.shape[1:])[number],
            labels[number],
            steps[-1](results) if packs else None,
            number,
        )
    finally:
        reader = (results or {}).pop('video_reader', None)
        if reader is not None:
            reader.close()


@torch.no_grad()
def predict_cells(model: Any, clip: PMSPClip) -> np.ndarray:
    """The cells that a network names: int (W, G), as the labels have them.

    Args:
        model: A ``JointPretextRecognizer`` with a ``PMSPHead``, in evaluation mode.
        clip: With what the model takes.

    Raises:
        TypeError: The model has no such head.
    """
    heads = [
        head for head in getattr(model, 'heads', {}).values() if hasattr(head, 'predict_cells')
    ]
    if not heads:
        raise TypeError(f'{type(model).__name__} has no PMSPHead: it predicts no cells')
    head = heads[0]
    inputs = model.data_preprocessor(pseudo_collate([clip.packed]), training=False)['inputs']
    maps = model.backbone({stream: inputs[stream][:, clip.number] for stream in model.streams})
    levels = head.predict_cells(maps)
    columns = [torch.cat([levels[f's{s}_t{t}'][0] for t in head.windows]) for s in head.grids]
    return torch.stack(columns, dim=1).cpu().numpy()
