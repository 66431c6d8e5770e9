"""Files of weights from one library to the other."""

import io
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.engine.checkpoint_files import (
    CheckpointFileError,
    load_checkpoint_file,
)
from ssvrl_mm.models.conversion.fitting import ConversionError, Fit, best_fit
from ssvrl_mm.models.conversion.layout import Layout
from ssvrl_mm.models.conversion.our_settings import config_of_backbone, unlike_ours
from ssvrl_mm.models.conversion.table import LAYOUTS
from ssvrl_mm.models.utils.weights import WeightsError, named_weights
from ssvrl_mm.whole_files import write_whole

#: What this library is called among the others.
OURS = 'ssvrl_mm'


@dataclass(frozen=True)
class Conversion:
    """What has become of a file.

    Attributes:
        content: The new checkpoint.
        fit: The layout, and which weights went where.
        to_ours: Whether the new one is ours.
    """

    content: dict[str, Any]
    fit: Fit
    to_ours: bool


def layouts_of(name: str | None) -> list[Layout]:
    """The layouts of a library, or one of them.

    Args:
        name: ``library`` or ``library:network``; None: all.

    Raises:
        ConversionError: There is no such one.
    """
    found = [layout for layout in LAYOUTS if name in (None, layout.library, layout.name)]
    if not found:
        known = ', '.join(layout.name for layout in LAYOUTS)
        raise ConversionError(f'{name!r} is none of the known layouts: {known}')
    return found


def read(path: str | os.PathLike) -> Any:
    """The content of a checkpoint, on the CPU, read with ``weights_only=True``.

    Raises:
        FileNotFoundError: There is no such file.
        ConversionError: The file is damaged, or holds more than weights and plain values.
    """
    try:
        return load_checkpoint_file(os.fspath(path), map_location='cpu')
    except CheckpointFileError as error:
        raise ConversionError(str(error)) from error
    except pickle.UnpicklingError as error:
        # PyTorch says in many lines how to switch its guard off.
        raise ConversionError(
            f'{path}: holds other things than weights, which are not loaded, as they could be '
            f'programs ({str(error).splitlines()[0]}). Where you trust it, save its weights alone: '
            "torch.save(torch.load(path, weights_only=False)['state_dict'], new_path)"
        ) from None
    except (RuntimeError, ValueError, KeyError, IndexError, EOFError, TypeError) as error:
        raise ConversionError(f'{path}: cannot be read as a checkpoint ({error})') from error


def convert(
    path: str | os.PathLike,
    layout: str | None = None,
    to_ours: bool = True,
    stream: str | None = None,
    leave_out: bool = False,
    config: str | None = None,
) -> Conversion:
    """Converts a file of weights.

    Args:
        path: The file.
        layout: ``library`` or ``library:network`` of the other side; None: any, by its names and
            shapes.
        to_ours: Whether the file is theirs.
        stream: The stream whose network is meant; None: that of the layout, or a network alone.
        leave_out: Whether weights without a counterpart are let fall.
        config: Config of the file's network, where the file does not tell; it is run.

    Raises:
        FileNotFoundError: There is no such file.
        ConversionError: The file cannot be read, is in none of the layouts or in several, belongs
            to a network that the other side has not, or holds weights without a counterpart.
    """
    content = read(path)
    weights = _weights(content, str(path))
    fit = best_fit(layouts_of(layout), weights, to_ours, stream, str(path))
    prefix = fit.layout.backbone.our_prefix(fit.stream)
    settings = config_of_backbone(content, 'backbone.' if to_ours else prefix, config)
    wanted = fit.modules[prefix]
    objections = fit.layout.objections(settings) if to_ours else unlike_ours(settings, wanted)
    if objections:
        raise ConversionError(
            f'{path}: {fit.layout.name} has these weights, and gives other features: '
            f'{"; ".join(objections)}. {_ADVICE if settings is None else ""}'
        )
    if fit.left_out and not leave_out:
        raise ConversionError(
            f'{path}: {len(fit.left_out)} weights have no counterpart: {left_out(fit)}. '
            '--leave-out lets them fall'
        )
    new = _our_checkpoint(fit, content) if to_ours else _their_checkpoint(fit)
    return Conversion(new, fit, to_ours)


_ADVICE = '--config names the config that the network was trained with'


def left_out(fit: Fit) -> str:
    """The weights without counterpart in groups, and why they have none."""
    groups: dict[str, list[str]] = {}
    for name in fit.left_out:
        start = next((s for s in fit.layout.left_out if name.startswith(s)), None)
        groups.setdefault(start or name.split('.')[0], []).append(name)
    return '; '.join(
        f'{start}* ({len(names)}{_reason(fit.layout.left_out.get(start))})'
        for start, names in groups.items()
    )


def _reason(text: str | None) -> str:
    return f': {text}' if text else ''


def write(conversion: Conversion, path: str | os.PathLike, force: bool = False) -> None:
    """Writes the new checkpoint, whole or not at all.

    Raises:
        FileExistsError: There is such a file, and it is not to be replaced.
    """
    if os.path.lexists(path) and not force:
        raise FileExistsError(f'{path} exists; --force replaces it')
    buffer = io.BytesIO()
    torch.save(conversion.content, buffer)
    write_whole(Path(path), buffer.getvalue())


def _weights(content: Any, path: str) -> dict[str, Tensor]:
    try:
        weights = named_weights(content, path)
    except WeightsError as error:
        raise ConversionError(str(error)) from error
    for name, value in weights.items():
        if value.device.type != 'cpu':
            raise ConversionError(f'{path}: {name} has no content (device {value.device})')
        size = value.numel() * value.element_size()
        # A crafted file may claim a huge weight that repeats a few bytes.
        if value.layout == torch.strided and size > value.untyped_storage().nbytes():
            raise ConversionError(f'{path}: {name} claims {size} bytes, and has fewer')
    return weights


def _our_checkpoint(fit: Fit, content: Any) -> dict[str, Any]:
    """A checkpoint of ours, with what belongs to the weights."""
    weights = dict(fit.converted)
    for part in fit.layout.parts:
        if part.is_momentum_copy and part.our_prefix(fit.stream) in fit.modules:
            # A momentum copy that has taken no step yet would be made anew.
            weights[part.step_name(fit.stream)] = torch.tensor(_steps(content))
    names = {'backbone': fit.layout.backbone.our_prefix(fit.stream), 'cls_head': 'cls_head.'}
    configs = {key: fit.modules[start] for key, start in names.items() if start in fit.modules}
    meta = {
        **configs,
        **({'input': dict(fit.layout.input)} if fit.layout.input else {}),
        'converted_from': fit.layout.name,
    }
    return dict(meta=meta, state_dict=weights)


def _steps(content: Any) -> int:
    """The steps of training that a checkpoint tells, or one."""
    steps = content.get('iteration') if isinstance(content, Mapping) else None
    return steps if isinstance(steps, int) and 0 < steps < 2**62 else 1


def _their_checkpoint(fit: Fit) -> dict[str, Any]:
    """A checkpoint of theirs, with the config that a run of mmengine would write into it."""
    weights = dict(fit.converted)
    if fit.layout.bare:
        return weights
    if not fit.layout.config:
        return dict(state_dict=weights)
    text = f'model = {dict(backbone=dict(fit.layout.config))!r}'
    return dict(meta=dict(cfg=text), state_dict=weights)
