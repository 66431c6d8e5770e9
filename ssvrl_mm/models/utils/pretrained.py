"""Loading of pretrained weights that fails where it would leave random ones in silence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ssvrl_mm.registry import WEIGHT_INITIALIZERS

_SHOWN = 5
# BatchNorm's step counter: nothing depends on it, and PyTorch makes one up where there is none.
_COUNTER = 'num_batches_tracked'


class PretrainedWeightsError(RuntimeError):
    """A checkpoint does not hold the weights of the module; the message says what it holds."""


def load_pretrained(
    module: nn.Module, checkpoint: str, prefix: str = '', ignore: Sequence[str] = ()
) -> int:
    """Loads all weights of a module from a checkpoint, or raises.

    The file is read with ``weights_only=True``. The module's own hooks see the weights first: an
    :class:`~ssvrl_mm.models.backbones.s3d.S3D` takes those of torchvision's ``s3d``.

    Args:
        module: Module to fill.
        checkpoint: Path or address; a state dict or a dict with a ``state_dict``.
        prefix: What the names of the module's weights start with in the checkpoint, for example
            ``'backbone_rgb.'``. A checkpoint of this part alone has the prefix ``''``.
        ignore: Starts of names (in the module) that may be missing from the checkpoint or from
            the module.

    Returns:
        How many weights were loaded, BatchNorm's statistics among them.

    Raises:
        FileNotFoundError: There is no such file.
        PretrainedWeightsError: No weight, or not every weight, of the module is there, or some
            have another shape, or the checkpoint has more below the prefix than the module.

    Example:
        >>> load_pretrained(S3D(), 'epoch_500.pth', 'backbone_rgb.')  # doctest: +SKIP
        385
    """
    weights = _read(checkpoint)
    part = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    try:
        result = module.load_state_dict(part, strict=False)
    except (RuntimeError, ValueError) as error:  # other shapes; weights that cannot be converted
        lines = str(error).splitlines()
        raise PretrainedWeightsError(
            f'{checkpoint}: weights {_under(prefix)} do not fit {type(module).__name__}: '
            f'{" ".join(line.strip() for line in lines[: _SHOWN + 1])}'
            f'{_advice(weights, shapes, prefix)}'
        ) from None

    allowed = tuple(ignore)
    missing, left_over = (
        [name for name in names if not name.endswith(_COUNTER) and not name.startswith(allowed)]
        for names in (result.missing_keys, result.unexpected_keys)
    )
    absent = set(result.missing_keys)
    matched = sum(not name.endswith(_COUNTER) and name not in absent for name in shapes)
    total = sum(not name.endswith(_COUNTER) for name in shapes)
    if missing or left_over or not matched:
        raise PretrainedWeightsError(
            f'{checkpoint}: {matched} of the {total} weights of {type(module).__name__} are '
            f'there {_under(prefix)}; {len(missing)} are missing{_some(missing)}, '
            f'{len(left_over)} have no place in it{_some(left_over)}'
            f'{_advice(weights, shapes, prefix)}'
        )
    print_log(
        f'{type(module).__name__}: {matched} weights from {checkpoint}, {_under(prefix)}',
        logger='current',
    )
    return matched


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """``init_cfg`` of a backbone that starts from a checkpoint, all of it or not at all.

    mmengine's ``Pretrained`` loads what happens to match and goes on without an error when nothing
    does; a linear probe of random weights is the result. Nothing below the backbone is initialised
    again afterwards.

    Args:
        checkpoint: See :func:`load_pretrained`.
        prefix: Likewise.
        ignore: Likewise.

    Raises:
        ValueError: No checkpoint is named.

    Example:
        >>> init_cfg = dict(
        ...     type='PretrainedBackbone', checkpoint='epoch_500.pth', prefix='backbone_rgb.')
        >>> backbone = dict(type='S3D', init_cfg=init_cfg)
    """

    def __init__(self, checkpoint: str, prefix: str = '', ignore: Sequence[str] = ()) -> None:
        if not checkpoint:
            raise ValueError(
                'PretrainedBackbone needs a checkpoint; init_cfg=None starts from random weights'
            )
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.ignore = tuple(ignore)

    def __call__(self, module: nn.Module) -> None:
        """Fills the module."""
        load_pretrained(module, self.checkpoint, self.prefix, self.ignore)
        # mmengine goes on to the parts, whose own initialisation would overwrite what was loaded.
        part: Any
        for part in module.modules():
            if part is not module and hasattr(part, 'init_weights'):
                part.is_init = True


def _read(checkpoint: str) -> dict[str, Tensor]:
    """The named weights of a checkpoint, without the ``module.`` of a distributed model."""
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')
    content = content.get('state_dict', content) if isinstance(content, Mapping) else {}
    weights = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if not weights:
        raise PretrainedWeightsError(f'{checkpoint}: holds no state dict')
    if all(name.startswith('module.') for name in weights):
        weights = {name.removeprefix('module.'): value for name, value in weights.items()}
    return weights


def _under(prefix: str) -> str:
    return f'under the prefix {prefix!r}' if prefix else 'without a prefix'


def _some(names: Sequence[str]) -> str:
    if not names:
        return ''
    return f' ({", ".join(names[:_SHOWN])}{", ..." if len(names) > _SHOWN else ""})'


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
