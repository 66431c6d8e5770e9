"""Multiply-adds and parameters of a backbone, stage by stage, without computing anything."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
#: What a backbone takes: one tensor without its first axis, or stream -> such a tensor.
Shapes = Shape | Mapping[str, Shape]


class Stage(NamedTuple):
    """A part of a backbone.

    Args:
        name: Its name in the backbone.
        multiply_adds: Of one clip.
        parameters: Trained numbers.
    """

    name: str
    multiply_adds: int
    parameters: int


#: What a backbone computes and holds outside its stages.
REST = 'rest'


def count_stages(backbone: nn.Module, shapes: Shapes) -> list[Stage]:
    """Counts the multiply-adds and parameters of a backbone in evaluation, for one clip.

    Multiply-adds are half the operations of torch's ``FlopCounterMode``: those of matrix products,
    convolutions and attention; norms, activations and pooling count nothing. Tensors have no
    memory behind them, so that any size takes a moment.

    Args:
        backbone: Any module; stays as it is.
        shapes: What it takes, of one clip: (C, T, H, W) or stream -> (C, T, H, W).

    Returns:
        The stages in the order of the backbone: its parts that are called, inside lists and
        mappings of modules and inside parts that are backbones themselves; and what lies outside
        of them, if anything, as ``REST``. They add up to the whole.

    Raises:
        ValueError: As the backbone raises it, for shapes that it does not take.

    Example:
        >>> stages = count_stages(C3D(), (3, 16, 112, 112))
        >>> stages[0].name, stages[0].multiply_adds == 16 * 112**2 * 64 * 3 * 27
        ('stages.0', True)
    """
    network = on_meta(backbone)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(_empty(shapes))
    by_module = counter.get_flop_counts()
    root = type(network).__name__
    stages = [
        Stage(name, sum(by_module.get(f'{root}.{name}', {}).values()) // 2, count_parameters(part))
        for name, part in _stages(network)
    ]
    rest = Stage(
        REST,
        counter.get_total_flops() // 2 - sum(stage.multiply_adds for stage in stages),
        count_parameters(network) - sum(stage.parameters for stage in stages),
    )
    return [*stages, rest] if rest.multiply_adds or rest.parameters else stages


def on_meta(module: nn.Module) -> nn.Module:
    """A copy of a module, in evaluation mode, whose tensors have shapes alone."""
    return copy.deepcopy(module).to('meta').eval()


def count_parameters(module: nn.Module) -> int:
    """The number of a module's parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def _stages(module: nn.Module, prefix: str = '') -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict | BaseModule):
            yield from _stages(child, f'{prefix}{name}.')
        elif count_parameters(child):
            yield prefix + name, child


def _empty(shapes: Shapes) -> Any:
    if isinstance(shapes, Mapping):
        return {stream: _empty(shape) for stream, shape in shapes.items()}
    clip: Tensor = torch.empty((1, *shapes), device='meta')
    return clip
