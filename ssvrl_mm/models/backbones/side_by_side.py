"""A backbone of several streams and further ones of a stream each, without exchange."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.foundation import MODELS, BaseModule
from ssvrl_mm.models.utils.features import last_map


@MODELS.register_module()
class SideBySideBackbone(BaseModule):
    """A backbone that takes a mapping of streams, and one for each of the further streams.

    "IMRNet, I3D(OF)" in Table 1 of `Self-Supervised Learning of Compressed Video Representations
    <https://openreview.net/forum?id=jMPcEkJpdD>`_ (Yu et al., ICLR 2021): an I3D on optical flow
    beside IMRNet, features concatenated and nothing exchanged. Pooling and concatenation are the
    head's, as with any mapping of maps. Streams may differ in their frames and sizes.

    Weights are under ``backbone.`` and ``backbone_<stream>.``, where
    :class:`~ssvrl_mm.models.PretrainedBackbone` finds them by its ``prefix``.

    Args:
        backbone: Config of the backbone of the mapping; it has ``streams`` and ``out_channels``.
        further: Stream -> config of a backbone that takes its clips alone, with ``out_channels``;
            of several maps the last counts.
        init_cfg: mmengine's initialisation.

    Attributes:
        streams: Those of the backbone, then the further ones.
        out_channels: Stream -> channels of its map.

    Raises:
        ValueError: A further stream is one of the backbone's, or there is none.

    Example:
        >>> network = SideBySideBackbone(
        ...     dict(type='IMRNet', depth=50),
        ...     dict(flow=dict(type='S3D', in_channels=2, separable=False)))
        >>> network.streams, sum(network.out_channels.values())
        (('iframe', 'motion', 'residual', 'flow'), 3328)
    """

    def __init__(
        self, backbone: Any, further: Mapping[str, Any], init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        twice = sorted(set(further) & set(self.backbone.streams))
        if twice or not further:
            raise ValueError(
                f'further streams must be some that {type(self.backbone).__name__} does not take '
                f'({self.backbone.streams}): {tuple(further)}'
            )
        self.streams = (*self.backbone.streams, *further)
        self.out_channels = dict(self.backbone.out_channels)
        for stream, config in further.items():
            network = MODELS.build(config)
            self.add_module(f'backbone_{stream}', network)
            channels = network.out_channels
            self.out_channels[stream] = channels if isinstance(channels, int) else channels[-1]

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The maps of all streams.

        Args:
            inputs: Stream -> clips (N, C, T, H, W).

        Returns:
            Stream -> map (N, D, t, h, w), in the order of ``streams``.

        Raises:
            ValueError: If a stream is missing, or as the backbones raise it.
        """
        missing = [stream for stream in self.streams if stream not in inputs]
        if missing:
            raise ValueError(
                f'takes the streams {self.streams}; {missing} missing from {tuple(inputs)}'
            )
        maps = dict(self.backbone({s: inputs[s] for s in self.backbone.streams}))
        for stream in self.streams[len(self.backbone.streams) :]:
            maps[stream] = last_map(self.get_submodule(f'backbone_{stream}')(inputs[stream]))
        return maps
