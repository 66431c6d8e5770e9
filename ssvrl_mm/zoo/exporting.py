"""Backbone and pooling as ONNX or as a program of ``torch.export``, for any number of clips."""

import contextlib
import copy
import io
import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.zoo.extras import require_extra

#: What an exported network may differ by, as a share of the largest feature.
TOLERANCE = 1e-4
_BATCH = 'batch'


class ExportError(RuntimeError):
    """A network that cannot be exported, or whose export gives other features."""


class PooledBackbone(nn.Module):
    """A backbone and the average over time and space: clips -> features (N, D).

    Args:
        backbone: The network.
        streams: The names of its streams where it takes several by name; none for one tensor.
    """

    def __init__(self, backbone: nn.Module, streams: Sequence[str] = ()) -> None:
        super().__init__()
        self.backbone = backbone
        self.streams = tuple(streams)

    def forward(self, *clips: Tensor) -> Tensor:
        """The features (N, D) of clips (N, C, T, H, W), one tensor per stream."""
        named = dict(zip(self.streams, clips, strict=True)) if self.streams else clips[0]
        return pool_features(self.backbone(named))


def clip_shapes(
    backbone: Any, frames: int, size: tuple[int, int]
) -> dict[str, tuple[int, int, int, int]]:
    """The shapes (C, T, H, W) that a backbone takes clips in.

    Args:
        backbone: One of ours.
        frames: T; of I-frames where there are some, and as many more of the other streams.
        size: H and W in px.

    Returns:
        Name of the stream -> shape; ``'clips'`` for a network that takes one tensor.

    Raises:
        ExportError: The network does not say what it takes.
    """
    if isinstance(getattr(backbone, 'in_channels', None), int):
        return {'clips': (backbone.in_channels, frames, *size)}
    if hasattr(backbone, 'kappa') and hasattr(backbone, 'streams'):
        return {
            stream: (
                2 if stream == 'motion' else 3,
                frames if stream == 'iframe' else frames * backbone.kappa,
                *size,
            )
            for stream in backbone.streams
        }
    raise ExportError(
        f'{type(backbone).__name__} does not say which clips it takes; S3D, C3D, VideoResNet and '
        'IMRNet do'
    )


def export_backbone(
    backbone: nn.Module, path: str | Path, frames: int, size: tuple[int, int]
) -> dict[int, float]:
    """Writes a backbone with its pooling, then compares what was written with the network.

    Args:
        backbone: One of ours, which stays as it is; a copy is exported in evaluation mode, on the
            CPU, in float32.
        path: ``.onnx``, or ``.pt2`` for :func:`torch.export.load`. The number of clips is left
            open, their shape is not. A file that is there is replaced once the comparison is done.
        frames: See :func:`clip_shapes`.
        size: H and W in px.

    Returns:
        Number of clips -> the largest difference, as a share of the largest feature. ONNX is
        computed by onnxruntime.

    Raises:
        ExportError: The path has another ending, the network does not say what it takes, the
            clips are too small for it, or features differ by more than :data:`TOLERANCE`.
        ImportError: The extra ``deploy`` is not installed.
        OSError: The file cannot be written.
    """
    path = Path(path)
    if path.suffix not in ('.onnx', '.pt2'):
        raise ExportError(f'{path}: write to a .onnx or a .pt2 file')
    if path.suffix == '.onnx':
        for package in ('onnx', 'onnxscript', 'onnxruntime'):
            require_extra(package, 'deploy', 'ONNX')
    shapes = clip_shapes(backbone, frames, size)
    streams = () if set(shapes) == {'clips'} else tuple(shapes)
    network = PooledBackbone(copy.deepcopy(backbone), streams)
    network = network.cpu().float().eval().requires_grad_(False)
    try:
        network(*_clips(shapes, 2))
    except (ValueError, RuntimeError) as error:
        raise ExportError(f'the network does not take clips of {shapes}: {error}') from error
    program = torch.export.export(
        network, _clips(shapes, 2), dynamic_shapes=_any_batch(len(shapes))
    )
    # Beside the file, whose name it takes once it has been found right.
    with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
        draft = Path(folder, path.name)
        if path.suffix == '.onnx':
            _write_onnx(program, draft, tuple(shapes))
        else:
            torch.export.save(program, draft)
        differences = compare(network, draft, shapes)
        wrong = [value for value in differences.values() if not value <= TOLERANCE]  # NaN, too
        if wrong:
            worst = math.nan if any(map(math.isnan, wrong)) else max(wrong)
            raise ExportError(
                f'{path}: not written, as features differ by {worst:.2g} of the largest, more than '
                f'{TOLERANCE:g}'
            )
        os.replace(draft, path)
    return differences


def compare(
    network: nn.Module,
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    batches: Sequence[int] = (1, 3),
) -> dict[int, float]:
    """The largest difference between features of a network and of its export.

    Args:
        network: A :class:`PooledBackbone`.
        path: The export.
        shapes: Stream -> (C, T, H, W).
        batches: Numbers of clips to try.

    Returns:
        Number of clips -> difference, as a share of the largest feature; random clips.
    """
    if path.suffix == '.onnx':
        runtime = require_extra('onnxruntime', 'deploy', 'a comparison with ONNX')
        session = runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])

        def exported(*clips: Tensor) -> Tensor:
            named = {name: x.numpy() for name, x in zip(shapes, clips, strict=True)}
            return torch.from_numpy(session.run(None, named)[0])
    else:
        exported = torch.export.load(path).module()

    differences = {}
    for count in batches:
        clips = _clips(shapes, count)
        with torch.no_grad():
            ours = network(*clips)
            difference = (exported(*clips) - ours).abs().max() / ours.abs().max()
        differences[count] = float(difference)
    return differences


def _clips(shapes: Mapping[str, Sequence[int]], count: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(count)
    return tuple(torch.randn(count, *shape, generator=generator) for shape in shapes.values())


def _any_batch(count: int) -> tuple[tuple[dict[int, Any], ...]]:
    """What may vary of the positional arguments: their first axis, together."""
    batch = torch.export.Dim(_BATCH)
    return (tuple({0: batch} for _ in range(count)),)


def _write_onnx(program: Any, path: Path, names: Sequence[str]) -> None:
    log = logging.getLogger('torch.onnx')
    level = log.level
    log.setLevel(logging.ERROR)  # it misses torchvision, of which nothing is exported
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of its steps
            exported = torch.onnx.export(
                program,
                input_names=list(names),
                output_names=['features'],
                dynamic_shapes=_any_batch(len(names)),
                dynamo=True,
            )
    finally:
        log.setLevel(level)
    assert exported is not None
    exported.save(str(path), external_data=False)
