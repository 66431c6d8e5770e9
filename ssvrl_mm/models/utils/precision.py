"""Keeps contrastive arithmetic out of half precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Brings tensors to one common dtype of at least float32.

    Args:
        *tensors: Floating-point tensors.

    Returns:
        The tensors, half precision widened to float32, all in the widest dtype among them.
    """
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return tuple(tensor.to(dtype) for tensor in tensors)


def without_autocast(like: Tensor) -> AbstractContextManager:
    """A context in which operations on the device of ``like`` keep their inputs' dtype."""
    if not torch.amp.is_autocast_available(like.device.type):
        return nullcontext()
    return torch.autocast(device_type=like.device.type, enabled=False)
