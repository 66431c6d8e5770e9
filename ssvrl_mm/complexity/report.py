"""The counts of a config's backbones, as JSON and as a table to print."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from ssvrl_mm.complexity.counting import Shape, Shapes, count_stages
from ssvrl_mm.complexity.inputs import backbones, shapes_as_said, shapes_by_pipeline
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.registry import MODELS

# The input of a backbone that takes one tensor.
_ALONE = 'clip'


def figures(cfg: Config, said: Mapping[str, Shape] | None = None) -> dict[str, Any]:
    """Counts the backbones of a config's model, for one clip.

    Args:
        cfg: A config with ``model``. Weights are random and none are loaded.
        said: Stream -> (C, T, H, W); None: what the pipeline makes.

    Returns:
        ``backbones``, a list with ``name``, ``type``, ``inputs``, ``frames`` (the most that a
        stream of it has), ``stages``, ``multiply_adds``, ``multiply_adds_per_frame`` and
        ``parameters``; the last and ``multiply_adds`` of all together. Ready for JSON.

    Raises:
        LaunchError: There is no model or no backbone, or shapes are not known or do not fit.

    Example:
        >>> cfg = Config(dict(model=dict(type='Recognizer3D', backbone=dict(type='C3D'))))
        >>> figures(cfg, dict(rgb=(3, 16, 112, 112)))['parameters']
        27658688
    """
    if not cfg.get('model'):
        raise LaunchError(f'{cfg.filename or "this config"} has no model')
    init_default_scope(cfg.get('default_scope', 'ssvrl_mm'))
    model: Any = MODELS.build(cfg.model)
    shapes = shapes_as_said(model, said) if said else shapes_by_pipeline(cfg, model)
    counted = [_figures(name, part, shapes[name]) for name, part in backbones(model).items()]
    return {
        'backbones': counted,
        **{key: sum(part[key] for part in counted) for key in ('multiply_adds', 'parameters')},
    }


def _figures(name: str, backbone: Any, shapes: Shapes) -> dict[str, Any]:
    inputs = dict(shapes) if isinstance(shapes, Mapping) else {_ALONE: shapes}
    try:
        stages = count_stages(backbone, shapes)
    except (RuntimeError, ValueError) as error:
        raise LaunchError(f'{name} does not take {_shown(inputs)}: {error}') from error
    multiply_adds = sum(stage.multiply_adds for stage in stages)
    # Of (C, T, H, W); a picture has no frames to count.
    frames = max((shape[1] for shape in inputs.values() if len(shape) == 4), default=1)
    return {
        'name': name,
        'type': type(backbone).__name__,
        'inputs': {stream: list(shape) for stream, shape in inputs.items()},
        'stages': [stage._asdict() for stage in stages],
        'multiply_adds': multiply_adds,
        'frames': frames,
        'multiply_adds_per_frame': multiply_adds / frames,
        'parameters': sum(stage.parameters for stage in stages),
    }


def _shown(inputs: Mapping[str, Sequence[int]]) -> str:
    sizes = {stream: ' x '.join(map(str, shape)) for stream, shape in inputs.items()}
    return sizes.get(_ALONE) or ', '.join(f'{stream} {size}' for stream, size in sizes.items())


def format_report(title: str, report: Mapping[str, Any]) -> str:
    """The figures as a table.

    Args:
        title: What was counted.
        report: See :func:`figures`.
    """
    lines = [title, '']
    for part in report['backbones']:
        lines += [f'{part["name"]}: {part["type"]}, one clip of {_shown(part["inputs"])}']
        rows = [
            *(
                (stage['name'], stage['multiply_adds'], stage['parameters'])
                for stage in part['stages']
            ),
            ('total', part['multiply_adds'], part['parameters']),
        ]
        width = max(len(name) for name, *_ in rows)
        lines.append(f'  {"stage":{width}}  {"multiply-adds":>15}  {"parameters":>13}')
        lines += [
            f'  {name:{width}}  {count / 1e9:>13.3f} G  {parameters:>13,}'
            for name, count, parameters in rows
        ]
        per_frame = part['multiply_adds_per_frame'] / 1e9
        lines += [f'  {per_frame:.3f} G per frame, of {part["frames"]}', '']
    if len(report['backbones']) > 1:
        lines.append(
            f'together: {report["multiply_adds"] / 1e9:.3f} G multiply-adds, '
            f'{report["parameters"]:,} parameters'
        )
    return '\n'.join(lines).rstrip()
