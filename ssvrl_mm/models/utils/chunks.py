"""The clips of a video, some at a time: the last of them are as many as the others."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def padded(clips: Tensor, size: int) -> Tensor:
    """Fills a chunk up with clips of zeros where cuDNN would try its algorithms on a new shape.

    ``cudnn_benchmark`` does so once for every number of clips. In evaluation clips do not know of
    each other: take the results of the first ``len(clips)``.

    Args:
        clips: (N, C, T, H, W).
        size: Clips of a full chunk.

    Returns:
        (size, C, T, H, W) in the same layout, or the clips themselves.
    """
    missing = size - len(clips)
    if missing <= 0 or not _tries_algorithms(clips):
        return clips
    return F.pad(clips, (0, 0) * (clips.dim() - 1) + (0, missing))


def stream_chunks(clips: Mapping[str, Tensor], size: int) -> list[dict[str, Tensor]]:
    """The clips of several streams, some at a time, the last chunk :func:`padded`.

    Args:
        clips: Stream -> (N, C, T, H, W).
        size: Clips of a chunk; at most all of them.

    Returns:
        Stream -> (n, C, T, H, W), chunk by chunk. Take the first N of the results.
    """
    total = len(next(iter(clips.values())))
    size = min(size, total)
    return [
        {stream: padded(x[start : start + size], size) for stream, x in clips.items()}
        for start in range(0, total, size)
    ]


def _tries_algorithms(clips: Tensor) -> bool:
    return clips.is_cuda and torch.backends.cudnn.benchmark


class PaddedViews:
    """Fills up the last of several chunks that mmaction2's ``Recognizer3D`` forwards in a test.

    It hooks on to the backbone. A chunk that is not full is the last one where a full one came
    before; a video of fewer clips is forwarded as it is.

    Args:
        backbone: A backbone that takes clips (N, C, T, H, W).
        size: ``max_testing_views``.
    """

    def __init__(self, backbone: nn.Module, size: int) -> None:
        self.size = size
        self._count, self._after_full = 0, False
        backbone.register_forward_pre_hook(self._fill)
        backbone.register_forward_hook(self._cut)

    def _fill(self, backbone: nn.Module, args: tuple) -> tuple | None:
        clips = args[0]
        follows, self._count = self._after_full, len(clips)
        self._after_full = not backbone.training and self._count == self.size
        return (padded(clips, self.size), *args[1:]) if follows else None

    def _cut(self, backbone: nn.Module, args: tuple, output: Any) -> Any:
        return _first(output, self._count) if len(args[0]) > self._count else None


def pad_views(model: nn.Module) -> None:
    """Installs :class:`PaddedViews` in every ``Recognizer3D`` with ``max_testing_views``.

    Args:
        model: Any model, changed in place.
    """
    from mmaction.models import Recognizer3D

    for module in model.modules():
        size = (getattr(module, 'test_cfg', None) or {}).get('max_testing_views')
        stock = getattr(type(module), 'extract_feat', None) is Recognizer3D.extract_feat
        if stock and size:
            PaddedViews(module.get_submodule('backbone'), size)


def _first(output: Any, count: int) -> Any:
    if isinstance(output, Tensor):
        return output[:count]
    if isinstance(output, Mapping):
        return {name: _first(part, count) for name, part in output.items()}
    if isinstance(output, list | tuple):
        return type(output)([_first(part, count) for part in output])
    return output
