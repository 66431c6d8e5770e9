"""What a prediction of motion is compared with, and how."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.heads.in_batch_contrast import contrast_over_processes
from ssvrl_mm.models.necks import PointwiseMLP
from ssvrl_mm.models.necks.feature_predictor import check_size
from ssvrl_mm.models.utils.deterministic import cross_entropy_of_maps
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.precision import full_precision
from ssvrl_mm.registry import MODELS


class MotionObjective(BaseModule, metaclass=ABCMeta):
    """Base of the objectives of :class:`~ssvrl_mm.models.heads.MotionPredictionHead`.

    Args:
        in_channels: Channels of the predicted maps.
        out_size: Their size (T3, H3, W3).
        init_cfg: OpenMMLab initialisation.
    """

    #: Whether :meth:`forward` takes the features of a motion network, or motion itself.
    needs_features: bool

    def __init__(self, in_channels: int, out_size: Sequence[int], init_cfg: Any = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.out_size = check_size('out_size', out_size)

    @abstractmethod
    def forward(
        self, predicted: Tensor, motion: Tensor, batch: GlobalBatch | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compares a prediction with what came.

        Args:
            predicted: ``(N, in_channels, *out_size)``.
            motion: (N, V, C, T, H, W), features if :attr:`needs_features`, normalised motion
                vectors otherwise. Clip 0 is what was to be predicted.
            batch: What the step knows of the batches of all processes; None: it is found out.

        Returns:
            The loss, (), whose average over processes is that of the global batch, and what to log.

        Raises:
            ValueError: for motion of another size.
        """


