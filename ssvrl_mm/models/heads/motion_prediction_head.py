"""Prediction of the motion that goes with a clip, or comes after it."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.heads.pretext_head import PretextHead
from ssvrl_mm.models.utils.features import Features, last_map
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MotionPredictionHead(PretextHead):
    """Motion prediction: from the features of a clip to the motion of the near future.

    Section 3.3 of Huang et al., "Self-Supervised Video Representation Learning by Context and
    Motion Decoupling", CVPR 2021. An encoder-decoder predicts a map from the clip's; the objective
    compares it with motion features (:class:`~ssvrl_mm.models.heads.PointwiseContrast`, the
    paper's) or with motion itself (``MotionRegression``, ``MotionClassification``).

    Args:
        predictor: Config of a :class:`~ssvrl_mm.models.necks.FeaturePredictor`.
        objective: Config of a :class:`~ssvrl_mm.models.heads.MotionObjective`; ``in_channels`` and
            ``out_size`` are the predictor's.
        loss_weight: Multiplies the loss: alpha of Eq. (3).
        streams: Names of the clips' and of the motion's stream.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for not two streams.

    Example:
        >>> head = MotionPredictionHead(
        ...     predictor=dict(type='TransformerPredictor', in_channels=512),
        ...     objective=dict(type='PointwiseContrast', motion_channels=512,
        ...                    criterion=dict(type='InfoNCELoss', temperature=0.1)))
        >>> feats = dict(rgb=torch.rand(2, 512, 2, 7, 7), motion=torch.rand(2, 4, 512, 1, 7, 7))
        >>> sorted(head.loss(feats, data_samples))
        ['loss_motion', 'top1_motion']
    """

    def __init__(
        self,
        predictor: Mapping[str, Any],
        objective: Mapping[str, Any],
        loss_weight: float = 1.0,
        streams: Sequence[str] = ('rgb', 'motion'),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(streams, init_cfg)
        if len(streams) != 2:
            raise ValueError(f'clips and motion are two streams, got {tuple(streams)}')
        self.loss_weight = loss_weight
        self.predictor = MODELS.build(predictor)
        sizes = dict(in_channels=self.predictor.out_channels, out_size=self.predictor.out_size)
        self.objective = MODELS.build({**objective, **sizes})

    @property
    def needs_features(self) -> bool:
        """Whether :meth:`loss` takes the features of a motion network, or motion itself."""
        return self.objective.needs_features

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Stream -> features; further streams are not looked at. Of the clips
                (N, C1, T1, H1, W1), as the predictor was made for. Of the motion, if
                :attr:`needs_features`, (N, V, C3, T3, H3, W3): clip 0 is what the clip should
                predict, the others are motion clips of the same video as negatives. Otherwise
                (N, V, 2, T, H, W), normalised motion vectors, of which clip 0 counts.
            data_samples: Not looked at.
            batch: What the step knows of the batches of all processes; None: it is found out.
            **kwargs: Ignored.

        Returns:
            ``loss_motion``, times ``loss_weight``, and what the objective logs.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for features or motion of another shape.
        """
        maps = self.by_stream(feats)
        if not set(self.streams) <= set(maps):
            raise KeyError(f'motion prediction needs the streams {self.streams}, got {tuple(maps)}')
        clips, motion = (last_map(maps[stream]) for stream in self.streams)
        if motion.dim() != 6 or len(motion) != len(clips) or not motion.shape[1]:
            raise ValueError(
                f'{self.streams[1]}: {len(clips)} clips need motion of shape '
                f'({len(clips)}, V, C, T, H, W), got {tuple(motion.shape)}'
            )
        batch = batch or GlobalBatch(len(clips), clips.device)
        loss, log = self.objective(self.predictor(clips), motion, batch)
        return {'loss_motion': self.loss_weight * loss, **log}
