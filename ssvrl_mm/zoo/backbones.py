"""Backbones with their weights, for whoever has torch alone.

A checkpoint of the zoo holds the text of its config: that is read, not run, and says which network
the weights are of.
"""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ssvrl_mm.models import backbones as _  # noqa: F401 - registers them
from ssvrl_mm.models.standalone import OpenMMLabMissingError
from ssvrl_mm.models.utils.checkpoint_reading import (
    CheckpointFileError,
    check_whole,
    is_safetensors,
    read_safetensors,
)
from ssvrl_mm.models.utils.checkpoint_settings import backbone_of, model_settings
from ssvrl_mm.models.utils.registered import build_registered
from ssvrl_mm.models.utils.weights import WeightsError, load_weights, named_weights
from ssvrl_mm.zoo.fetching import fetch_weights
from ssvrl_mm.zoo.index import ZooModel, as_model

# The network of a recognizer that has one alone; those of several streams bear their names.
_ONE = 'backbone.'


class BackboneFile(NamedTuple):
    """A backbone in a checkpoint.

    Attributes:
        settings: Config of the network: ``type`` and the arguments of its class.
        preprocessing: Config of the data preprocessor: what its clips were normalised by.
        weights: Name -> weight of everything in the file.
        prefix: What the names of the network's weights start with.
        source: The file.
        stream: What its clips are, ``'rgb'`` for instance; None where nothing says so.
    """

    settings: dict[str, Any]
    preprocessing: dict[str, Any]
    weights: dict[str, Tensor]
    prefix: str
    source: str
    stream: str | None = None

    def build(self, pretrained: bool = True) -> nn.Module:
        """The network in evaluation mode, in float32; ``pretrained=False``: with new weights.

        Raises:
            NetworkConfigError: The config of the network is none that a file may bring.
            WeightsError: The weights are not those of the network.
        """
        network: nn.Module = build_registered(self.settings, self.source)
        if pretrained:
            load_weights(network, self.weights, self.source, self.prefix, allow_left_over=True)
        return network.eval()


def load_backbone(
    model: str | ZooModel, stream: str | None = None, pretrained: bool = True
) -> nn.Module:
    """A backbone of the zoo in evaluation mode, clips (N, C, T, H, W) -> map of features.

    Needs torch alone, unless the network itself is built on OpenMMLab.

    Args:
        model: A model, or its name or alias in the index of the package.
        stream: Of a model with a network per stream, which one; None: the only one, or RGB's.
        pretrained: Whether with the published weights; without, weights start anew. The network of
            a recipe, which has no file, is then read off its config, and that needs mmengine.

    Returns:
        The network. ``network.preprocessing`` is the config of the data preprocessor: what clips
        are to be normalised by.

    Raises:
        ModelNotFoundError: The name is unknown, or weights are wanted of a recipe.
        ZooError: The file cannot be had; see :func:`~ssvrl_mm.zoo.fetching.fetch_weights`.
        WeightsError: The file does not hold the stream, or not what it has to.
        OpenMMLabMissingError: The network, or the config of a recipe, needs OpenMMLab.

    Example:
        >>> network = load_backbone('mvcgc_s3d', stream='rgb')
        >>> network(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 512, 2, 3, 3])
    """
    model = as_model(model, need_weights=pretrained)
    if model.weights is None and not pretrained:
        try:
            file = read_config(model.config, stream)
        except OpenMMLabMissingError as error:
            raise OpenMMLabMissingError(f'{model.name!r} is a recipe: {error}') from error
    else:
        file = read_backbone(fetch_weights(model), stream)
    network = file.build(pretrained)
    network.preprocessing = file.preprocessing  # type: ignore[assignment]
    return network


def read_backbone(path: str | Path, stream: str | None = None) -> BackboneFile:
    """Reads a backbone out of a published checkpoint, ``.pth`` or ``.safetensors``.

    Args:
        path: The file, which holds the text of its config.
        stream: See :func:`load_backbone`.

    Raises:
        WeightsError: The file cannot be read, holds no such stream, or does not say which network
            its weights are of.
    """
    content = _read(Path(path))
    return _backbone_file(content, model_settings(content), stream, str(path))


