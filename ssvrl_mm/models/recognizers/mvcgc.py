"""Motion Vector based Cross Guidance Contrastive learning."""

from collections.abc import Mapping
from typing import Any

from ssvrl_mm.models.recognizers.two_stream import TwoStreamRecognizer, check_switch_epoch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MVCGC(TwoStreamRecognizer):
    """MVCGC: two streams that are first trained alone and then guide each other.

    Huo et al., "Compressed Video Contrastive Learning", NeurIPS 2021. Clip 0 of a video gives the
    queries of both streams, clip 1 the keys. Both stages in one run with
    ``cross_guidance_from=300`` and the ``StageSwitchHook``; or one after the other, the second
    with ``cross_guidance_from=0`` and either ``load_from`` the first stage's checkpoint, or
    ``init_cfg`` with the checkpoints of two :class:`MoCoRecognizer`.

    Args:
        backbone_rgb: Config of the RGB backbone.
        backbone_motion: Config of the motion backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.MVCGCHead`.
        cross_guidance_from: The first epoch (0-based) of the second stage; None: never.
        **kwargs: See :class:`ContrastiveRecognizer`.

    Raises:
        ValueError: for a negative epoch.

    Example:
        >>> model = dict(
        ...     type='MVCGC',
        ...     backbone_rgb=dict(type='S3D', in_channels=3),
        ...     backbone_motion=dict(type='S3D', in_channels=2),
        ...     head=dict(type='MVCGCHead', k=5, queue_length=2048,
        ...               projector=dict(type='ProjectionHead', in_channels=1024)),
        ...     cross_guidance_from=300)
        >>> custom_hooks = [dict(type='StageSwitchHook')]
    """

    def __init__(
        self,
        backbone_rgb: Mapping[str, Any],
        backbone_motion: Mapping[str, Any],
        head: Mapping[str, Any],
        cross_guidance_from: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone_rgb, backbone_motion, head, **kwargs)
        check_switch_epoch('cross_guidance_from', cross_guidance_from)
        self.cross_guidance_from = cross_guidance_from

    def stage_of_epoch(self, epoch: int) -> str:
        """``'cross'`` from :attr:`cross_guidance_from` on, ``'init'`` before."""
        start = self.cross_guidance_from
        return 'init' if start is None or epoch < start else 'cross'
