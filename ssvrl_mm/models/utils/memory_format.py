"""The memory layout that 3D convolutions are fastest in."""

from typing import TypeVar

import torch
from torch import Tensor, nn

ModuleT = TypeVar('ModuleT', bound=nn.Module)


def to_channels_last_3d(module: ModuleT) -> ModuleT:
    """Lays the 3D convolution weights of a module out channels-last, in place.

    Only five-dimensional parameters change (``module.to(memory_format=torch.channels_last_3d)``
    fails on the four-dimensional ones of a 2D network). Values, names and checkpoints stay as they
    are. Call it before the model is wrapped for distribution.

    Args:
        module: Any module.

    Returns:
        The module itself.

    Example:
        >>> conv = to_channels_last_3d(nn.Conv3d(4, 8, 3))
        >>> conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
        True
    """
    for parameter in module.parameters():
        if parameter.dim() == 5:
            data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
            # A point is contiguous either way; torch expects its gradient in strides as it has.
            if data.shape[2:].numel() == 1:
                channels = data.shape[1]
                data = data.as_strided(data.shape, (channels, 1, *[channels] * 3))
            parameter.data = data
    return module


def lay_out_clips(clips: Tensor, channels_last: bool) -> Tensor:
    """Clips (N, C, T, H, W) in the layout that the convolutions work in; copies where needed."""
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    return clips.contiguous(memory_format=layout)


def lay_out_networks(model: nn.Module) -> None:
    """Lays out the weights of recognizers whose clips come channels-last, in place.

    cuDNN would lay them out in every step: those of a ``Recognizer3D`` behind a
    :class:`~ssvrl_mm.models.SingleStreamPreprocessor` for instance. Call it before the model is
    wrapped and before the optimizer is built.

    Args:
        model: A model; it, or parts of it, or their data preprocessors have ``channels_last``.
    """
    for module in model.modules():
        preprocessor = getattr(module, 'data_preprocessor', None)
        if any(getattr(part, 'channels_last', False) for part in (module, preprocessor)):
            to_channels_last_3d(module)
