"""Pyramidal motion statistics prediction: where, and in which part of a clip, most moves."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.heads.joint_head import JointHead
from ssvrl_mm.models.necks import ProjectionHead
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.precision import full_precision
from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS, gop_windows
from ssvrl_mm.registry import MODELS

_POOLS = ('mean', 'grid')
_REDUCTIONS = ('mean', 'sum')


@MODELS.register_module()
class PMSPHead(JointHead):
    """Pyramidal motion statistics prediction (PMSP), Eq. (4) of IMRNet.

    Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR 2021. At every
    level (s, t) of a pyramid, a two-layer perceptron with softmax names the cell of an s x s grid
    with the most motion in each of t windows over the clip's groups of pictures
    (:func:`~ssvrl_mm.motion_pyramid.gop_windows`). It sees the features of all streams, averaged
    over the frames of the window. On what the paper is silent: features are pooled over space
    (``'mean'``), and the loss is divided by the number of labels of a clip, 27.

    Args:
        channels: Stream -> channels of its maps.
        num_gops: Groups of pictures of a clip; every stream has as many frames of each.
        grids: The grids' sides s.
        windows: The temporal scales t.
        pool: What of space the perceptrons see: ``'mean'``, or ``'grid'``, the average of each cell
            of the level's grid, side by side.
        hidden_channels: Width of the hidden layers; None: that of a perceptron's input.
        reduction: ``'mean'`` divides a clip's sum over levels and windows by their number,
            ``'sum'`` does not.
        loss_weight: Multiplies the loss.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: An unknown ``pool`` or ``reduction``, a grid of one cell, a temporal scale
            beyond the groups, or the same one twice.

    Example:
        >>> head = PMSPHead(dict(iframe=512, motion=32))
        >>> feats = dict(iframe=torch.rand(2, 512, 5, 7, 7), motion=torch.rand(2, 32, 25, 7, 7))
        >>> sorted(head.loss(feats, data_samples))[:4]
        ['ignored_pmsp', 'loss_pmsp', 'top1_pmsp', 'top1_pmsp_s2_t1']
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        num_gops: int = 5,
        grids: Sequence[int] = GRIDS,
        windows: Sequence[int] = WINDOWS,
        pool: str = 'mean',
        hidden_channels: int | None = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(channels, loss_weight, init_cfg)
        if pool not in _POOLS:
            raise ValueError(f'pool must be one of {_POOLS}, got {pool!r}')
        if reduction not in _REDUCTIONS:
            raise ValueError(f'reduction must be one of {_REDUCTIONS}, got {reduction!r}')
        if not grids or min(grids) < 2 or len({*grids}) < len(grids):
            raise ValueError(f'grids differ and have two cells a side or more: {tuple(grids)}')
        if len({*windows}) < len(windows):
            raise ValueError(f'temporal scales differ from one another, got {tuple(windows)}')
        self.num_gops = num_gops
        self.grids, self.windows = tuple(grids), tuple(windows)
        self.pool = pool
        self.reduction = reduction
        spans = gop_windows(num_gops, windows)
        self.labels_shape = (len(spans), len(self.grids))
        members = torch.zeros(len(spans), num_gops)
        for row, span in zip(members, spans, strict=True):
            row[span] = 1 / (span.stop - span.start)
        self.register_buffer('members', members, persistent=False)
        self.mlps = nn.ModuleDict(
            {
                f's{s}_t{t}': ProjectionHead(
                    self.width * (s * s if pool == 'grid' else 1), hidden_channels, s * s
                )
                for s in self.grids
                for t in self.windows
            }
        )

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        weights: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Stream -> (N * V, C, T, H, W) maps, the V clips of a video side by side.
            data_samples: N samples with ``pmsp_labels`` int (V, windows, grids), the cell row by
                row; -1, no motion, is ignored.
            batch: What the step knows of the batches of all processes; None: it is found out.
            weights: (N * V,) weights of the clips, on average 1; clips of weight 0 do not count for
                the accuracies. None: all alike.
            **kwargs: Ignored.

        Returns:
            ``loss_pmsp``: the cross-entropy of all labels that are not ignored, summed, over the
            number of clips of all processes, and (reduction ``'mean'``) over the labels that a clip
            has, times ``loss_weight``. To be logged, of this process: ``top1_pmsp``,
            ``top1_pmsp_s<s>_t<t>`` of each level (0 where all of its labels are ignored), and
            ``ignored_pmsp``, how many labels are.

        Raises:
            KeyError: for a stream that is missing, or samples without labels.
            ValueError: for features of other channels, frames that do not divide into the groups,
                or labels of another shape.
        """
        maps = self.maps(feats)
        labels = self.labels(
            data_samples, 'pmsp_labels', self.labels_shape, next(iter(maps.values()))
        )
        counted = labels >= 0
        if weights is not None:
            counted = counted & (weights > 0)[:, None, None]
        losses, right, valid = [], {}, {}
        for name, (logits, targets, use) in self._levels(maps, labels, counted).items():
            terms = F.cross_entropy(
                logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction='none'
            )
            losses.append(terms.view(targets.shape).sum(dim=1))
            right[name] = ((logits.argmax(dim=2) == targets) & use).sum()
            valid[name] = use.sum()
        of_clips = torch.stack(losses).sum(dim=0)
        if weights is not None:
            of_clips = of_clips * weights
        if self.reduction == 'mean':
            of_clips = of_clips / labels[0].numel()
        batch = batch or GlobalBatch(len(data_samples or ()), labels.device)
        all_right, all_valid = (torch.stack([*n.values()]).sum() for n in (right, valid))
        return {
            'loss_pmsp': self.loss_weight * batch.mean(of_clips),
            'top1_pmsp': all_right / all_valid.clamp(min=1),
            **{f'top1_pmsp_{n}': right[n] / valid[n].clamp(min=1) for n in right},
            'ignored_pmsp': (labels < 0).sum().float(),
        }

    def predict_cells(self, feats: Features) -> dict[str, Tensor]:
        """The cells that the head names, of each level ``s<s>_t<t>``: (M, t) int64.

        Args:
            feats: Stream -> (M, C, T, H, W) maps.
        """
        return {n: logits.argmax(dim=2) for n, logits in self.logits(self.maps(feats)).items()}

    def answers(self, feats: Features) -> dict[str, Tensor]:
        """The cells of :meth:`predict_cells`, as ``pmsp_s<s>_t<t>``; see :class:`JointHead`."""
        return {f'pmsp_{name}': cells for name, cells in self.predict_cells(feats).items()}

    def truths(self, data_samples: Sequence[Any], like: Tensor) -> dict[str, Tensor]:
        """The cells that move most; see :class:`JointHead`."""
        labels = self.labels(data_samples, 'pmsp_labels', self.labels_shape, like)
        spans = self._spans()
        return {
            f'pmsp_s{s}_t{t}': labels[:, spans[t], place]
            for place, s in enumerate(self.grids)
            for t in self.windows
        }

    def logits(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Level -> (M, t, s * s) logits in at least float32, of maps (M, C, T, H, W)."""
        groups = {stream: self._groups(stream, x) for stream, x in maps.items()}
        found: dict[str, Tensor] = {}
        pooled = None
        for s in self.grids:
            if pooled is None or self.pool == 'grid':
                side = s if self.pool == 'grid' else 1
                pooled = torch.cat([_cells(x, side) for x in groups.values()], dim=2)
            rows = torch.einsum('wg,mgc->mwc', self.members.to(pooled), pooled)
            for t, span in self._spans().items():
                given = rows[:, span]
                logits = self.mlps[f's{s}_t{t}'](given.flatten(0, 1))
                found[f's{s}_t{t}'] = full_precision(logits)[0].unflatten(0, given.shape[:2])
        return found

    def _levels(
        self, maps: Mapping[str, Tensor], labels: Tensor, counted: Tensor
    ) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
        """Level -> logits, labels (M, t), and which of these count."""
        spans = self._spans()
        places = [(place, t) for place, _ in enumerate(self.grids) for t in self.windows]
        return {
            name: (logits, labels[:, spans[t], place], counted[:, spans[t], place])
            for (name, logits), (place, t) in zip(self.logits(maps).items(), places, strict=True)
        }

    def _spans(self) -> dict[int, slice]:
        """Temporal scale t -> its windows among all."""
        starts = [sum(self.windows[:i]) for i in range(len(self.windows))]
        return {t: slice(a, a + t) for t, a in zip(self.windows, starts, strict=True)}

    def _groups(self, stream: str, maps: Tensor) -> Tensor:
        """(M, C, G, H, W) means over the frames of each group of pictures."""
        if maps.dim() != 5 or maps.shape[2] % self.num_gops:
            raise ValueError(
                f'{stream}: maps (M, C, T, H, W) of {self.num_gops} groups of pictures are needed, '
                f'T a multiple of it, got {tuple(maps.shape)}'
            )
        return full_precision(maps)[0].unflatten(2, (self.num_gops, -1)).mean(dim=3)


def _cells(groups: Tensor, side: int) -> Tensor:
    """(M, G, C * side * side) means over the cells of a grid, exact where cells cut pixels."""
    rows, columns = (
        _shares(length, side).to(groups, non_blocking=True) for length in groups.shape[-2:]
    )
    cells = torch.einsum('mcgyx,iy,jx->mgcij', groups, rows, columns)
    return cells.flatten(2)


def _shares(length: int, side: int) -> Tensor:
    """(side, length): which share of a cell each pixel makes up."""
    edges = torch.linspace(0, length, side + 1, dtype=torch.float64)
    pixels = torch.arange(length, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return overlap.clamp(min=0) * (side / length)