@MODELS.register_module()
class PointwiseContrast(MotionObjective):
    """The predicted features find theirs among all positions of all motion clips.

    Eq. (2) of Huang et al., "Self-Supervised Video Representation Learning by Context and Motion
    Decoupling", CVPR 2021. Positive is only what is of the same video, at the same position, in
    clip 0; all else is negative: other positions, the further clips of the same video, and
    the batches of all processes.

    Args:
        in_channels: Channels of the predicted maps; the head knows them.
        out_size: Size (T3, H3, W3) of the maps; likewise.
        criterion: Config of the :class:`~ssvrl_mm.models.losses.InfoNCELoss`. On its temperature
            the paper is silent; the released code has 0.1.
        motion_channels: Channels C3 of the motion features.
        hidden_channels: Hidden width of the perceptrons.
        out_channels: Width of the embeddings.
        init_cfg: OpenMMLab initialisation.

    Example:
        >>> criterion = dict(type='InfoNCELoss', temperature=0.1)
        >>> objective = PointwiseContrast(512, (1, 7, 7), criterion)
        >>> clips, motion = torch.rand(4, 512, 1, 7, 7), torch.rand(4, 4, 512, 1, 7, 7)
        >>> loss, log = objective(clips, motion)
    """

    needs_features = True

    def __init__(
        self,
        in_channels: int,
        out_size: Sequence[int],
        criterion: Mapping[str, Any],
        motion_channels: int = 512,
        hidden_channels: int = 2048,
        out_channels: int = 512,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(in_channels, out_size, init_cfg)
        self.motion_channels = motion_channels
        self.prediction_mlp = PointwiseMLP(in_channels, hidden_channels, out_channels)
        self.motion_mlp = PointwiseMLP(motion_channels, hidden_channels, out_channels)
        self.criterion = MODELS.build({**criterion, 'reduction': 'none'})

    def forward(
        self, predicted: Tensor, motion: Tensor, batch: GlobalBatch | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. (2), and ``top1_motion``, the share of positions that are nearest to their own.

        See the base class for the arguments.
        """
        expected = (self.motion_channels, *self.out_size)
        if tuple(motion.shape[2:]) != expected:
            raise ValueError(
                f'motion features of (C, T, H, W) = {expected} are predicted, '
                f'got {tuple(motion.shape[2:])}'
            )
        num_samples, num_clips = motion.shape[:2]
        queries = _rows(self.prediction_mlp(predicted))
        candidates = _rows(self.motion_mlp(motion.flatten(0, 1)))
        # Candidates lie sample by sample, clip by clip, position by position.
        rows = torch.arange(len(candidates), device=candidates.device)
        targets = rows.view(num_samples, num_clips, -1)[:, 0].flatten()
        batch = batch or GlobalBatch(num_samples, motion.device)
        loss, top1 = contrast_over_processes(self.criterion, queries, candidates, targets, batch)
        return loss, {'top1_motion': top1}


class _MotionValues(MotionObjective):
    """Base of the objectives on motion vectors: a linear layer predicts the cells of a position.

    ``values`` numbers are predicted per component of motion and cell.
    """

    needs_features = False

    def __init__(
        self,
        in_channels: int,
        out_size: Sequence[int],
        target_size: Sequence[int],
        values: int,
        init_cfg: Any,
    ) -> None:
        super().__init__(in_channels, out_size, init_cfg)
        self.target_size = check_size('target_size', target_size)
        pairs = list(zip(self.target_size, self.out_size, strict=True))
        if any(target % size for target, size in pairs):
            raise ValueError(
                f'target_size {self.target_size} must be a multiple of the size '
                f'{self.out_size} of the predicted maps on every axis'
            )
        self.cells = tuple(target // size for target, size in pairs)
        self.values = values
        self.readout = nn.Conv3d(in_channels, values * 2 * prod(self.cells), 1)

    @torch.no_grad()
    def target(self, motion: Tensor) -> Tensor:
        """The motion to predict, (N, 2, *target_size): clip 0, averaged over each cell.

        Args:
            motion: (N, V, 2, T, H, W).
        """
        if motion.shape[2] != 2:
            raise ValueError(
                f'motion vectors (N, V, 2, T, H, W) are predicted, got shape {tuple(motion.shape)}'
            )
        return F.adaptive_avg_pool3d(full_precision(motion[:, 0])[0], self.target_size)

    def read_out(self, predicted: Tensor) -> Tensor:
        """(N, values, 2, *target_size) in at least float32: each position tells its own cells."""
        numbers = full_precision(self.readout(predicted))[0]
        blocks = numbers.unflatten(1, (self.values, 2, *self.cells))
        # values, component, then each axis: position, cell within the position.
        blocks = blocks.permute(0, 1, 2, 6, 3, 7, 4, 8, 5)
        return blocks.flatten(7, 8).flatten(5, 6).flatten(3, 4)


@MODELS.register_module()
class MotionRegression(_MotionValues):
    """The mean squared error of predicted motion vectors.

    An ablation of Huang et al., "Self-Supervised Video Representation Learning by Context and
    Motion Decoupling", CVPR 2021, Table 1. The motion of clip 0 is averaged to ``target_size``;
    every position of the predicted map tells, by a linear layer, the motion in its own part of it.

    Args:
        in_channels: Channels of the predicted maps; the head knows them.
        out_size: Size (T3, H3, W3) of the predicted maps; likewise.
        target_size: Size (T, H, W) of the motion to predict, a multiple of ``out_size``.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for a ``target_size`` that is no multiple.

    Example:
        >>> objective = MotionRegression(512, (1, 7, 7))
        >>> clips, motion = torch.rand(4, 512, 1, 7, 7), torch.rand(4, 1, 2, 8, 112, 112)
        >>> loss, _ = objective(clips, motion)
    """

    def __init__(
        self,
        in_channels: int,
        out_size: Sequence[int],
        target_size: Sequence[int] = (8, 14, 14),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(in_channels, out_size, target_size, 1, init_cfg)

    def forward(
        self, predicted: Tensor, motion: Tensor, batch: GlobalBatch | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean squared error, and nothing more to log; see the base class."""
        target = self.target(motion)
        errors = F.mse_loss(self.read_out(predicted)[:, 0], target, reduction='none')
        batch = batch or GlobalBatch(len(motion), motion.device)
        return batch.mean(errors), {}


@MODELS.register_module()
class MotionClassification(_MotionValues):
    """The cross-entropy of quantised motion vectors.

    An ablation of Huang et al., "Self-Supervised Video Representation Learning by Context and
    Motion Decoupling", CVPR 2021, Table 1; the paper is silent about the bins. Both components are
    classified apart, at the positions of :class:`MotionRegression`.

    Args:
        in_channels: Channels of the predicted maps; the head knows them.
        out_size: Size (T3, H3, W3) of the predicted maps; likewise.
        target_size: Size (T, H, W) of the motion to predict, a multiple of ``out_size``.
        num_bins: Uniform bins of [-1, 1]; an odd number has one around rest.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for a ``target_size`` that is no multiple, or fewer than two bins.

    Example:
        >>> objective = MotionClassification(512, (1, 7, 7), num_bins=21)
        >>> clips, motion = torch.rand(4, 512, 1, 7, 7), torch.rand(4, 1, 2, 8, 112, 112)
        >>> loss, log = objective(clips, motion)
    """

    def __init__(
        self,
        in_channels: int,
        out_size: Sequence[int],
        target_size: Sequence[int] = (8, 14, 14),
        num_bins: int = 21,
        init_cfg: Any = None,
    ) -> None:
        if num_bins < 2:
            raise ValueError(f'num_bins must be at least 2, got {num_bins}')
        super().__init__(in_channels, out_size, target_size, num_bins, init_cfg)

    def quantise(self, motion: Tensor) -> Tensor:
        """The bins of values, from 0; values outside [-1, 1] are in the outer ones."""
        bins = ((motion + 1) * (self.values / 2)).floor().long()
        return bins.clamp(0, self.values - 1)

    def forward(
        self, predicted: Tensor, motion: Tensor, batch: GlobalBatch | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The cross-entropy, and ``top1_motion``, the share of values whose bin is found."""
        bins = self.quantise(self.target(motion))
        logits = self.read_out(predicted)
        batch = batch or GlobalBatch(len(motion), motion.device)
        loss = batch.mean(cross_entropy_of_maps(logits, bins))
        return loss, {'top1_motion': (logits.argmax(dim=1) == bins).float().mean()}


def _rows(maps: Tensor) -> Tensor:
    """(N * positions, C) from (N, C, ...)."""
    return maps.flatten(2).transpose(1, 2).flatten(0, 1)
