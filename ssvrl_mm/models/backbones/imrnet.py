"""IMRNet: I-frames, motion vectors and residuals in three networks that exchange features."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ssvrl_mm.models.foundation import MODELS, BaseModule
from ssvrl_mm.models.utils.deterministic import MaxPool3d

from .dynamic_connection import DynamicConnection
from .factored import factor_convolutions
from .residual import BasicBlock, Bottleneck, ResidualBlock, conv_1d, conv_2d, conv_3d, unit
from .staged import scaled

# Channels of the streams.
_STREAMS = {'iframe': 3, 'motion': 2, 'residual': 3}
_STAGES = ('res2', 'res3', 'res4', 'res5')
_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
# Table 4: channels of conv1, then of the 3x3 convolutions of res2 to res5.
_IFRAME_CHANNELS = (64, 64, 128, 256, 512)
_MOVING_CHANNELS = (8, 4, 8, 16, 32)
# Table 4: stages whose convolutions extend over time, in the I pathway; all of them elsewhere.
_IFRAME_TEMPORAL = ('res4', 'res5')
# Table 4: channels that the connections after conv1, res2, res3, res4 have.
_TO_MOVING = (8, 8, 16, 32)
_TO_IFRAME = (4, 4, 8, 16)
_CONNECTIONS = ('bidirectional', 'unidirectional', 'none')


def _block_maker(depth: int, temporal: bool) -> tuple[Callable[..., ResidualBlock], int]:
    """What makes the blocks of a stage, and how many times their channels come out."""
    if depth == 18:
        if temporal:
            return partial(BasicBlock, conv=conv_3d, last=conv_2d), BasicBlock.expansion
        return partial(BasicBlock, conv=conv_2d), BasicBlock.expansion
    first = conv_1d if temporal else None
    return partial(Bottleneck, conv=conv_2d, first=first), Bottleneck.expansion


@MODELS.register_module()
class IMRNet(BaseModule):
    """IMRNet of 18 or 50 layers.

    `Self-Supervised Learning of Compressed Video Representations
    <https://openreview.net/forum?id=jMPcEkJpdD>`_ (Yu et al., ICLR 2021), Table 4: a video ResNet
    over the I-frames of a clip and two thin ones over its motion vectors and residuals, of which
    there are kappa = 5 per I-frame. After conv1, res2, res3 and res4 the I-frames and each of the
    others exchange features through a
    :class:`~ssvrl_mm.models.backbones.dynamic_connection.DynamicConnection`, which the next stage
    takes beside its own, Eq. (3). For I-frames of 5 x 224 x 224:

    ======== ================== ================= ============== ============== =============
    stage    I pathway, R18     M and R, R18      I channels     M, R channels  size (I; M, R)
                                                  R18; R50       R18; R50
    ======== ================== ================= ============== ============== =============
    conv1    1x7x7              5x7x7             64             8              5; 25 x 112^2
    pool1    max 1x3x3          max 5x3x3         64             8              5; 25 x 56^2
    res2     1x3x3, 1x3x3       3x3x3, 1x3x3      64; 256        4; 16          5; 25 x 56^2
    res3     1x3x3, 1x3x3       3x3x3, 1x3x3      128; 512       8; 32          5; 25 x 28^2
    res4     3x3x3, 1x3x3       3x3x3, 1x3x3      256; 1024      16; 64         5; 25 x 14^2
    res5     3x3x3, 1x3x3       3x3x3, 1x3x3      512; 2048      32; 128        5; 25 x 7^2
    ======== ================== ================= ============== ============== =============

    Blocks of R50 are bottlenecks, 1x1x1, 1x3x3, 1x1x1, in which the first is 3x1x1 where R18 has
    3x3x3; strides are on the 1x3x3. I-frames get 4, 4, 8, 16 channels from motion and as many from
    residuals, both get 8, 8, 16, 32 channels from I-frames; of either depth. Every temporal stride
    is 1. On 224 x 224 that is 17.40 (R18) and 31.72 (R50) thousand million multiply-adds per clip.

    The paper leaves open, and here it is: connections have kernels of 5x1x1, as its text says
    (Table 4 prints other spatial sizes, ``lateral_sides=(5, 7)``), and no norm; the first of them
    lies after pool1. Weights start from He's rule (by the number of outputs, as
    :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`).

    Args:
        depth: 18 or 50.
        width: Factor on the channels of the I pathway, each rounded to the nearest multiple of 8.
            All channels of the other pathways, and of the connections, stay those of Table 4.
        connection: ``'bidirectional'``; ``'unidirectional'``: I-frames alone get something; or
            ``'none'`` (Table 1).
        lateral_conv: Whether connections convolve; without, they average over the kappa frames and
            repeat, with all channels of the stage ("No conv" in Table 1).
        attention: Whether connections have gates ("No attention" in Table 1 has none).
        lateral_sides: Spatial size of the connections' kernels, from and to I-frames.
        first_connection: ``'pool1'`` or ``'conv1'``: after which of them the first connection is.
        kappa: Frames of motion and residuals per I-frame.
        factored: Whether convolutions of 1 x k x k and k x 1 x 1 are computed in two dimensions,
            on the same memory: see :class:`~ssvrl_mm.models.backbones.factored.FactoredConv3d`.
            None: on CPUs, where it saves an eighth of R50's time, and nothing of R18's.
        init_cfg: mmengine's initialisation.

    Attributes:
        streams: ``('iframe', 'motion', 'residual')``.
        out_channels: Stream -> channels of its map.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> network = IMRNet(18)
        >>> maps = network(dict(iframe=torch.rand(2, 3, 5, 64, 64),
        ...                     motion=torch.rand(2, 2, 25, 64, 64),
        ...                     residual=torch.rand(2, 3, 25, 64, 64)))
        >>> maps['iframe'].shape, maps['motion'].shape
        (torch.Size([2, 512, 5, 2, 2]), torch.Size([2, 32, 25, 2, 2]))
    """

    streams = tuple(_STREAMS)

    def __init__(
        self,
        depth: int = 18,
        width: float = 1.0,
        connection: Literal['bidirectional', 'unidirectional', 'none'] = 'bidirectional',
        lateral_conv: bool = True,
        attention: bool = True,
        lateral_sides: tuple[int, int] = (1, 1),
        first_connection: Literal['pool1', 'conv1'] = 'pool1',
        kappa: int = 5,
        factored: bool | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if depth not in _BLOCKS:
            raise ValueError(f'depth must be one of {", ".join(map(str, _BLOCKS))}: {depth}')
        if not width > 0 or kappa < 1:
            raise ValueError(f'needs width > 0 and kappa >= 1: {width}, {kappa}')
        if connection not in _CONNECTIONS:
            raise ValueError(f'connection must be one of {", ".join(_CONNECTIONS)}: {connection!r}')
        if connection == 'none' and not (lateral_conv and attention):
            raise ValueError(
                "connection='none' has neither convolutions nor gates: leave lateral_conv and "
                'attention as they are'
            )
        if first_connection not in ('pool1', 'conv1'):
            raise ValueError(f'first_connection must be pool1 or conv1: {first_connection!r}')
        if len(lateral_sides) != 2 or not all(side > 0 and side % 2 for side in lateral_sides):
            raise ValueError(f'lateral_sides must be two odd numbers: {lateral_sides}')
        self.kappa = kappa

        channels = {
            'iframe': [scaled(count, width) for count in _IFRAME_CHANNELS],
            'motion': list(_MOVING_CHANNELS),
            'residual': list(_MOVING_CHANNELS),
        }
        self.pathways = nn.ModuleDict({stream: nn.ModuleDict() for stream in _STREAMS})
        self.connections = nn.ModuleDict()
        inputs = dict(_STREAMS)
        for stream, pathway in self._pathways():
            length = 1 if stream == 'iframe' else 5
            pathway['conv1'] = _stem(inputs[stream], channels[stream][0], length)
            pathway['pool1'] = MaxPool3d((length, 3, 3), (1, 2, 2), (length // 2, 1, 1))
            inputs[stream] = channels[stream][0]
        for number, after in enumerate((first_connection, *_STAGES[:-1])):
            if connection != 'none':
                self.connections[after] = nn.ModuleDict(
                    {
                        stream: DynamicConnection(
                            inputs['iframe'],
                            inputs[stream],
                            _TO_IFRAME[number],
                            _TO_MOVING[number] if connection == 'bidirectional' else None,
                            kappa,
                            lateral_sides,
                            lateral_conv,
                            attention,
                        )
                        for stream in ('motion', 'residual')
                    }
                )
                for stream, exchange in self._connections(after):
                    to_iframe, to_moving = exchange.out_channels
                    inputs['iframe'] += to_iframe
                    inputs[stream] += to_moving
            stage = _STAGES[number]
            for stream, pathway in self._pathways():
                make, expansion = _block_maker(
                    depth, stream != 'iframe' or stage in _IFRAME_TEMPORAL
                )
                planes = channels[stream][number + 1]
                layers = nn.Sequential()
                for i in range(_BLOCKS[depth][number]):
                    strides = (1, 2) if i == 0 and stage != 'res2' else (1, 1)
                    layers.append(make(inputs[stream], planes, strides=strides))
                    inputs[stream] = planes * expansion
                pathway[stage] = layers
        self.out_channels = inputs

        for module in self.pathways.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
        if factored is not False:
            factor_convolutions(self, on_cuda=bool(factored))

    def _pathways(self) -> list[tuple[str, Any]]:
        return list(self.pathways.items())

    def _connections(self, after: str) -> list[tuple[str, Any]]:
        connections: dict[str, Any] = dict(self.connections.items())
        return list(connections.get(after, {}).items())

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The maps of the three pathways.

        Args:
            inputs: ``'iframe'`` (N, 3, T, H, W), ``'motion'`` (N, 2, kappa * T, H, W) and
                ``'residual'`` (N, 3, kappa * T, H, W). Others are left alone.

        Returns:
            The streams in this order, each with its map (N, C, T or kappa * T, ceil(H / 32),
            ceil(W / 32)).

        Raises:
            ValueError: If a stream is missing, or shapes do not go together.
        """
        self._check(inputs)
        maps = {stream: inputs[stream] for stream in self.streams}
        for stage in ('conv1', 'pool1', *_STAGES):
            maps = {stream: pathway[stage](maps[stream]) for stream, pathway in self._pathways()}
            maps = self._exchange(stage, maps)
        return maps

    def _exchange(self, after: str, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        """Adds to the maps, in their channels, what they get from one another, Eq. (3)."""
        parts = {stream: [own] for stream, own in maps.items()}
        for stream, exchange in self._connections(after):
            to_iframe, to_moving = exchange(maps['iframe'], maps[stream])
            parts['iframe'].append(to_iframe)
            if to_moving is not None:
                parts[stream].append(to_moving)
        return {s: torch.cat(xs, dim=1) if len(xs) > 1 else xs[0] for s, xs in parts.items()}

    def _check(self, inputs: Mapping[str, Tensor]) -> None:
        missing = [stream for stream in self.streams if stream not in inputs]
        if missing:
            raise ValueError(
                f'IMRNet takes the streams {self.streams}; {missing} missing from {tuple(inputs)}'
            )
        shapes = {stream: tuple(inputs[stream].shape) for stream in self.streams}
        for stream, channels in _STREAMS.items():
            if len(shapes[stream]) != 5 or shapes[stream][1] != channels:
                raise ValueError(
                    f'IMRNet takes {stream!r} of shape (N, {channels}, T, H, W), got '
                    f'{shapes[stream]}'
                )
        count, _, length, *size = shapes['iframe']
        for stream in self.streams[1:]:
            got_count, _, got_length, *got_size = shapes[stream]
            if (got_count, got_size) != (count, size) or got_length != self.kappa * length:
                raise ValueError(
                    f'{stream!r} must have the batch and size of the I-frames, and {self.kappa} '
                    f'frames for each of them (kappa): {shapes}'
                )


def _stem(in_channels: int, channels: int, length: int) -> nn.Sequential:
    """Convolution of ``length`` frames and 7 x 7 places, BatchNorm, ReLU."""
    conv = nn.Conv3d(
        in_channels, channels, (length, 7, 7), (1, 2, 2), (length // 2, 3, 3), bias=False
    )
    return unit(conv, channels)
