"""Contrast of the frames of a clip with the flow of each time: which motion is whose."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS

TIME_MAPS = ('even', 'mean')
NEGATIVES = ('times', 'augmentations')


@MODELS.register_module()
class LocalMotionContrast(BaseModule):
    """Local Motion Contrastive Learning (LMCL): RGB at a time finds the flow of that time.

    Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video Representation",
    ECCV 2022. Query is the RGB feature of time i, positive the flow feature of time i of the same
    clip. With ``negatives='times'`` the flow of the clip's other times is negative, Eq. (5), and
    of augmented flow every time, Eq. (6). With ``negatives='augmentations'`` it is the augmented
    flow of time i alone, of N augmentations, Eq. (10). The paper sums over the times; here their
    mean is taken, as in the released code, so that the weight does not depend on their number.

    Args:
        projections: ``'rgb'`` and ``'flow'`` -> config of what brings local features (N, C, T) to
            one width, for instance ``dict(type='Conv1d', in_channels=64, out_channels=128,
            kernel_size=1)``; those left out stay as they are.
        time_map: How flow of more times than RGB has is brought to its T' times: ``'even'`` takes
            every (T / T')th, on which the cells of RGB are centred, ``'mean'`` averages so many.
        negatives: ``'times'`` or ``'augmentations'``.
        criterion: Config of the :class:`~ssvrl_mm.models.losses.InfoNCELoss`.
        similarity: Config of what compares, see :class:`~ssvrl_mm.models.utils.DotProduct`; None:
            that one.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for an unknown ``time_map`` or ``negatives``, or a projection of another stream.

    Example:
        >>> criterion = dict(type='InfoNCELoss', temperature=0.07)
        >>> local = LocalMotionContrast(criterion=criterion)
        >>> rgb, flow, rotated = torch.rand(2, 128, 4), torch.rand(2, 128, 8), torch.rand(2, 128, 8)
        >>> similarities, labels = local(rgb, flow, [rotated])
        >>> similarities.shape, labels.tolist()
        (torch.Size([8, 8]), [0, 1, 2, 3, 0, 1, 2, 3])
    """

    def __init__(
        self,
        projections: Mapping[str, Any] | None = None,
        time_map: str = 'even',
        negatives: str = 'times',
        criterion: Mapping[str, Any] | None = None,
        similarity: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if time_map not in TIME_MAPS:
            raise ValueError(f'time_map must be one of {TIME_MAPS}, got {time_map!r}')
        if negatives not in NEGATIVES:
            raise ValueError(f'negatives must be one of {NEGATIVES}, got {negatives!r}')
        configs = dict(projections or {})
        if not set(configs) <= {'rgb', 'flow'}:
            raise ValueError(f"projections are of 'rgb' and 'flow', got {tuple(configs)}")
        self.time_map = time_map
        self.negatives = negatives
        self.projections = nn.ModuleDict({s: MODELS.build(c) for s, c in configs.items()})
        self.similarity = MODELS.build(similarity or dict(type='DotProduct'))
        self.criterion = MODELS.build(
            {**(criterion or dict(type='InfoNCELoss')), 'reduction': 'none'}
        )

    def forward(
        self, rgb: Tensor, flow: Tensor, augmented: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """Compares every time of every clip with its candidates.

        Args:
            rgb: (N, C, T') features of the clips by time, pooled over space.
            flow: (N, C2, T) features of their flow; T is a multiple of T'.
            augmented: (N, C2, T) of the same flow, augmented; one per augmentation.

        Returns:
            The similarities, ``(N * T', T' * (1 + number of augmentations))``, or with
            ``negatives='augmentations'`` ``(N * T', 1 + number of augmentations)``; and the labels
            ``(N * T',)``, i for time i, or 0.

        Raises:
            ValueError: Times or widths do not fit, or there is no negative.
        """
        times = rgb.shape[2]
        queries = self._embed('rgb', rgb)
        candidates = [self._embed('flow', self._at_times(x, times)) for x in (flow, *augmented)]
        if queries.shape[2] != candidates[0].shape[2]:
            raise ValueError(
                f'local features of {queries.shape[2]} (rgb) and {candidates[0].shape[2]} (flow) '
                "channels cannot be compared: projections=dict(flow=dict(type='Conv1d', ...))"
            )
        labels = torch.arange(times, device=rgb.device)
        if self.negatives == 'times':
            shown = torch.cat(candidates, dim=1)
            labels = labels.repeat(len(rgb))
        else:
            # Each time of each clip by itself: (N * T', 1, C) with (N * T', 1 + augmentations, C).
            queries, shown = (
                queries.flatten(0, 1)[:, None],
                torch.stack(candidates, 2).flatten(0, 1),
            )
            labels = torch.zeros_like(labels).repeat(len(rgb))
        if shown.shape[1] < 2:
            raise ValueError(
                f'{times} time(s) and {len(augmented)} augmentation(s) leave LMCL with '
                f'negatives={self.negatives!r} without any: give RGB maps of several times, or '
                'flow_augment'
            )
        with without_autocast(queries):
            similarities = self.similarity(queries, shown)
        return similarities.flatten(0, 1), labels

    def loss(
        self, rgb: Tensor, flow: Tensor, augmented: Sequence[Tensor], batch: GlobalBatch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, Eq. (5), (6) or (10), and what is logged.

        Args:
            rgb: See :meth:`forward`, like the others.
            flow: Likewise.
            augmented: Likewise.
            batch: What the step knows of the batches of all processes.

        Returns:
            The loss, (), see :meth:`GlobalBatch.mean`; and accuracies, see :meth:`accuracies`.
        """
        similarities, labels = self(rgb, flow, augmented)
        loss = batch.mean(self.criterion(similarities, labels))
        return loss, self.accuracies(similarities.detach(), labels, rgb.shape[2])

    def accuracies(self, similarities: Tensor, labels: Tensor, times: int) -> dict[str, Tensor]:
        """How often the positive is the most similar candidate, () each.

        Of candidates that are equally similar, as in a clip that stands still, each has its share.

        Args:
            similarities: See :meth:`forward`, like the labels.
            labels: ``(N * T',)``.
            times: T'.

        Returns:
            ``top1_local``, by chance 1 / number of candidates; of several times with augmented flow
            among the candidates also ``top1_local_times``, among the flow as it is, by chance 1 /
            T'.
        """
        found = {'top1_local': _share_found(similarities, labels)}
        if self.negatives == 'times' and similarities.shape[1] > times > 1:
            found['top1_local_times'] = _share_found(similarities[:, :times], labels)
        return found

    def answers(
        self, rgb: Tensor, flow: Tensor, augmented: Sequence[Tensor] = ()
    ) -> dict[str, tuple[Tensor, Tensor, int]]:
        """Which candidate is found for every time of every clip.

        Between candidates that are equally similar the CPU's random generator decides.

        Args:
            rgb: See :meth:`forward`, like the others.
            flow: Likewise.
            augmented: Likewise.

        Returns:
            Task -> answers and truths ``(N * T',)`` on the CPU, and the number of candidates. Of
            ``'local'`` these are the flow of the clip's times, and of ``'local_augmented'``, where
            augmented flow is given, that too; with ``negatives='augmentations'`` of the latter
            alone.
        """
        similarities, labels = (x.cpu() for x in self(rgb, flow, augmented))
        times = rgb.shape[2]
        shown = {'local_augmented': similarities} if augmented else {}
        if self.negatives == 'times' and times > 1:
            shown['local'] = similarities[:, :times]
        found = {}
        for task, candidates in shown.items():
            order = torch.rand(candidates.shape, device='cpu').argsort(dim=1)
            best = candidates.gather(1, order).argmax(dim=1, keepdim=True)
            found[task] = order.gather(1, best)[:, 0], labels, candidates.shape[1]
        return found

    def _embed(self, stream: str, features: Tensor) -> Tensor:
        """(N, T', C) unit vectors in at least float32."""
        if stream in self.projections:
            features = self.projections[stream](features)
        return F.normalize(full_precision(features)[0].mT, dim=2)

    def _at_times(self, flow: Tensor, times: int) -> Tensor:
        """(N, C, T') of (N, C, T)."""
        step, rest = divmod(flow.shape[2], times)
        if rest or not step:
            raise ValueError(
                f'flow of {flow.shape[2]} times cannot be told among {times} times of RGB: the '
                'first must be a multiple of the second, see temporal_strides and out_indices of '
                'the backbones'
            )
        if self.time_map == 'even':
            return flow[:, :, ::step]
        return flow.unflatten(2, (times, step)).mean(dim=3)


def _share_found(similarities: Tensor, labels: Tensor) -> Tensor:
    best = similarities.amax(dim=1, keepdim=True)
    winners = similarities == best
    right = winners.gather(1, labels[:, None])[:, 0]
    return (right / winners.sum(dim=1)).mean()
