"""What of a training's weights is published: what features come from, and by choice more."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ssvrl_mm.models.utils.key_queue import KeyQueue
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder


class StrippingError(ValueError):
    """Weights that cannot be published; the message names them."""


class Stripped(NamedTuple):
    """The weights of a published file.

    Attributes:
        weights: Name -> tensor on the CPU, each with memory of its own.
        left_out: What was left out -> number of tensors.
    """

    weights: dict[str, Tensor]
    left_out: dict[str, int]


def strip_weights(
    model: Any,
    weights: Mapping[str, Tensor],
    momentum: bool = False,
    queue: bool = False,
    heads: bool = False,
    half: bool = False,
) -> Stripped:
    """Leaves out what only training needs.

    What features and predictions depend on stays in any case: a model that answers its pretext
    task keeps the head that answers.

    Args:
        model: The recognizer that the weights are of.
        weights: Its state dict.
        momentum: Whether to keep the momentum encoders.
        queue: Whether to keep the queue of keys.
        heads: Whether to keep heads and whatever else is for training alone.
        half: Whether to write float16. Vectors stay float32: statistics and scales of norms, which
            act on whole channels, are next to nothing of a file.

    Raises:
        StrippingError: Weights are not finite, or too large for float16.

    Example:
        >>> strip_weights(model, model.state_dict()).left_out
        {'momentum encoder': 120, 'queue': 5}
    """
    spared = tuple(getattr(model, 'training_only', ()))
    kept: dict[str, Tensor] = {}
    left_out: dict[str, int] = {}
    choices = {'momentum encoder': momentum, 'queue': queue, 'head': heads}
    starts = {
        'momentum encoder': _starts(model, MomentumEncoder),
        'queue': _starts(model, KeyQueue),
        'head': spared,
    }
    for name, value in weights.items():
        part = next((p for p, of_part in starts.items() if name.startswith(of_part)), None)
        if part is not None and name.startswith(spared) and not choices[part]:
            left_out[part] = left_out.get(part, 0) + 1
        else:
            kept[name] = _plain(name, value, half)
    return Stripped(kept, left_out)


def _starts(model: Any, kind: type) -> tuple[str, ...]:
    return tuple(f'{name}.' for name, part in model.named_modules() if isinstance(part, kind))


def _plain(name: str, value: Tensor, half: bool) -> Tensor:
    """A tensor without graph, without others in its memory, in the usual layout."""
    if value.is_floating_point() and not value.isfinite().all():
        raise StrippingError(f'{name} is not finite: the training that wrote it had diverged')
    plain = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if not half or not plain.is_floating_point() or plain.ndim < 2:
        return plain
    narrow = plain.half()
    if not narrow.isfinite().all():
        raise StrippingError(
            f'{name} holds {float(plain.abs().max()):.4g}, more than float16 can: publish float32'
        )
    return narrow
