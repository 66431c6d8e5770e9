"""In which order the segments of a clip come: the pretext task of segment order prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.heads.labelled_head import perceptron
from ssvrl_mm.models.heads.order_head import OrderHead
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class SegmentOrderHead(OrderHead):
    """Which of the n! orders the n segments of a clip come in.

    "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate Order
    Prediction", IEEE TCSVT 2021, Eqs. (2) to (4): a two-layer perceptron on the
    representation of the whole clip, softmax and cross-entropy. As printed, Eq. (2) has nothing
    between the layers (``activation=None``), which makes them one; the default is what "multi
    layer perception" says.

    In a plain mmaction2 ``Recognizer3D``: ``cls_head=dict(type='ssvrl_mm.SegmentOrderHead', ...)``
    with :class:`~ssvrl_mm.datasets.transforms.SampleShuffledSegments` in the pipeline and
    ``dict(type='PackActionInputs', algorithm_keys=('segment_order',), meta_keys=('filename',))``
    at its end; several heads at once by :class:`MultiTaskHead`.

    Args:
        in_channels: Channels of the features.
        num_segments: n.
        hidden_channels: Width of the hidden layer; None: one linear layer.
        activation: Config of what is between the layers; None: nothing.
        loss_weight: lambda_1, multiplies the loss.
        stream: Name of the stream whose features the head takes.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: ``num_segments`` outside 2 to 8, or widths below 1.

    Example:
        >>> head = SegmentOrderHead(512, num_segments=3)
        >>> head(torch.rand(2, 512, 2, 7, 7)).shape
        torch.Size([2, 6])
        >>> sorted(head.loss(torch.rand(2, 512, 2, 7, 7), data_samples))
        ['loss_order', 'top1_order']
    """

    loss_name = 'order'
    label_key = 'segment_order'
    parts_name = 'num_segments'
    sampler = 'SampleShuffledSegments'

    def __init__(
        self,
        in_channels: int = 512,
        num_segments: int = 3,
        hidden_channels: int | None = 512,
        activation: Mapping[str, Any] | None = dict(type='ReLU'),  # noqa: B006 - never changed
        loss_weight: float = 1.0,
        stream: str = 'rgb',
        init_cfg: Any = None,
    ) -> None:
        super().__init__(
            in_channels, num_segments, loss_weight=loss_weight, stream=stream, init_cfg=init_cfg
        )
        self.mlp = perceptron(in_channels, hidden_channels, self.num_orders, activation)

    def outputs(self, embedding: Tensor) -> Tensor:
        """(M, n!) logits."""
        return self.mlp(embedding)

    def orders(
        self, data_samples: Sequence[Any] | None, logits: Tensor, unlabelled: bool = False
    ) -> Tensor:
        """The right classes; what else the samples say of segments must be of n, too."""
        for key in ('segment_lengths', 'sampling_rates'):
            for sample in data_samples or ():
                found = getattr(sample, key, None)
                count = self.num_parts if found is None else _last_axis(found)
                if count != self.num_parts:
                    raise ValueError(f'{key!r} are of {count} segments{self._remedy()}')
        return super().orders(data_samples, logits, unlabelled)


def _last_axis(values: Any) -> int:
    """The length of numbers, lists or tensors in their last axis."""
    return torch.atleast_1d(torch.as_tensor(values)).shape[-1]
