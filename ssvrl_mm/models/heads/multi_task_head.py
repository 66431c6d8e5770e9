"""Several heads on one network, where a recognizer has room for one."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ssvrl_mm.models.utils.features import Features
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MultiTaskHead(BaseModule):
    """Asks several heads about the same features, as ``cls_head`` of mmaction2's recognizers.

    Losses add up; each head weighs its own (``loss_weight``).

    Args:
        heads: Name -> config of a head, ours or mmaction2's, whose weights are ``heads.<name>.``.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: There is no head.
        TypeError: What is built has no ``loss`` or no ``predict``.

    Example:
        >>> order = dict(type='SegmentOrderHead', in_channels=512, num_segments=3)
        >>> rate = dict(type='SamplingRateHead', in_channels=512, num_segments=3, max_rate=8)
        >>> head = MultiTaskHead(dict(order=order, rate=rate))
        >>> sorted(head.loss(torch.rand(2, 512, 2, 7, 7), data_samples))
        ['loss_order', 'loss_rate', 'mae_rate', 'mse_rate', 'top1_order']
    """

    def __init__(self, heads: Mapping[str, Mapping[str, Any]], init_cfg: Any = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if not heads:
            raise ValueError('heads: name -> config of a head, got none')
        self.heads: Any = nn.ModuleDict({name: MODELS.build(head) for name, head in heads.items()})
        for name, head in self.heads.items():
            if not (hasattr(head, 'loss') and hasattr(head, 'predict')):
                raise TypeError(
                    f'heads: {name!r} is a {type(head).__name__}, which is no head: it has no '
                    'loss or no predict'
                )

    def forward(self, feats: Features, **kwargs: Any) -> dict[str, Any]:
        """What each head makes of features: name -> outputs."""
        return {name: head(feats, **kwargs) for name, head in self.heads.items()}

    def loss(
        self, feats: Features, data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The losses of all heads, and what they log.

        Args:
            feats: Features as each head takes them.
            data_samples: N samples with the labels of all heads.
            **kwargs: Passed to each.

        Raises:
            ValueError: Two heads have a loss of the same name.
        """
        losses: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            found = head.loss(feats, data_samples, **kwargs)
            if taken := sorted(losses.keys() & found.keys()):
                raise ValueError(f'heads: {name!r} has {taken}, as a head before it has')
            losses.update(found)
        return losses

    def predict(self, feats: Features, data_samples: Sequence[Any], **kwargs: Any) -> Sequence[Any]:
        """Each head in turn writes its predictions into the samples, which are returned."""
        for head in self.heads.values():
            data_samples = head.predict(feats, data_samples, **kwargs)
        return data_samples
