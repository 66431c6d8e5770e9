"""Self-supervised co-training of two streams."""

from collections.abc import Mapping
from typing import Any

from ssvrl_mm.models.recognizers.two_stream import TwoStreamRecognizer, check_switch_epoch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class CoCLR(TwoStreamRecognizer):
    """`CoCLR <https://arxiv.org/abs/2010.09709>`_: two streams that take turns in being trained.

    Until ``co_training_from`` both streams are trained alone; then, for ``phase_epochs`` at a
    time, the first with positives mined in the second, the second with positives mined in the
    first, and so on. The momentum copy of the resting stream goes on to settle on its backbone.
    A phase leaves the resting stream without gradients: with several processes set
    ``find_unused_parameters=True``.

    Args:
        backbone_rgb: Config of the RGB backbone.
        backbone_motion: Config of the motion backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.CoCLRHead`.
        co_training_from: The first epoch (0-based) of co-training; None: never.
        phase_epochs: Epochs of one phase.
        **kwargs: See :class:`ContrastiveRecognizer`.

    Raises:
        ValueError: for a negative epoch or an empty phase.

    Example:
        >>> model = dict(
        ...     type='CoCLR',
        ...     backbone_rgb=dict(type='S3D', in_channels=3),
        ...     backbone_motion=dict(type='S3D', in_channels=2),
        ...     head=dict(type='CoCLRHead',
        ...               projector=dict(type='ProjectionHead', in_channels=1024)),
        ...     co_training_from=300, phase_epochs=100)
    """

    def __init__(
        self,
        backbone_rgb: Mapping[str, Any],
        backbone_motion: Mapping[str, Any],
        head: Mapping[str, Any],
        co_training_from: int | None = None,
        phase_epochs: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone_rgb, backbone_motion, head, **kwargs)
        check_switch_epoch('co_training_from', co_training_from)
        if phase_epochs < 1:
            raise ValueError(f'phase_epochs must be at least 1, got {phase_epochs}')
        self.co_training_from = co_training_from
        self.phase_epochs = phase_epochs

    def stage_of_epoch(self, epoch: int) -> str:
        """``'init'``, then the stream whose turn it is."""
        start = self.co_training_from
        if start is None or epoch < start:
            return 'init'
        phase = (epoch - start) // self.phase_epochs
        return self.streams[phase % len(self.streams)]
