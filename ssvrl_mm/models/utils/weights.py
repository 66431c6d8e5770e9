"""Loading of weights that fails where it would leave random ones in silence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_SHOWN = 5
# BatchNorm's step counter: nothing depends on it, and PyTorch makes one up where there is none.
_COUNTER = 'num_batches_tracked'


class WeightsError(RuntimeError):
    """A checkpoint does not hold the weights of a module; the message says what it holds."""


def named_weights(checkpoint: Any, source: str) -> dict[str, Tensor]:
    """The named weights of a checkpoint, without the ``module.`` of a distributed model.

    Args:
        checkpoint: A state dict, or a dict with a ``state_dict``.
        source: Where it comes from, for the message.

    Raises:
        WeightsError: There are none.
    """
    content = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) else {}
    content = content if isinstance(content, Mapping) else {}
    weights = {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not weights:
        raise WeightsError(f'{source}: holds no state dict')
    if all(name.startswith('module.') for name in weights):
        weights = {name.removeprefix('module.'): value for name, value in weights.items()}
    return weights


def load_weights(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    source: str,
    prefix: str = '',
    ignore: Sequence[str] = (),
    allow_left_over: bool = False,
) -> int:
    """Loads weights whose names and shapes are those of a module, or raises.

    The module's own hooks see the weights first: an :class:`~ssvrl_mm.models.backbones.S3D` takes
    those of torchvision's ``s3d``.

    Args:
        module: Module to fill.
        weights: Name -> weight, as :func:`named_weights` gives them.
        source: Where they come from, for the message.
        prefix: What the names of the module's weights start with there; others are not looked at.
        ignore: Starts of names (in the module) that may be missing, differ in shape or have no
            place in the module.
        allow_left_over: Whether weights without a place in the module are let pass, such as those
            of another stream.

    Returns:
        How many weights were loaded, BatchNorm's statistics among them, its counters not.

    Raises:
        WeightsError: Not one, or not every weight of the module is there, some have another
            shape, there are more below the prefix than the module has, or some are NaN or
            infinite.
    """
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    allowed = tuple(ignore)
    part = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    reshaped = [name for name in own if name in part and tuple(part[name].shape) != own[name]]
    part = {n: w for n, w in part.items() if not (n in reshaped and n.startswith(allowed))}
    try:
        result = module.load_state_dict(part, strict=False)
    except (RuntimeError, ValueError) as error:  # other shapes; weights that cannot be converted
        lines = [line.strip() for line in str(error).splitlines()]
        raise WeightsError(
            f'{source}: weights {_under(prefix)} do not fit {type(module).__name__}: '
            f'{" ".join(lines[: _SHOWN + 1]).rstrip(".")}{_advice(weights, own, prefix)}'
        ) from None
    missing, left_over = (
        [name for name in names if not name.endswith(_COUNTER) and not name.startswith(allowed)]
        for names in (result.missing_keys, result.unexpected_keys)
    )
    absent = set(result.missing_keys)
    matched = sum(not name.endswith(_COUNTER) and name not in absent for name in own)
    if missing or not matched or (left_over and not allow_left_over):
        total = sum(not name.endswith(_COUNTER) for name in own)
        raise WeightsError(
            f'{source}: {matched} of the {total} weights of {type(module).__name__} are there '
            f'{_under(prefix)}; {len(missing)} are missing{_some(missing)}, {len(left_over)} have '
            f'no place in it{_some(left_over)}{_without(missing, own) if matched else ""}'
            f'{_advice(weights, own, prefix)}'
        )
    spoiled = [name for name in not_finite(module) if name in part]
    if spoiled:
        raise WeightsError(
            f'{source}: {len(spoiled)} weights {_under(prefix)} are not finite{_some(spoiled)}; '
            'the training that wrote them had diverged'
        )
    return matched


@torch.no_grad()
def not_finite(module: nn.Module) -> list[str]:
    """The names of the parameters that hold NaN or infinity, and of the buffers that hold NaN.

    Infinity in a buffer may be meant, as in a mask of attention. The device is waited for once.
    """
    flags = {
        **{name: ~value.isfinite().all() for name, value in module.named_parameters()},
        **{
            name: value.isnan().any()
            for name, value in module.named_buffers()
            if value.is_floating_point()
        },
    }
    if not flags:
        return []
    device = next(iter(flags.values())).device
    spoiled = torch.stack([flag.to(device) for flag in flags.values()]).tolist()
    return [name for name, bad in zip(flags, spoiled, strict=True) if bad]


def _under(prefix: str) -> str:
    return f'under the prefix {prefix!r}' if prefix else 'without a prefix'


def _some(names: Sequence[str]) -> str:
    if not names:
        return ''
    return f' ({", ".join(names[:_SHOWN])}{", ..." if len(names) > _SHOWN else ""})'


def _without(missing: Sequence[str], own: Iterable[str]) -> str:
    """What to do about parts of a module, such as networks, that are missing as a whole."""
    of_part: dict[str, set[str]] = {}
    for name in own:
        if not name.endswith(_COUNTER):
            of_part.setdefault(name.partition('.')[0], set()).add(name)
    absent = [part for part, names in of_part.items() if names <= set(missing)]
    if not absent:
        return ''
    parts = ' and '.join(absent)
    return (
        f'. Nothing of {parts} is there: it was saved by a model without. Take the config that it '
        f'was trained with, or another one without {parts}'
    )


def _advice(
    weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], prefix: str
) -> str:
    """The prefixes under which the module's weights are, in their shapes, or else all prefixes."""
    first = next(iter(shapes), None)
    fitting = [
        candidate
        for name in weights
        if first is not None and (name == first or name.endswith(f'.{first}'))
        for candidate in [name.removesuffix(first)]
        if candidate != prefix
        and all(
            candidate + wanted in weights and tuple(weights[candidate + wanted].shape) == shape
            for wanted, shape in shapes.items()
        )
    ]
    if fitting:
        return f'. All of them are under {" and ".join(map(repr, fitting))}'
    prefixes = Counter(f'{name.partition(".")[0]}.' for name in weights)
    held = ', '.join(f'{name!r} ({count})' for name, count in prefixes.most_common(8))
    return f'. The checkpoint holds {len(weights)} weights, under {held}'
