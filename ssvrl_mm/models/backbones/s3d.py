"""S3D and S3D-G, the separable Inception networks, and I3D, on any number of input channels."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.foundation import MODELS
from ssvrl_mm.models.utils.deterministic import MaxPool3d

from .factored import factor_convolutions
from .separable_inception import InceptionBlock, SeparableUnit, UnitMaker, conv_unit, full_unit
from .staged import NUM_STAGES, StagedBackbone, check_strides, scaled

# Output channels of the convolutions of each Inception block, in the order
# 1x1 | 1x1, 3x3x3 | 1x1, 3x3x3 | 1x1 after the pooling (GoogLeNet's table).
_BLOCKS: dict[int, dict[str, tuple[int, int, int, int, int, int]]] = {
    2: {
        'mixed_3b': (64, 96, 128, 16, 32, 32),
        'mixed_3c': (128, 128, 192, 32, 96, 64),
    },
    3: {
        'mixed_4b': (192, 96, 208, 16, 48, 64),
        'mixed_4c': (160, 112, 224, 24, 64, 64),
        'mixed_4d': (128, 128, 256, 24, 64, 64),
        'mixed_4e': (112, 144, 288, 32, 64, 64),
        'mixed_4f': (256, 160, 320, 32, 128, 128),
    },
    4: {
        'mixed_5b': (256, 160, 320, 32, 128, 128),
        'mixed_5c': (384, 192, 384, 48, 128, 128),
    },
}


def _pool(stage: int, temporal: int, spatial: int) -> nn.Module:
    """The max pooling that opens stages 1 to 4, for any strides.

    Kernel 3 along the axes it strides over and 1 along the others; the last stage's kernel is its
    stride, without padding. With the paper's strides these are the paper's four poolings; with
    strides of 1 there is none.
    """
    strides = (temporal, spatial, spatial)
    if strides == (1, 1, 1):
        return nn.Identity()
    if stage == NUM_STAGES - 1:
        return MaxPool3d(strides, strides)
    kernel = tuple(3 if stride > 1 else 1 for stride in strides)
    return MaxPool3d(kernel, strides, padding=tuple(size // 2 for size in kernel))


@MODELS.register_module()
class S3D(StagedBackbone):
    """S3D, or S3D-G with ``gating=True``: Inception-v1 with separable 3D convolutions.

    `Rethinking Spatiotemporal Feature Learning: Speed-Accuracy Trade-offs in Video Classification
    <https://arxiv.org/abs/1712.04851>`_ (Xie et al., ECCV 2018). Layer for layer the network of
    torchvision's ``s3d`` without its classifier: 7,910,048 parameters with three input channels
    (each input channel more or less changes that by 64 * 7 * 7).

    ===== ============ ======== =============== ==============
    stage last layer   channels temporal stride spatial stride
    ===== ============ ======== =============== ==============
    0     conv_1a      64       2               2
    1     conv_2c      192      2               4
    2     mixed_3c     480      2               8
    3     mixed_4f     832      4               16
    4     mixed_5c     1024     8               32
    ===== ============ ======== =============== ==============

    With ``separable=False`` it is the network that S3D comes from, I3D of `Quo Vadis, Action
    Recognition? <https://arxiv.org/abs/1705.07750>`_ (Carreira and Zisserman, CVPR 2017), whose
    convolutions extend over space and time at once: 7x7x7 in conv_1a, 3x3x3 elsewhere. The table
    holds as it is; 12,287,264 parameters, of which each input channel has 64 * 7 * 7 * 7.

    Weights start as in torchvision's ``s3d``: convolutions from PyTorch's own rule, BatchNorm from
    weight 1 and bias 0. Under BatchNorm the scale of the weights divides the step size: Kaiming's
    rule for ReLU starts with weights two and a half times as large, and learns as much slower at
    the same learning rate.
    ``init_cfg=dict(type='PretrainedBackbone', checkpoint=..., prefix='backbone_rgb.')`` starts from
    the backbone of a training checkpoint. A checkpoint of torchvision's ``s3d`` is recognised
    wherever it is loaded and goes through :func:`from_torchvision`.

    Args:
        in_channels: Channels of the input: 3 for RGB, 2 for motion.
        gating: Whether a :class:`FeatureGating` follows every separable unit (S3D-G).
        width: Factor on all channel numbers, each rounded to the nearest multiple of 8.
        out_indices: The stages whose output is returned, in increasing order. Later stages are not
            built.
        spatial_strides: Spatial stride of each of the five stages. Small inputs (a motion field at
            the resolution of its blocks) keep some extent with ``(1, 1, 2, 2, 2)``.
        temporal_strides: Temporal stride of each of the five stages.
        norm_eps: BatchNorm's epsilon: torchvision's. Weights of CoCLR belong to 1e-5.
        norm_momentum: BatchNorm's momentum. The paper and torchvision have 0.001, with which the
            running statistics mean little before some thousand iterations.
        frozen_stages: The last of the stages that stay as they are, counted from 0; -1 for none.
        norm_eval: Whether BatchNorm keeps to its running statistics in training.
        init_cfg: mmengine's initialisation.
        factored: Whether convolutions of 1 x k x k and k x 1 x 1 are computed in two dimensions,
            on the same memory: see :class:`~ssvrl_mm.models.backbones.factored.FactoredConv3d`.
            None: on CPUs, which are faster so; of GPUs nobody has measured it.
        separable: Whether convolutions over space and over time are two, S3D's, or one, I3D's,
            which has no gates.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> S3D()(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 1024, 2, 3, 3])
        >>> motion = S3D(in_channels=2, out_indices=(3, 4), spatial_strides=(1, 1, 2, 2, 2))
        >>> [tuple(map.shape) for map in motion(torch.rand(2, 2, 16, 16, 16))]
        [(2, 832, 4, 4, 4), (2, 1024, 2, 2, 2)]
    """

    def __init__(
        self,
        in_channels: int = 3,
        gating: bool = False,
        width: float = 1.0,
        out_indices: Sequence[int] = (4,),
        spatial_strides: Sequence[int] = (2, 2, 2, 2, 2),
        temporal_strides: Sequence[int] = (2, 1, 1, 2, 2),
        norm_eps: float = 1e-3,
        norm_momentum: float = 0.1,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
        factored: bool | None = None,
        separable: bool = True,
    ) -> None:
        super().__init__(in_channels, width, out_indices, frozen_stages, norm_eval, init_cfg)
        if gating and not separable:
            raise ValueError('gates follow separable convolutions: gating=True needs separable')
        self.separable = separable
        unit: UnitMaker = SeparableUnit if separable else full_unit
        check_strides(spatial_strides=spatial_strides, temporal_strides=temporal_strides)
        self.norm_eps = norm_eps
        norm_cfg = dict(eps=norm_eps, momentum=norm_momentum)

        self.stages = nn.ModuleList()
        channels, stage_channels = in_channels, []
        for stage in range(self.num_stages):
            temporal, spatial = temporal_strides[stage], spatial_strides[stage]
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            if stage == 0:
                strides = (temporal, spatial)
                layers['conv_1a'] = unit(channels, scaled(64, width), 7, norm_cfg, gating, strides)
                channels = scaled(64, width)
            else:
                layers['pool'] = _pool(stage, temporal, spatial)
            if stage == 1:
                layers['conv_2b'] = conv_unit(channels, scaled(64, width), norm_cfg)
                layers['conv_2c'] = unit(scaled(64, width), scaled(192, width), 3, norm_cfg, gating)
                channels = scaled(192, width)
            for name, table in _BLOCKS.get(stage, {}).items():
                block = InceptionBlock(
                    channels, [scaled(c, width) for c in table], norm_cfg, gating, unit
                )
                layers[name] = block
                channels = block.out_channels
            self.stages.append(nn.Sequential(layers))
            stage_channels.append(channels)
        self.out_channels = tuple(stage_channels[index] for index in self.out_indices)
        # The last pooling has no padding, so this is the least it can work on.
        self._least_input = (
            (temporal_strides[4], spatial_strides[4], spatial_strides[4])
            if self.num_stages == NUM_STAGES
            else (1, 1, 1)
        )

        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                module.reset_parameters()  # units start from He's rule
        if factored is not False:
            factor_convolutions(self, on_cuda=bool(factored))
        self.register_load_state_dict_pre_hook(_convert_on_load)
        self._freeze()

    def _enter(self, index: int, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Checks that the last stage has something to pool."""
        if index == NUM_STAGES - 1 and any(
            got < least for got, least in zip(x.shape[2:], self._least_input, strict=True)
        ):
            raise ValueError(
                f'a clip of (T, H, W) = {size} is too small: {tuple(x.shape[2:])} is left for '
                'the last stage; lower temporal_strides or spatial_strides'
            )
        return x


