"""Motion prediction as an auxiliary task of supervised recognition, in any recognizer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModule
from torch import Tensor

from ssvrl_mm.models.data_preprocessor import scale_motion
from ssvrl_mm.models.utils.features import last_map
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MotionPredictionRegularizer(BaseModule):
    """Asks a video network that learns to classify for the motion that follows the clip, too.

    Table 6 of Huang et al., "Self-Supervised Video Representation Learning by Context and Motion
    Decoupling", CVPR 2021: with weight .2, Eq. (2) raises the accuracy of networks trained from
    scratch. It is a neck: put it as ``neck`` into any ``Recognizer3D`` (or ``Recognizer2D``) of
    mmaction2. Features go on to the classification head as they are; in training, the head's
    losses join those of classification. In tests it computes nothing.

    The motion comes with the data samples, as the field ``motion_target`` (V, 2, T, h, w) in px
    per frame that :class:`~ssvrl_mm.datasets.transforms.PackMotionTarget` (or ``PackSSLInputs``
    with ``motion_target=True``) packs; clip 0 follows the clip, the others are negatives.

    Args:
        head: Config of a :class:`~ssvrl_mm.models.heads.MotionPredictionHead`; its
            ``loss_weight`` is the weight of the regularisation (the paper's: .2).
        backbone_motion: Config of the M-network, for a head that compares features.
        clip: Motion is cut off at so many px per frame and divided by it.
        size: (h, w) or side that motion is brought to; None: as it is.
        pool_time: True for ``Recognizer2D``, which hands the maps of its segments over as
            (N, C, segments, h, w), and wants the axis of segments averaged away. Its backbone must
            return a tuple (two or more ``out_indices``); the last map counts.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: a head that compares features without an M-network, or the other way round.

    Example:
        >>> model = dict(
        ...     type='Recognizer3D', backbone=..., cls_head=...,
        ...     neck=dict(
        ...         type='ssvrl_mm.MotionPredictionRegularizer',
        ...         backbone_motion=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2),
        ...         head=dict(
        ...             type='MotionPredictionHead', loss_weight=0.2,
        ...             predictor=dict(type='TransformerPredictor', in_channels=512),
        ...             objective=dict(
        ...                 type='PointwiseContrast', motion_channels=512,
        ...                 criterion=dict(type='InfoNCELoss', temperature=0.1)))))
    """

    def __init__(
        self,
        head: Mapping[str, Any],
        backbone_motion: Mapping[str, Any] | None = None,
        clip: float = 10.0,
        size: int | Sequence[int] | None = 112,
        pool_time: bool = False,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.head = MODELS.build(head)
        self.backbone_motion = None
        if backbone_motion is not None:
            self.backbone_motion = to_channels_last_3d(MODELS.build(backbone_motion))
        if self.head.needs_features != (self.backbone_motion is not None):
            raise ValueError(
                f'backbone_motion is {"missing" if self.head.needs_features else "used by nobody"}'
            )
        self.clip = clip
        self.size = (int(size), int(size)) if isinstance(size, int | np.integer) else size
        self.pool_time = pool_time

    def forward(
        self, feats: Tensor | Sequence[Tensor], data_samples: Sequence[Any] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Hands the features on.

        Args:
            feats: (N, C, T, H, W), or several maps of which the last counts.
            data_samples: N samples with ``motion_target``; looked at in training alone.

        Returns:
            The features, with ``pool_time`` (N, C, 1, H, W), and in training the head's losses.

        Raises:
            ValueError: no samples, no motion, or another number of clips than of samples.
        """
        maps = last_map(feats)
        if maps.dim() != 5:
            raise ValueError(
                f'a map (N, C, T, H, W) is needed, got {tuple(maps.shape)}; the backbone of a '
                'Recognizer2D must return a tuple of maps (two or more out_indices)'
            )
        passed_on = maps.mean(dim=2, keepdim=True) if self.pool_time else maps
        if not self.training:
            return passed_on, {}
        motion = self._motion(data_samples, len(maps))
        if self.backbone_motion is not None:
            fields = motion.flatten(0, 1).contiguous(memory_format=torch.channels_last_3d)
            motion = self.backbone_motion(fields).unflatten(0, motion.shape[:2])
        return passed_on, self.head.loss({'rgb': maps, 'motion': motion}, data_samples)

    def _motion(self, data_samples: Sequence[Any] | None, count: int) -> Tensor:
        """The normalised motion (N, V, 2, T, H, W) of the samples."""
        if not data_samples or not all('motion_target' in sample for sample in data_samples):
            raise ValueError(
                'the data samples carry no motion_target; pack them by PackMotionTarget, or by '
                'PackSSLInputs with motion_target=True'
            )
        if len(data_samples) != count:
            raise ValueError(
                f'{count} clips of {len(data_samples)} videos: train with one clip per video'
            )
        motion = torch.stack([sample.motion_target for sample in data_samples])
        device = next(self.head.parameters()).device
        return scale_motion(motion.to(device), self.clip, self.size)
