"""What the heads share that classify in which order segments or clips come."""

import math
from abc import ABCMeta
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.models.heads.labelled_head import LabelledHead, checked_segments
from ssvrl_mm.models.utils.answers import ANSWER, CHOICES, TRUTH, asked_samples, write_field
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch


class OrderHead(LabelledHead, metaclass=ABCMeta):
    """Base of heads that tell the n! orders of n parts apart, by softmax and cross-entropy.

    Args:
        in_channels: Channels of the features.
        num_parts: n.
        **kwargs: See :class:`LabelledHead`.

    Raises:
        ValueError: n outside 2 to 8.
    """

    #: In the names of what :meth:`loss` returns.
    loss_name: ClassVar[str]
    #: Name of the argument n, and of the sampler that writes the labels.
    parts_name: ClassVar[str]
    sampler: ClassVar[str]

    def __init__(self, in_channels: int, num_parts: int, **kwargs: Any) -> None:
        super().__init__(in_channels, **kwargs)
        self.num_parts = checked_segments(num_parts, self.parts_name)
        self.num_orders = math.factorial(num_parts)

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Features of the clips, (N * V, C, ...) maps or pooled, the clips of a video side
                by side, or stream -> those.
            data_samples: N samples with the order of each, the number of the permutation among
                all in lexicographic order.
            batch: What the step knows of the batches of all processes; None: it is found out.
            **kwargs: Ignored.

        Returns:
            ``loss_<name>``, the mean cross-entropy over the batches of all processes times
            ``loss_weight``; and to be logged ``top1_<name>``, the share of right answers of this
            process.

        Raises:
            KeyError: for samples without labels.
            ValueError: for features of other channels, or labels that are no order of n parts.
        """
        logits = self(feats)
        labels = self.orders(data_samples, logits)
        batch = batch or GlobalBatch(len(data_samples or ()), logits.device)
        losses = F.cross_entropy(logits, labels, reduction='none')
        return {
            f'loss_{self.loss_name}': self.loss_weight * batch.mean(losses),
            f'top1_{self.loss_name}': (logits.argmax(dim=1) == labels).to(logits.dtype).mean(),
        }

    def orders(
        self, data_samples: Sequence[Any] | None, logits: Tensor, unlabelled: bool = False
    ) -> Tensor:
        """(M,) int64: the right classes of logits (M, n!), on their device."""
        within = (0, self.num_orders - 1)
        labels = self.clip_labels(data_samples, len(logits), (), within, self._remedy(), unlabelled)
        return labels.to(logits.device, torch.long, non_blocking=True)

    def answer(self, feats: Features, data_samples: Sequence[Any]) -> None:
        """Writes the most likely order of each clip; see :class:`LabelledHead`.

        Every sample gets ``truth_order``, (K,) int64 on the CPU, -1 of clips without label; those
        that are asked also ``answer_order`` and ``choices_order``, (1,): n!. For
        :class:`~ssvrl_mm.evaluation.PretextAccuracy`.
        """
        logits = self(feats)
        truths = self.orders(data_samples, logits, unlabelled=True)
        write_field(data_samples, range(len(data_samples)), f'{TRUTH}order', truths)
        asked = asked_samples(data_samples)
        if not asked:
            return
        answers = logits.argmax(dim=1).reshape(len(data_samples), -1)
        write_field(data_samples, asked, f'{ANSWER}order', answers.cpu()[asked])
        for i in asked:
            data_samples[i].set_field(torch.tensor([self.num_orders]), f'{CHOICES}order')

    def _remedy(self) -> str:
        return (
            f': {self.num_parts} parts have {self.num_orders} orders; {self.parts_name} of '
            f'{type(self).__name__} and of {self.sampler} in the pipeline must be the same'
        )