_TORCHVISION_EPS = 1e-3


@cache
def _torchvision_names() -> dict[str, str]:
    """torchvision's names -> ours; the table is the converter's, which builds this network."""
    from ssvrl_mm.models.conversion.torchvision import s3d_names

    with torch.device('meta'):
        return {theirs: ours for ours, theirs in s3d_names(S3D().state_dict()).items()}


def from_torchvision(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's ``s3d`` under the names of :class:`S3D`.

    The classifier is left out; everything else must match, one to one.

    Args:
        state_dict: State dict of ``torchvision.models.video.s3d()``.

    Returns:
        State dict for ``S3D()``, or for ``S3D(gating=True)`` less its gates.

    Raises:
        ValueError: If keys are left over or missing; it names them.

    Example:
        >>> weights = torch.load('s3d-d76dad2f.pth', weights_only=True)  # doctest: +SKIP
        >>> S3D().load_state_dict(from_torchvision(weights))  # doctest: +SKIP
        <All keys matched successfully>
    """
    ours = _torchvision_names()
    weights = {k: value for k, value in state_dict.items() if not k.startswith('classifier.')}
    unknown = [key for key in weights if key not in ours]
    missing = sorted(name for key, name in ours.items() if key not in weights)
    if unknown or missing:
        raise ValueError(
            f"not a state dict of torchvision's s3d: unknown keys {unknown}, "
            f'nothing for {missing[:10]}{" ..." if len(missing) > 10 else ""}'
        )
    return {ours[key]: value for key, value in weights.items()}


def _convert_on_load(
    module: S3D, state_dict: dict[str, Any], prefix: str, *_args: Any, **_kwargs: Any
) -> None:
    """Replaces torchvision's weights under ``prefix`` by ours, in place."""
    if f'{prefix}features.0.0.0.weight' not in state_dict:
        return
    if not module.separable:
        raise ValueError("torchvision's s3d has separable convolutions: not for separable=False")
    if module.norm_eps != _TORCHVISION_EPS:
        raise ValueError(
            f"torchvision's weights belong to norm_eps={_TORCHVISION_EPS}, and this S3D has "
            f'norm_eps={module.norm_eps}: its features would be others'
        )
    theirs = {
        key.removeprefix(prefix): state_dict.pop(key)
        for key in list(state_dict)
        if key.startswith(prefix)
    }
    for key, value in from_torchvision(theirs).items():
        # Stages that were not built have nowhere to put their weights.
        if int(key.split('.')[1]) < len(module.stages):
            state_dict[prefix + key] = value