def read_training(
    config: str | Path, checkpoint: str | Path, stream: str | None = None
) -> BackboneFile:
    """Reads a backbone out of a checkpoint that a training has saved; needs mmengine.

    Args:
        config: The config of the run.
        checkpoint: The file.
        stream: See :func:`load_backbone`.

    Raises:
        WeightsError: The file is damaged, or holds no such stream.
        FileNotFoundError: One of the two files is not there.
    """
    from mmengine.config import Config
    from mmengine.runner.checkpoint import CheckpointLoader

    model = Config.fromfile(config).model.to_dict()
    try:
        content = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu', logger='silent')
    except CheckpointFileError as error:
        raise WeightsError(str(error)) from error
    return _backbone_file(content, model, stream, str(checkpoint))


def _backbone_file(
    content: Any, model: Mapping[str, Any] | None, stream: str | None, source: str
) -> BackboneFile:
    weights = named_weights(content, source)
    prefix = backbone_prefix(weights, stream, model or {}, source)
    settings = backbone_of(model, prefix)
    if settings is None:
        raise WeightsError(
            f'{source}: nothing says which network the weights under {prefix!r} are of; a file of '
            'tools/model_zoo/publish_model.py does'
        )
    taken = _taken(prefix, model or {})
    return BackboneFile(settings, _preprocessing(model), weights, prefix, source, taken)


def _preprocessing(model: Mapping[str, Any] | None) -> dict[str, Any]:
    found = (model or {}).get('data_preprocessor')
    return dict(found) if isinstance(found, Mapping) else {}


def read_config(config: str | Path, stream: str | None = None) -> BackboneFile:
    """Reads a backbone off a config, to be built with new weights; needs mmengine.

    Args:
        config: The config of a training.
        stream: See :func:`load_backbone`.

    Raises:
        WeightsError: There is no such stream.
        OpenMMLabMissingError: mmengine is not installed.
    """
    try:
        from mmengine.config import Config
    except ModuleNotFoundError as error:
        raise OpenMMLabMissingError(
            f'the network stands in a config, {Path(config).name}, which mmengine reads: '
            'pip install mmengine'
        ) from error
    model = Config.fromfile(config).model.to_dict()
    streams = model.get('backbones') or {}
    names = [f'backbone_{name}.' for name in streams] or [_ONE]
    prefix = backbone_prefix(names, stream, model, str(config))
    settings = backbone_of(model, prefix)
    if settings is None:
        raise WeightsError(f'{config}: a recognizer without a backbone of its own')
    taken = _taken(prefix, model)
    return BackboneFile(settings, _preprocessing(model), {}, prefix, str(config), taken)


def _read(path: Path) -> dict[str, Any]:
    """The content of a file, without running anything that it holds."""
    try:
        if is_safetensors(path):
            return read_safetensors(path)
        check_whole(path)
        return torch.load(path, map_location='cpu', weights_only=True)
    except (FileNotFoundError, ImportError):
        raise
    except CheckpointFileError as error:
        raise WeightsError(str(error)) from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f'{path}: holds more than tensors and plain values; publish_model.py makes a file of '
            f'it that torch alone reads ({str(error).splitlines()[0]})'
        ) from error
    except Exception as error:  # whatever zip and pickle say of damaged files
        raise WeightsError(f'{path}: cannot be read as a checkpoint ({error})') from error


def backbone_prefix(
    names: Iterable[str], stream: str | None, model: Mapping[str, Any], source: str
) -> str:
    """What the names of the weights of a stream's network start with.

    Args:
        names: Those of all weights.
        stream: See :func:`load_backbone`.
        model: Config of the recognizer, which may say what stream its only network takes.
        source: Where the names come from, for the message.

    Raises:
        WeightsError: There is no network of the stream.
    """
    starts = {name.partition('.')[0] for name in names}
    streams = sorted(s.removeprefix('backbone_') for s in starts if s.startswith('backbone_'))
    alone = 'backbone' in starts
    if stream is None:
        if alone:
            return _ONE
        stream = streams[0] if len(streams) == 1 else 'rgb'
    if stream in streams:
        return f'backbone_{stream}.'
    if alone and _taken(_ONE, model) == stream:
        return _ONE
    there = f'there are those of {", ".join(streams)}' if streams else 'there is none at all'
    if alone:
        there = 'there is one, to be had without naming a stream'
    raise WeightsError(f'{source}: has no backbone of the stream {stream!r}; {there}')


def _taken(prefix: str, model: Mapping[str, Any]) -> str | None:
    """The stream that a network takes, by its name or, where it is the only one, by the config."""
    if prefix != _ONE:
        return prefix.removeprefix('backbone_').removesuffix('.')
    return model.get('stream') or _preprocessing(model).get('stream')
