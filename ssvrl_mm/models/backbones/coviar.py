"""CoViAR's three networks as one backbone over I-frames, motion and residuals."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.backbones.frame_resnet import FrameResNet
from ssvrl_mm.models.foundation import MODELS, BaseModule, ModuleDict

_CHANNELS = {'iframe': 3, 'motion': 2, 'residual': 3}
_DEPTHS = {'iframe': 152, 'motion': 18, 'residual': 18}


@MODELS.register_module()
class CoViAR(BaseModule):
    """Three independent 2D residual networks, frame by frame.

    Wu et al., "Compressed Video Action Recognition", CVPR 2018: ResNet-152 on I-frames, ResNet-18
    with BatchNorm on its input on motion vectors and on residuals. Here as a backbone of pretext
    tasks, with which Yu et al., ICLR 2021 compare IMRNet (Table 3). For recognition CoViAR averages
    the scores of three :class:`FrameResNet`, see
    :class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer`.

    Args:
        depths: Stream -> layers of its network, for those that differ from 152, 18 and 18.
        init_cfg: OpenMMLab initialisation, of all networks.
        **kwargs: Further arguments of each :class:`FrameResNet`.

    Raises:
        ValueError: A stream that CoViAR does not have.

    Example:
        >>> backbone = CoViAR()
        >>> backbone.out_channels
        {'iframe': 2048, 'motion': 512, 'residual': 512}
        >>> shapes = dict(iframe=(3, 5), motion=(2, 25), residual=(3, 25))
        >>> maps = backbone({s: torch.rand(1, *shape, 64, 64) for s, shape in shapes.items()})
        >>> maps['motion'].shape
        torch.Size([1, 512, 25, 2, 2])
    """

    def __init__(
        self, depths: Mapping[str, int] | None = None, init_cfg: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        unknown = set(depths or {}) - set(_CHANNELS)
        if unknown:
            raise ValueError(f'depths of {sorted(unknown)}, but the streams are {[*_CHANNELS]}')
        self.streams = tuple(_CHANNELS)
        networks = {
            stream: FrameResNet(depth, _CHANNELS[stream], stream != 'iframe', **kwargs)
            for stream, depth in {**_DEPTHS, **(depths or {})}.items()
        }
        #: Stream -> channels of its map.
        self.out_channels = {stream: network.feat_dim for stream, network in networks.items()}
        self.networks = ModuleDict(networks)

    def forward(self, clips: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The maps of the streams.

        Args:
            clips: Stream -> (M, C, T, H, W).

        Returns:
            Stream -> (M, D, T, H', W').
        """
        return {stream: self.networks[stream](clips[stream]) for stream in self.streams}
