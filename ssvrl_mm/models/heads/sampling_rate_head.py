"""How fast each segment of a clip was sampled: the pretext task of sampling rate prediction."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.models.heads.labelled_head import LabelledHead, checked_segments, perceptron
from ssvrl_mm.models.utils.answers import asked_samples
from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS

_TASKS = ('regression', 'classification')


@MODELS.register_module()
class SamplingRateHead(LabelledHead):
    """The sampling rate of each of the n segments of a clip, in the order that they are seen.

    "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate Order
    Prediction", IEEE TCSVT 2021, Eqs. (6) and (7): a linear layer on the representation
    of the whole clip, and the squared error, averaged over the segments. Rates are in frames of the
    video from one frame of the segment to the next, as they are. With ``task='classification'``
    (Table V) each segment has softmax over the rates 1 to ``max_rate`` and cross-entropy, averaged
    over the segments; the rate it predicts is the mean of the distribution.

    In a plain mmaction2 ``Recognizer3D``: ``cls_head=dict(type='ssvrl_mm.SamplingRateHead', ...)``
    with :class:`~ssvrl_mm.datasets.transforms.SampleShuffledSegments` in the pipeline and
    ``dict(type='PackActionInputs', algorithm_keys=('sampling_rates',), meta_keys=('filename',))``
    at its end; several heads at once by :class:`MultiTaskHead`.

    Args:
        in_channels: Channels of the features.
        num_segments: n.
        hidden_channels: Width of a hidden layer, with ReLU; None: one linear layer, Eq. (6).
        max_rate: The highest rate, which classification has a class for; regression takes any.
        task: ``'regression'`` or ``'classification'``.
        loss_weight: lambda_2, multiplies the loss.
        stream: Name of the stream whose features the head takes.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: ``num_segments`` outside 2 to 8, widths or ``max_rate`` below 1, or an unknown
            task.

    Example:
        >>> head = SamplingRateHead(512, num_segments=3)
        >>> head(torch.rand(2, 512, 2, 7, 7)).shape
        torch.Size([2, 3])
        >>> sorted(head.loss(torch.rand(2, 512, 2, 7, 7), data_samples))
        ['loss_rate', 'mae_rate', 'mse_rate']
    """

    label_key = 'sampling_rates'

    def __init__(
        self,
        in_channels: int = 512,
        num_segments: int = 3,
        hidden_channels: int | None = None,
        max_rate: int = 8,
        task: str = 'regression',
        loss_weight: float = 0.3,
        stream: str = 'rgb',
        init_cfg: Any = None,
    ) -> None:
        super().__init__(in_channels, loss_weight, stream, init_cfg)
        if task not in _TASKS:
            raise ValueError(f'task must be one of {_TASKS}, got {task!r}')
        if max_rate < 1:
            raise ValueError(f'max_rate must be at least 1, got {max_rate}')
        self.num_parts = checked_segments(num_segments)
        self.max_rate = max_rate
        self.task = task
        self.classifies = task == 'classification'
        outputs = num_segments * (max_rate if self.classifies else 1)
        self.mlp = perceptron(in_channels, hidden_channels, outputs, dict(type='ReLU'))

    def outputs(self, embedding: Tensor) -> Tensor:
        """(M, n) rates, or (M, n, max_rate) logits."""
        found = self.mlp(embedding)
        return found.unflatten(1, (self.num_parts, -1)) if self.classifies else found

    def predicted_rates(self, outputs: Tensor) -> Tensor:
        """(M, n) rates of what :meth:`forward` gives, in frames."""
        if not self.classifies:
            return outputs
        rates = torch.arange(self.max_rate, dtype=outputs.dtype, device=outputs.device) + 1
        return (outputs.softmax(dim=2) * rates).sum(dim=2)

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
            data_samples: N samples with ``sampling_rates`` (V, n).
            batch: What the step knows of the batches of all processes; None: it is found out.
            **kwargs: Ignored.

        Returns:
            ``loss_rate``, the mean over the segments of all clips of all processes, times
            ``loss_weight``; and to be logged ``mae_rate`` and ``mse_rate``, mean absolute (frames)
            and squared error of the rates of this process.

        Raises:
            KeyError: for samples without rates.
            ValueError: for features of other channels, rates of another number of segments, below
                1, or with classification beyond ``max_rate``.
        """
        found = self(feats)
        rates = self.rates(data_samples, found)
        if self.classifies:
            classes = (rates - 1).long()
            losses = F.cross_entropy(found.flatten(0, 1), classes.flatten(), reduction='none')
            losses = losses.view(classes.shape)
        else:
            losses = (found - rates).square()
        batch = batch or GlobalBatch(len(data_samples or ()), found.device)
        errors = (self.predicted_rates(found) - rates).detach()
        return {
            'loss_rate': self.loss_weight * batch.mean(losses),
            'mae_rate': errors.abs().mean(),
            'mse_rate': errors.square().mean(),
        }

    def rates(
        self, data_samples: Sequence[Any] | None, outputs: Tensor, unlabelled: bool = False
    ) -> Tensor:
        """(M, n) true rates of the clips of M outputs, in their type and on their device."""
        remedy = (
            f': num_segments of {type(self).__name__} is {self.num_parts} and its max_rate '
            f'{self.max_rate}; those of SampleShuffledSegments in the pipeline must be the same'
        )
        within = (1, self.max_rate if self.classifies else math.inf)
        rates = self.clip_labels(
            data_samples, len(outputs), (self.num_parts,), within, remedy, unlabelled
        )
        return rates.to(outputs.device, outputs.dtype, non_blocking=True)

    def answer(self, feats: Features, data_samples: Sequence[Any]) -> None:
        """Writes the rates that the head finds; see :class:`LabelledHead`.

        Samples that are asked get ``predicted_rates``, (V, n) float32 on the CPU, in the order that
        segments are seen. For :class:`~ssvrl_mm.evaluation.SamplingRateError`.
        """
        found = self(feats)
        self.rates(data_samples, found, unlabelled=True)  # what is wrong with them is told here
        predicted = self.predicted_rates(found).detach().float().cpu()
        shares = predicted.unflatten(0, (len(data_samples), -1))
        for i in asked_samples(data_samples):
            data_samples[i].set_field(shares[i].clone(), 'predicted_rates')
