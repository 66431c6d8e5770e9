"""How well the weights of a file fit a layout, and what they become in the other library."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from mmengine.registry import DefaultScope
from torch import Tensor

from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.registry import MODELS

_SHOWN = 3
# BatchNorm's step counter, which files of old releases of PyTorch lack.
_COUNTER = 'num_batches_tracked'


class ConversionError(RuntimeError):
    """Weights that cannot be converted; the message says why, and what to do."""


@dataclass
class Fit:
    """A layout, and the weights of a file in its terms.

    Attributes:
        layout: The layout.
        stream: The stream that our names have; None for those of a network alone.
        converted: The weights under the names of the other side.
        modules: What our names start with -> config of the module, with the sizes of the file.
        taken: Names in the file that have a place.
        left_out: Names that are known to have no counterpart.
        missing: Names that the layout has and the file has not.
        left_over: Names that the file has and the layout has not.
        unfit: What is wrong with weights of the right names, in words.
    """

    layout: Layout
    stream: str | None
    converted: dict[str, Tensor] = field(default_factory=dict)
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether nothing is missing, left over or wrong."""
        return not (self.missing or self.left_over or self.unfit)

    def __str__(self) -> str:
        problems = [
            f'{len(listed)} {what}{_some(listed)}'
            for listed, what in (
                (self.missing, 'missing'),
                (self.left_over, 'left over'),
                (self.unfit, 'unfit'),
            )
            if listed
        ]
        return f'{self.layout.name}: {len(self.taken)} there, {", ".join(problems) or "all of it"}'


def fit(
    layout: Layout, weights: Mapping[str, Tensor], to_ours: bool, stream: str | None = None
) -> Fit:
    """Lays the weights of a file out as the other side names them.

    Args:
        layout: The layout.
        weights: Theirs, or ours.
        to_ours: Whether the weights are theirs.
        stream: The stream whose network is meant; None: that of the layout.
    """
    result = Fit(layout, stream or layout.stream)
    prefixes = []
    for part in layout.parts:
        ours, theirs = part.our_prefix(result.stream), part.theirs
        source, target = (theirs, ours) if to_ours else (ours, theirs)
        config, shapes = _sized(part, weights, source, to_ours)
        names = part.names(shapes)
        present = any(source + (names[n] if to_ours else n) in weights for n in names)
        if not present and part is not layout.backbone:
            continue
        prefixes.append(source)
        result.modules[ours] = config
        if part.is_momentum_copy and not to_ours:
            result.taken.add(part.step_name(result.stream))
        for name, want in shapes.items():
            shape = (*want.shape, 1, 1, 1) if part.pointwise and want.dim() == 2 else want.shape
            twin = _twin(part, names[name])
            if to_ours:
                _take(result, weights, source + names[name], target + name, shape, want)
                if twin is not None:
                    _compare(result, weights, source + names[name], source + twin)
            else:
                _take(result, weights, source + name, target + names[name], want.shape, want)
                _reshape(result, target + names[name], shape)
                if twin is not None and target + names[name] in result.converted:
                    result.converted[target + twin] = result.converted[target + names[name]]
    known, own = tuple(layout.left_out), tuple(prefixes)
    for name in weights:
        if name in result.taken:
            continue
        # Of ours, whatever belongs to none of the modules at hand is another module's.
        others = name.startswith(known) if to_ours else not name.startswith(own)
        (result.left_out if others else result.left_over).append(name)
    return result


def best_fit(
    layouts: Sequence[Layout],
    weights: Mapping[str, Tensor],
    to_ours: bool,
    stream: str | None,
    source: str,
) -> Fit:
    """The layout that weights are in.

    Raises:
        ConversionError: They are in none of them, or in several.
    """
    fits = [fit(layout, weights, to_ours, stream) for layout in layouts]
    good = [one for one in fits if one.fits]
    most = max((len(one.taken) for one in good), default=0)
    best = [one for one in good if len(one.taken) == most]
    if len(best) == 1:
        return best[0]
    if best:
        names = ' and '.join(one.layout.name for one in best)
        raise ConversionError(f'{source}: its weights could be {names}; say which one is meant')
    nearest_first = sorted(fits, key=lambda one: -len(one.taken))
    listed = ''.join(f'\n  {one}' for one in nearest_first)
    some = _some(list(weights), 'holds')
    raise ConversionError(
        f'{source}: its {len(weights)} weights are in none of the known layouts{some}. How far '
        f'it is from each:{listed}'
    )


def _take(
    result: Fit,
    weights: Mapping[str, Tensor],
    name: str,
    target: str,
    shape: Sequence[int],
    want: Tensor,
) -> None:
    """Takes one weight over, or notes what is wrong with it."""
    value = weights.get(name)
    if value is None:
        if not name.endswith(_COUNTER):
            result.missing.append(name)
        return
    result.taken.add(name)
    if value.layout != torch.strided:
        result.unfit.append(f'{name} is {value.layout}, not {torch.strided}')
    elif value.dtype != want.dtype:
        result.unfit.append(f'{name} is {value.dtype}, not {want.dtype}')
    elif tuple(value.shape) != tuple(shape):
        result.unfit.append(f'{name} is {tuple(value.shape)}, not {tuple(shape)}')
    elif value.is_floating_point() and not value.isfinite().all():
        result.unfit.append(f'{name} is not finite')
    else:
        result.converted[target] = value.reshape(want.shape).clone(
            memory_format=torch.contiguous_format
        )


def _reshape(result: Fit, name: str, shape: Sequence[int]) -> None:
    if name in result.converted:
        result.converted[name] = result.converted[name].reshape(tuple(shape))


def _twin(part: Part, name: str) -> str | None:
    """The other name of a weight of theirs."""
    for start, other in part.twins.items():
        if name.startswith(start):
            return other + name.removeprefix(start)
    return None


def _compare(result: Fit, weights: Mapping[str, Tensor], name: str, twin: str) -> None:
    """Notes when a weight that a file holds twice is not the same both times."""
    if name not in weights and name.endswith(_COUNTER):
        return
    if twin not in weights:
        result.missing.append(twin)
        return
    result.taken.add(twin)
    if name not in weights:
        return
    first, second = weights[name], weights[twin]
    if first.dtype != second.dtype or not torch.equal(first, second):
        result.unfit.append(f'{name} and {twin} should be the same, and are not')


def _sized(
    part: Part, weights: Mapping[str, Tensor], prefix: str, to_ours: bool
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config and (empty) weights of our module in the sizes of a file."""
    config = dict(part.module)
    names = part.names(_empty(json.dumps(config)))
    for argument, (name, axis) in part.sizes.items():
        weight = weights.get(prefix + (names[name] if to_ours else name))
        if weight is not None and weight.dim() > axis and weight.shape[axis]:
            config[argument] = weight.shape[axis]
    return config, _empty(json.dumps(config))


@cache
def _empty(config: str) -> dict[str, Tensor]:
    """The weights of a module without their content, from its config as JSON."""
    with DefaultScope.overwrite_default_scope('ssvrl_mm'), torch.device('meta'):
        return dict(MODELS.build(json.loads(config)).state_dict())


def _some(names: Iterable[str], verb: str = '') -> str:
    names = list(names)
    listed = f'{", ".join(names[:_SHOWN])}{", ..." if len(names) > _SHOWN else ""}'
    return f' ({verb}{" " if verb else ""}{listed})' if names else ''
