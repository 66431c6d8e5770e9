"""What the backbones of a model take: as its pipeline makes it, or as somebody says."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ssvrl_mm.complexity.counting import Shape, Shapes, on_meta
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.train_benchmark.synthetic import synthetic_loader


def backbones(model: nn.Module) -> dict[str, nn.Module]:
    """The backbones of a model by their names: ``backbone``, or ``backbone_<stream>``.

    Those that are part of another are left out, and so are momentum copies.

    Raises:
        LaunchError: It has none.
    """
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        own = name.rpartition('.')[2]
        inside = any(name.startswith(f'{outer}.') for outer in found)
        if (own == 'backbone' or own.startswith('backbone_')) and not inside:
            found[name] = module
    if not found:
        raise LaunchError(f'{type(model).__name__} has no backbone, or backbone_STREAM, to count')
    return found


def shapes_by_pipeline(cfg: Config, model: Any) -> dict[str, Shapes]:
    """What each backbone takes of one clip, from the config's pipeline and data preprocessor.

    The pipeline of training (of the test where nothing is trained) runs on a generated video; what
    comes of it goes through the model, but for its backbones.

    Args:
        cfg: Config of a training or a test.
        model: The model of the config, on the CPU; left in evaluation mode.

    Returns:
        Name of a backbone -> the shape, or stream -> shape, that it gets; without the first axis.

    Raises:
        LaunchError: There is no pipeline, or it does not run without data; or some backbone gets
            nothing. The message says how to go on.
    """
    loaders = (cfg.get(f'{split}_dataloader') for split in ('train', 'test', 'val'))
    loader = next((loader for loader in loaders if loader), None)
    if loader is None:
        raise LaunchError('the config has no data: say what its backbones take, with --shape')
    try:
        sample = synthetic_loader(loader, 1)['dataset'][0]
    except LaunchError as error:
        raise LaunchError(
            f'the pipeline does not run on generated videos ({error.__cause__}): say what the '
            'backbones take, with --shape'
        ) from error
    taken: dict[str, Shapes] = {}
    found = backbones(model)
    for name, module in found.items():
        _stand_in(name, module, taken)
    model.eval()
    with torch.no_grad():
        data = model.data_preprocessor(pseudo_collate([sample]), False)
        model(**data, mode='tensor')
    for module in found.values():
        del module.forward
    missing = sorted(set(found) - set(taken))
    if missing:
        raise LaunchError(
            f'the pipeline gives nothing to {missing}: say what the backbones take, with --shape'
        )
    return {name: taken[name] for name in found}


def _stand_in(name: str, module: nn.Module, taken: dict[str, Shapes]) -> None:
    """Has a backbone note what it gets, and give zeros of the right shape."""
    network = on_meta(module)

    def forward(inputs: Any) -> Any:
        taken.setdefault(name, tree_map(lambda x: tuple(x.shape[1:]), inputs))
        maps = network(tree_map(_to_meta, inputs))
        return tree_map(lambda x: torch.zeros(x.shape, dtype=x.dtype), maps)

    module.forward = forward


def _to_meta(clips: Tensor) -> Tensor:
    return clips.to('meta')


def shapes_as_said(model: nn.Module, said: Mapping[str, Shape]) -> dict[str, Shapes]:
    """What each backbone takes of one clip, from shapes that somebody gave.

    Args:
        model: A model.
        said: Stream -> (C, T, H, W).

    Returns:
        Name of a backbone -> the shape, or stream -> shape. One without a stream of its own, such
        as the one of a ``Recognizer3D``, takes that of its data preprocessor or the only one.

    Raises:
        LaunchError: A stream is missing, or one is that no backbone takes.
    """
    taken: dict[str, Shapes] = {}
    used: set[str] = set()
    for name, module in backbones(model).items():
        streams: Any = getattr(module, 'streams', None)
        wanted = tuple(streams) if streams else (_stream(model, name) or _only(said, name),)
        missing = [stream for stream in wanted if stream not in said]
        if missing:
            raise LaunchError(
                f'{name} takes {", ".join(wanted)}: --shape must say the shape of {missing} too'
            )
        used |= set(wanted)
        taken[name] = {stream: said[stream] for stream in wanted} if streams else said[wanted[0]]
    unused = sorted(set(said) - used)
    if unused:
        raise LaunchError(f'--shape: no backbone takes {unused}, but {sorted(used)}')
    return taken


def _stream(model: nn.Module, name: str) -> str | None:
    parent, _, own = name.rpartition('.')
    if own != 'backbone':
        return own.removeprefix('backbone_')
    preprocessor = getattr(model.get_submodule(parent), 'data_preprocessor', None)
    return getattr(preprocessor, 'stream', None)


def _only(said: Mapping[str, Shape], name: str) -> str:
    if len(said) != 1:
        raise LaunchError(f'{name} takes one tensor: --shape must give one, not {sorted(said)}')
    return next(iter(said))
