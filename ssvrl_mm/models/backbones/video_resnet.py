"""R3D, R(2+1)D and R2D: residual networks over clips, with torchvision's names of weights."""

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from ssvrl_mm.models.foundation import MODELS
from ssvrl_mm.models.utils.deterministic import MaxPool3d

from .factored import FactoredConvs
from .residual import (
    CONVS,
    BasicBlock,
    Bottleneck,
    ResidualBlock,
    conv_2plus1d_alone,
    mid_channels,
    pointwise,
    pointwise_2plus1d,
    unit,
)
from .staged import NUM_STAGES, StagedBackbone, check_strides, scaled
from .temporal_padding import reflect_in_time

# The kind of block, and how many of them each layer has.
_DEPTHS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    10: (BasicBlock, (1, 1, 1, 1)),
    18: (BasicBlock, (2, 2, 2, 2)),
    26: (Bottleneck, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}
_CHANNELS = (64, 64, 128, 256, 512)
# Between the two halves of R(2+1)D's stem. No formula: the authors' number.
_STEM_MID_CHANNELS = 45


def _stem(
    arch: str, in_channels: int, width: float, strides: tuple[int, int], mid_channels_by: str
) -> nn.Sequential:
    """Convolution of 7x7 over space and (r2d: 1) 3 over time, BatchNorm, ReLU."""
    temporal, spatial = strides
    channels = scaled(_CHANNELS[0], width)
    if arch == 'r2plus1d':
        mid = max(1, round(_STEM_MID_CHANNELS * width))
        if mid_channels_by == 'convolution':
            mid = mid_channels(in_channels, channels, side=7)
        in_space = nn.Conv3d(
            in_channels, mid, (1, 7, 7), (1, spatial, spatial), padding=(0, 3, 3), bias=False
        )
        over_time = nn.Conv3d(
            mid, channels, (3, 1, 1), (temporal, 1, 1), padding=(1, 0, 0), bias=False
        )
        return FactoredConvs(*unit(in_space, mid), *unit(over_time, channels))
    length = 1 if arch == 'r2d' else 3
    conv = nn.Conv3d(
        in_channels,
        channels,
        (length, 7, 7),
        (temporal, spatial, spatial),
        padding=(length // 2, 3, 3),
        bias=False,
    )
    return unit(conv, channels)


@MODELS.register_module()
class VideoResNet(StagedBackbone):
    """R3D, R(2+1)D or R2D of 10 to 50 layers.

    `A Closer Look at Spatiotemporal Convolutions for Action Recognition
    <https://arxiv.org/abs/1711.11248>`_ (Tran et al., CVPR 2018). Layout, names of weights and
    initialisation are those of ``torchvision.models.video.resnet``: the state dicts of its
    ``r3d_18`` and ``r2plus1d_18`` load as they are, with or without the classifier ``fc``.

    ``r3d`` convolves 3x3x3. ``r2plus1d`` splits that into 1x3x3 and 3x1x1, with BatchNorm and ReLU
    in between and about as many weights. ``r2d`` convolves 1x3x3: frame by frame a 2D ResNet
    without its max pooling, as many frames out as in, or as the stem leaves.

    ===== ====== ======== ============================= ==========================
    stage module channels size for 16 x 112 x 112 (r2d) with ``stem_pool`` (r2d)
    ===== ====== ======== ============================= ==========================
    0     stem   64       16 x 56 x 56                  16 x 56 x 56
    1     layer1 64       16 x 56 x 56                  16 x 28 x 28
    2     layer2 128      8 (16) x 28 x 28              8 (16) x 14 x 14
    3     layer3 256      4 (16) x 14 x 14              4 (16) x 7 x 7
    4     layer4 512      2 (16) x 7 x 7                2 (16) x 4 x 4
    ===== ====== ======== ============================= ==========================

    Channels of stages 1 to 4 are four times as many with bottleneck blocks. Parameters on three
    input channels:

    ===== ========== ============ ========== ========== ====================== ==========
    depth blocks     per layer    r3d        r2plus1d   r2plus1d, convolution  r2d
    ===== ========== ============ ========== ========== ====================== ==========
    10    basic      1, 1, 1, 1   14,361,792 12,487,005 14,365,477             4,905,792
    18    basic      2, 2, 2, 2   33,166,272 31,300,125 33,178,597             11,176,512
    26    bottleneck 2, 2, 2, 2   26,498,752 29,978,959 26,507,471             13,946,176
    34    basic      3, 4, 6, 3   63,475,904 61,626,461 63,504,933             21,284,672
    50    bottleneck 3, 4, 6, 3   46,161,344 53,130,091 46,178,415             23,508,032
    ===== ========== ============ ========== ========== ====================== ==========

    Only the stem sees the input channels: each of them more or less changes that by 64 * 3 * 7 * 7
    (r3d), 45 * 7 * 7 (r2plus1d) or 64 * 7 * 7 (r2d).

    Between the halves of a (2+1)D convolution from c to d channels, Tran et al. (section 3.5) have
    ``floor(3 k k c d / (k k c + 3 d))`` channels for k = 3, which gives the two as many weights as
    3 x k x k has. In their networks, and in torchvision's, the first convolution of a block says it
    for the whole block, a bottleneck by its wide input, and the stem has 45. With
    ``mid_channels_by='convolution'`` each convolution, the stem's (k = 7) too, reckons for itself,
    as in the released codes of VCOP (Xu et al., CVPR 2019) and of Context-Motion Decoupling (Huang
    et al., CVPR 2021). The stem then has 83 on RGB.

    VCOP's R(2+1)D has 10 layers, and factors the 1x1x1 convolutions of its shortcuts too
    (``factored_shortcuts=True``): 14,365,303 parameters, and 21.362 G multiply-adds for a clip of
    16 x 112 x 112; its R3D is that of 10 layers here, with 19.887 G. Convolutions of its released
    code have no biases.

    Args:
        arch: ``'r3d'``, ``'r2plus1d'`` or ``'r2d'``.
        depth: 10, 18, 26, 34 or 50.
        in_channels: Channels of the input: 3 for RGB, 2 for motion.
        width: Factor on all channel numbers, each rounded to the nearest multiple of 8.
        spatial_strides: Spatial stride of each of the five stages.
        temporal_strides: Temporal stride of each of the five stages; ``None`` for
            ``(1, 1, 2, 2, 2)``, and 1 throughout for ``r2d``, which may take others than 1 in the
            stem alone: (2, 1, 1, 1, 1) skips every second frame.
        stem_pool: Whether max pooling of 1x3x3 with stride (1, 2, 2) opens stage 1, as in the 3D
            ResNets of `Hara et al. <https://arxiv.org/abs/1711.09577>`_ (there of 3x3x3).
        zero_init_residual: Whether the last BatchNorm of every block starts from weight 0, so that
            every block starts as its shortcut.
        out_indices: The stages whose output is returned, in increasing order. Later stages are not
            built.
        frozen_stages: The last of the stages that stay as they are, counted from 0; -1 for none.
        norm_eval: Whether BatchNorm keeps to its running statistics in training.
        init_cfg: mmengine's initialisation.
        mid_channels_by: What reckons the channels within (2+1)D convolutions: ``'block'``, or each
            ``'convolution'`` for itself, see above; of ``r2plus1d`` alone.
        temporal_padding: What continues a clip beyond its ends in convolutions over time:
            ``'zeros'``, or by ``'reflect'`` its own frames, see
            :class:`~ssvrl_mm.models.backbones.temporal_padding.TimeReflectedConv3d`; not of
            ``r2d``.
        factored_shortcuts: Whether the shortcuts that change sizes are factored too, into a 1x1x1
            convolution that skips places, BatchNorm, ReLU, and one that skips frames; of
            ``r2plus1d`` alone.

    Attributes:
        out_channels: Channels of the last of the maps.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> VideoResNet('r2plus1d', 26)(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 2048, 2, 7, 7])
        >>> motion = VideoResNet(
        ...     'r3d', 10, in_channels=2, spatial_strides=(1, 1, 2, 2, 2), stem_pool=True)
        >>> motion(torch.rand(2, 2, 8, 112, 112)).shape
        torch.Size([2, 512, 1, 7, 7])
        >>> flow = VideoResNet('r2d', 18, width=0.125)  # MSCL's
        >>> flow(torch.rand(2, 3, 8, 112, 112)).shape
        torch.Size([2, 64, 8, 7, 7])
    """

    def __init__(
        self,
        arch: Literal['r3d', 'r2plus1d', 'r2d'] = 'r3d',
        depth: int = 18,
        in_channels: int = 3,
        width: float = 1.0,
        spatial_strides: Sequence[int] = (2, 1, 2, 2, 2),
        temporal_strides: Sequence[int] | None = None,
        stem_pool: bool = False,
        zero_init_residual: bool = False,
        out_indices: Sequence[int] = (4,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
        mid_channels_by: Literal['block', 'convolution'] = 'block',
        temporal_padding: Literal['zeros', 'reflect'] = 'zeros',
        factored_shortcuts: bool = False,
    ) -> None:
        super().__init__(in_channels, width, out_indices, frozen_stages, norm_eval, init_cfg)
        if arch not in CONVS:
            raise ValueError(f'arch must be one of {", ".join(CONVS)}: {arch!r}')
        if depth not in _DEPTHS:
            raise ValueError(f'depth must be one of {", ".join(map(str, _DEPTHS))}: {depth}')
        if temporal_strides is None:
            temporal_strides = (1,) * NUM_STAGES if arch == 'r2d' else (1, 1, 2, 2, 2)
        check_strides(spatial_strides=spatial_strides, temporal_strides=temporal_strides)
        if arch == 'r2d' and set(temporal_strides[1:]) != {1}:
            raise ValueError(
                f'temporal_strides of r2d, which skips frames in its stem alone: {temporal_strides}'
            )
        if temporal_padding not in (('zeros',) if arch == 'r2d' else ('zeros', 'reflect')):
            raise ValueError(
                f"temporal_padding must be 'zeros' or, of networks that convolve over time, "
                f"'reflect': {temporal_padding!r} of {arch}"
            )
        conv = CONVS[arch]
        if mid_channels_by == 'convolution' and arch == 'r2plus1d':
            conv = conv_2plus1d_alone
        elif mid_channels_by != 'block':
            raise ValueError(
                f"mid_channels_by must be 'block' or, of r2plus1d, 'convolution': "
                f'{mid_channels_by!r} of {arch}'
            )
        if factored_shortcuts and arch != 'r2plus1d':
            raise ValueError(f'factored_shortcuts are for r2plus1d alone, not for {arch}')
        shortcut = pointwise_2plus1d if factored_shortcuts else pointwise
        self.arch = arch
        strides = list(zip(temporal_strides, spatial_strides, strict=True))

        self.stem = _stem(arch, in_channels, width, strides[0], mid_channels_by)
        self.stem_pool = MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)) if stem_pool else None
        block, blocks = _DEPTHS[depth]
        channels = scaled(_CHANNELS[0], width)
        for stage in range(1, self.num_stages):
            planes = scaled(_CHANNELS[stage], width)
            layers = nn.Sequential()
            for i in range(blocks[stage - 1]):
                stride = strides[stage] if i == 0 else (1, 1)
                layers.append(block(channels, planes, conv, stride, shortcut=shortcut))
                channels = planes * block.expansion
            self.add_module(f'layer{stage}', layers)
        self.out_channels = channels
        if temporal_padding == 'reflect':
            reflect_in_time(self)

        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
            elif isinstance(module, ResidualBlock) and zero_init_residual:
                nn.init.zeros_(module.last_norm.weight)
        self.register_load_state_dict_pre_hook(_leave_out_classifier)
        self._freeze()

    def stage_modules(self) -> list[nn.Module]:
        """The stages that were built: the stem and the layers."""
        names = ['stem', *(f'layer{stage}' for stage in range(1, self.num_stages))]
        return [self.get_submodule(name) for name in names]

    def _enter(self, index: int, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Pools what the stem gives."""
        return self.stem_pool(x) if index == 1 and self.stem_pool is not None else x


def _leave_out_classifier(
    module: VideoResNet, state_dict: dict[str, Any], prefix: str, *_args: Any, **_kwargs: Any
) -> None:
    """Takes torchvision's classifier, and layers that were not built, out of its weights."""
    if state_dict.pop(f'{prefix}fc.weight', None) is None:
        return
    state_dict.pop(f'{prefix}fc.bias', None)
    absent = tuple(f'{prefix}layer{stage}.' for stage in range(module.num_stages, NUM_STAGES))
    for key in [key for key in state_dict if key.startswith(absent)]:
        del state_dict[key]
