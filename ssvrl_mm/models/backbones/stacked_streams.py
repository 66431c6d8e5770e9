"""Backbones of several streams as one, for recognizers that take a single tensor."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.foundation import MODELS, BaseModule
from ssvrl_mm.models.utils.memory_format import lay_out_clips, to_channels_last_3d


@MODELS.register_module()
class StackedStreamsBackbone(BaseModule):
    """One backbone per stream, on streams that lie side by side in the channels of one tensor.

    mmaction2's ``Recognizer3D`` hands its backbone a single tensor. With this one, fed by a
    :class:`~ssvrl_mm.models.StackedStreamsPreprocessor`, a head of several streams
    (:class:`~ssvrl_mm.models.heads.MVCGCHead`, :class:`~ssvrl_mm.models.heads.CoCLRHead`) gets its
    features by stream. Clips and streams have one size (T, H, W).

    The backbone of a stream is ``backbone_<stream>``, so that in a checkpoint of the recognizer its
    weights are under ``backbone.backbone_<stream>.``, the ``prefix`` of
    :class:`~ssvrl_mm.models.PretrainedBackbone`.

    Args:
        backbones: Stream -> config of its backbone.
        channels: Stream -> how many channels of the tensor it has, in the order that they lie in.
        channels_last: Whether convolutions compute in ``torch.channels_last_3d``: faster on CUDA
            and on CPUs.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: ``backbones`` and ``channels`` name different streams, or clips have another
            number of channels than all streams together.

    Example:
        >>> backbone = StackedStreamsBackbone(
        ...     backbones=dict(rgb=dict(type='S3D', in_channels=3),
        ...                    motion=dict(type='S3D', in_channels=2)),
        ...     channels=dict(rgb=3, motion=2))
        >>> maps = backbone(torch.rand(2, 5, 16, 64, 64))
        >>> maps['rgb'].shape, maps['motion'].shape
        (torch.Size([2, 1024, 2, 2, 2]), torch.Size([2, 1024, 2, 2, 2]))
    """

    def __init__(
        self,
        backbones: Mapping[str, Any],
        channels: Mapping[str, int],
        channels_last: bool = True,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if set(backbones) != set(channels):
            raise ValueError(f'backbones of {tuple(backbones)}, but channels of {tuple(channels)}')
        self.channels = dict(channels)
        self.channels_last = channels_last
        for stream in self.channels:
            backbone = MODELS.build(backbones[stream])
            self.add_module(
                f'backbone_{stream}', to_channels_last_3d(backbone) if channels_last else backbone
            )

    def forward(self, clips: Tensor) -> dict[str, Any]:
        """The maps of the streams.

        Args:
            clips: (N, C, T, H, W), C the channels of all streams.

        Returns:
            Stream -> what its backbone gives, a map (N, D, t, h, w) or several.
        """
        if clips.dim() != 5 or clips.shape[1] != sum(self.channels.values()):
            raise ValueError(
                f'clips must be (N, {sum(self.channels.values())}, T, H, W), the channels of '
                f'{self.channels} side by side as StackedStreamsPreprocessor puts them, got '
                f'{tuple(clips.shape)}'
            )
        parts = clips.split(list(self.channels.values()), dim=1)
        return {
            stream: getattr(self, f'backbone_{stream}')(lay_out_clips(part, self.channels_last))
            for stream, part in zip(self.channels, parts, strict=True)
        }
