"""C3D's convolutions, with or without BatchNorm, for clips of any length."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from ssvrl_mm.models.foundation import MODELS
from ssvrl_mm.models.utils.deterministic import max_pool3d

from .named_unit import named_unit
from .staged import StagedBackbone, scaled

# Output channels of the convolutions of each stage.
_STAGES: tuple[dict[str, int], ...] = (
    {'conv1a': 64},
    {'conv2a': 128},
    {'conv3a': 256, 'conv3b': 256},
    {'conv4a': 512, 'conv4b': 512},
    {'conv5a': 512, 'conv5b': 512},
)


@MODELS.register_module()
class C3D(StagedBackbone):
    """C3D: eight 3x3x3 convolutions with max pooling in between.

    `Learning Spatiotemporal Features with 3D Convolutional Networks
    <https://arxiv.org/abs/1412.0767>`_ (Tran et al., ICCV 2015, figure 3), up to ``conv5b``:
    without the last pooling and the fully connected layers, and with BatchNorm after every
    convolution unless ``norm=False``. 27,658,688 parameters on three input channels (27,655,936
    without BatchNorm); each channel more or less changes that by 64 * 27.

    ===== ============== ======== ==================== =======================
    stage layers         channels pooling before it    size for 16 x 112 x 112
    ===== ============== ======== ==================== =======================
    0     conv1a         64       none                 16 x 112 x 112
    1     conv2a         128      1 x 2 x 2            16 x 56 x 56
    2     conv3a, conv3b 256      2 x 2 x 2            8 x 28 x 28
    3     conv4a, conv4b 512      2 x 2 x 2            4 x 14 x 14
    4     conv5a, conv5b 512      2 x 2 x 2            2 x 7 x 7
    ===== ============== ======== ==================== =======================

    Poolings have the kernel for stride and no padding, so odd sizes are rounded down. A map of
    one frame is pooled in space only: clips may have any number of frames.

    Convolutions start from He's rule for ReLU (normal, by the number of outputs, as
    :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`), biases from 0.

    Args:
        in_channels: Channels of the input: 3 for RGB, 2 for motion.
        width: Factor on all channel numbers, each rounded to the nearest multiple of 8.
        norm: Whether BatchNorm follows every convolution.
        out_indices: The stages whose output is returned, in increasing order. Later stages are not
            built.
        frozen_stages: The last of the stages that stay as they are, counted from 0; -1 for none.
        norm_eval: Whether BatchNorm keeps to its running statistics in training.
        init_cfg: mmengine's initialisation.
        bias: Whether convolutions have biases; None: without BatchNorm alone, which takes them away
            again. The released weights of Context-Motion Decoupling have both (27,661,440
            parameters).

    Attributes:
        out_channels: Channels of the last of the maps.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> C3D()(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 512, 2, 7, 7])
    """

    def __init__(
        self,
        in_channels: int = 3,
        width: float = 1.0,
        norm: bool = True,
        out_indices: Sequence[int] = (4,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
        bias: bool | None = None,
    ) -> None:
        super().__init__(in_channels, width, out_indices, frozen_stages, norm_eval, init_cfg)
        self.stages = nn.ModuleList()
        channels = in_channels
        for table in _STAGES[: self.num_stages]:
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            for name, base in table.items():
                own = scaled(base, width)
                conv = nn.Conv3d(
                    channels, own, 3, padding=1, bias=not norm if bias is None else bias
                )
                layers[name] = named_unit(conv, nn.BatchNorm3d(own) if norm else None)
                channels = own
            self.stages.append(nn.Sequential(layers))
        self.out_channels = channels
        self._freeze()

    def _enter(self, index: int, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Pools the map of the stage before."""
        if index == 0:
            return x
        if min(x.shape[3:]) < 2:
            raise ValueError(
                f'a clip of (T, H, W) = {size} is too small: {tuple(x.shape[2:])} is left for the '
                f'pooling before stage {index}, which halves H and W'
            )
        temporal = 1 if index == 1 or x.shape[2] == 1 else 2
        return max_pool3d(x, (temporal, 2, 2), (temporal, 2, 2))
