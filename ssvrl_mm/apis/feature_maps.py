"""What the networks of a model answer to at which place and time of a clip."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.suggestions import did_you_mean

_SHOWN = 8


class LayerError(ValueError):
    """A layer that a model does not have, or that gives no feature map; the message names it."""


class Network(NamedTuple):
    """A network of a model that takes clips, or a mapping of streams of them.

    Attributes:
        path: Its name among the modules of the model.
        stream: What its clips are; None: its output or the model's preprocessor says so.
        module: The network.
    """

    path: str
    stream: str | None
    module: nn.Module


class FeatureMap(NamedTuple):
    """What a layer gave for a clip.

    Attributes:
        output: (1, C, t, h, w), or (t, C, h, w) of a network of single frames; a leaf that the
            scores of the model have gradients by.
        clip_len: Frames that the network saw, which the t are of.
    """

    output: Tensor
    clip_len: int


def find_networks(model: nn.Module) -> list[Network]:
    """The networks of a model that see clips, their momentum copies not among them.

    They are called ``backbone``, ``backbone_<stream>``, or are those of the ``classifiers`` of a
    late fusion.

    Raises:
        TypeError: It has none.
    """
    found = list(_networks(model, '', None))
    if not found or found[0].module is model:
        raise TypeError(
            f'{type(model).__name__} has no backbone whose feature maps could be looked at: give '
            'the config of a recognizer'
        )
    return found


def _networks(module: nn.Module, path: str, stream: str | None) -> Iterator[Network]:
    inner: list[tuple[str, str | None, nn.Module]] = []
    for name, child in module.named_children():
        if name == 'backbone':
            inner.append((name, stream, child))
        elif name.startswith('backbone_'):
            inner.append((name, name.removeprefix('backbone_'), child))
        elif name == 'classifiers':
            inner += [(f'{name}.{key}', key, each) for key, each in child.named_children()]
    if not inner:
        yield Network(path, stream, module)
    for name, of, child in inner:
        yield from _networks(child, f'{path}.{name}' if path else name, of)


def find_layers(networks: Sequence[Network], layer: str | None) -> list[tuple[Network, nn.Module]]:
    """The layer of a name, in each of the networks that have it.

    Args:
        networks: See :func:`find_networks`.
        layer: Name within a network, ``'stages.3'`` for instance, or within the whole model; None:
            the networks as a whole, whose output is their last feature map.

    Raises:
        LayerError: None of the networks has it, or it is of no one stream of a network that takes
            several.
    """
    if layer is None:
        return [(network, network.module) for network in networks]
    found = []
    for network in networks:
        if layer == network.path:
            found.append((network, network.module))
            continue
        name = layer.removeprefix(f'{network.path}.')
        layers = dict(network.module.named_modules())
        if name not in layers:
            continue
        streams = getattr(network.module, 'streams', ())
        if network.stream is None and streams:
            of = [stream for stream in streams if stream in name.split('.')]
            if len(of) != 1:
                raise LayerError(
                    f'{layer} of {type(network.module).__name__} is of none of the streams '
                    f'{tuple(streams)} alone: take one that has a stream in its name'
                )
            network = network._replace(stream=of[0])
        found.append((network, layers[name]))
    if not found:
        known = [name for network in networks for name, _ in network.module.named_modules() if name]
        some = [name for name in dict.fromkeys(known) if name.count('.') < 2][:_SHOWN]
        meant = did_you_mean(layer, known) or f'there are {", ".join(some)}, ...'
        raise LayerError(f'no layer {layer!r} in the networks of the model; {meant}')
    return found


@contextmanager
def recording(
    layers: Sequence[tuple[Network, nn.Module]], default: str
) -> Iterator[dict[str, FeatureMap]]:
    """Records what layers give while a model is run on one clip.

    The rest of the model continues from copies, so that scores have gradients by the recorded
    maps, of frozen networks too.

    Args:
        layers: See :func:`find_layers`.
        default: The stream of a network that nothing else says it of.

    Yields:
        Stream -> its map, filled while the model runs.

    Raises:
        LayerError: A layer gives something else than maps, or more than one for a clip.
    """
    found: dict[str, FeatureMap] = {}
    lengths: dict[str | None, dict[str | None, int]] = {}
    handles = []
    for network, layer in layers:
        handles.append(network.module.register_forward_pre_hook(_Lengths(network, lengths)))
        handles.append(layer.register_forward_hook(_Recorder(network, found, lengths, default)))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


class _Lengths:
    """Notes how many frames a network is given, of each stream."""

    def __init__(self, network: Network, lengths: dict) -> None:
        self.network, self.lengths = network, lengths

    def __call__(self, module: nn.Module, args: tuple) -> None:
        clips = args[0]
        given = clips if isinstance(clips, Mapping) else {None: clips}
        # Single frames lie along the batch.
        self.lengths[self.network.path] = {
            stream: clip.shape[2] if clip.dim() == 5 else len(clip)
            for stream, clip in given.items()
        }


class _Recorder:
    """Keeps the maps that a layer gives, and gives copies instead."""

    def __init__(self, network: Network, found: dict, lengths: dict, default: str) -> None:
        self.network, self.found, self.lengths = network, found, lengths
        self.default = default

    def __call__(self, module: nn.Module, args: tuple, output: Any) -> Any:
        if isinstance(output, Mapping):
            return {stream: self._kept(stream, maps) for stream, maps in output.items()}
        return self._kept(self.network.stream or self.default, output)

    def _kept(self, stream: str, output: Any) -> Any:
        several = isinstance(output, tuple | list) and len(output) > 0
        features = output[-1] if several else output
        if not isinstance(features, Tensor) or features.dim() not in (4, 5):
            shape = tuple(features.shape) if isinstance(features, Tensor) else type(features)
            raise LayerError(
                f'{stream}: a map (N, C, t, h, w) was expected, or one without t, got {shape}: '
                'choose another layer by --layer'
            )
        if stream in self.found or (features.dim() == 5 and len(features) != 1):
            raise LayerError(
                f'{stream}: the layer gives several maps of one clip; choose another by --layer'
            )
        leaf = features.detach().requires_grad_()
        lengths = self.lengths[self.network.path]
        self.found[stream] = FeatureMap(leaf, lengths.get(stream) or lengths[None])
        # What comes next may write into it, which a leaf does not allow.
        return type(output)((*output[:-1], leaf.clone())) if several else leaf.clone()


def _over_time(output: Tensor) -> Tensor:
    """float32 (C, t, h, w) of what :class:`FeatureMap` holds, or of its gradients."""
    output = output.detach().float()
    return output[0] if output.dim() == 5 else output.transpose(0, 1)


def activation_map(output: Tensor) -> Tensor:
    """How strongly a layer answers, whatever to: the mean of squares over channels.

    As `attention transfer <https://arxiv.org/abs/1612.03928>`_ (Zagoruyko & Komodakis, ICLR 2017)
    has it, Eq. (1), up to a factor.

    Args:
        output: (1, C, t, h, w), or (t, C, h, w).

    Returns:
        float32 (t, h, w).
    """
    return _over_time(output).square().mean(dim=0)


def grad_cam(output: Tensor, gradients: Tensor) -> Tensor:
    """Which places speak for a class: `Grad-CAM <https://arxiv.org/abs/1610.02391>`_.

    Selvaraju et al., ICCV 2017, Eqs. (1) and (2), with time as one more axis of places: channels
    are weighted by the mean of the gradient of the class's score, and what is negative is cut off.

    Args:
        output: (1, C, t, h, w), or (t, C, h, w).
        gradients: The same, of the score before softmax.

    Returns:
        float32 (t, h, w).
    """
    weights = _over_time(gradients).mean(dim=(1, 2, 3), keepdim=True)
    return (weights * _over_time(output)).sum(dim=0).relu()


def normalised(raw: Tensor) -> Tensor:
    """A map from its lowest value, which becomes 0, to its highest, 1; all 0 where it is flat.

    Raises:
        ValueError: Some values are NaN or infinite.
    """
    if not raw.isfinite().all():
        raise ValueError('the activations are not finite: the network has diverged')
    low, high = raw.min(), raw.max()
    # Differences that rounding makes are none.
    if high - low <= 1e-6 * high.abs():
        return torch.zeros_like(raw)
    return (raw - low) / (high - low)


def at_frames(
    values: Tensor, clip_len: int, frames: Sequence[int], size: tuple[int, int]
) -> Tensor:
    """A map enlarged to some frames of its clip.

    Each cell stands for an equal part of the clip's time and space: linear between the centres of
    the cells.

    Args:
        values: (t, h, w).
        clip_len: Frames of the clip that the t are of.
        frames: Which of these frames.
        size: Height and width in px.

    Returns:
        (len(frames), height, width).
    """
    enlarged = F.interpolate(
        values[None, None], size=(clip_len, *size), mode='trilinear', align_corners=False
    )
    return enlarged[0, 0, list(frames)]
