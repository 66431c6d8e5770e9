"""A recognizer whose backbone stays as it is."""

from typing import Any

from mmaction.models import Recognizer3D

from ssvrl_mm.models.utils.freezing import freeze
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class LinearProbe(Recognizer3D):
    """mmaction2's ``Recognizer3D`` with a frozen backbone: the head alone is trained.

    The backbone's parameters take no gradient, and it stays in evaluation whatever ``train()``
    says: BatchNorm keeps to the statistics of pretraining. Weights have the names of
    ``Recognizer3D``, so that finetuning can start from a probe.

    Args:
        **kwargs: Arguments of ``Recognizer3D``: ``backbone``, ``cls_head``, ``data_preprocessor``,
            ``test_cfg``, ...

    Example:
        >>> model = dict(
        ...     type='LinearProbe',
        ...     backbone=dict(type='S3D', init_cfg=dict(
        ...         type='PretrainedBackbone', checkpoint='epoch_500.pth',
        ...         prefix='backbone_rgb.')),
        ...     cls_head=dict(type='ClassificationHead', num_classes=101, in_channels=1024),
        ...     data_preprocessor=dict(type='SingleStreamPreprocessor', stream='rgb'))
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        freeze(self.backbone)

    def train(self, mode: bool = True) -> 'LinearProbe':
        """Sets the mode of everything but the backbone."""
        super().train(mode)
        freeze(self.backbone)
        return self
