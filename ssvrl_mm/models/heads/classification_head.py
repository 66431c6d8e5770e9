"""The linear classifier on top of a backbone."""

from collections.abc import Sequence
from typing import Any

from mmaction.models import I3DHead
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.utils.features import Features, pool_features
from ssvrl_mm.models.utils.precision import without_autocast
from ssvrl_mm.registry import MODELS

_NORMS = ('l2', 'batch')


@MODELS.register_module()
class ClassificationHead(I3DHead):
    """mmaction2's ``I3DHead`` in float32, with the features normalised before it if wanted.

    Average pooling over time and space, normalisation, dropout, one linear layer. CoCLR (Han et
    al., NeurIPS 2020) probes L2-normalised features behind BatchNorm, which makes the probe's
    learning rate independent of the scale of the features; there is no dropout then. Scores are
    computed in float32 under autocast too: a linear layer costs nothing, and the accuracies
    mmaction2 logs need numbers that numpy has.

    Args:
        num_classes: Classes.
        in_channels: Channels of the features; of several streams, of all together.
        feature_norm: Normalisations of the pooled features in their order: 'l2', 'batch'
            (BatchNorm without scale and shift, which the linear layer has).
        dropout_ratio: Probability of dropout.
        average_clips: How the clips of a video are averaged: 'prob', 'score' or None.
        **kwargs: Further arguments of ``I3DHead``.

    Raises:
        ValueError: An unknown normalisation.

    Example:
        >>> head = ClassificationHead(101, 1024, feature_norm=('l2', 'batch'), dropout_ratio=0)
        >>> head(torch.rand(4, 1024, 4, 4, 4)).shape
        torch.Size([4, 101])
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        feature_norm: Sequence[str] = (),
        dropout_ratio: float = 0.5,
        average_clips: str | None = 'prob',
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_classes,
            in_channels,
            dropout_ratio=dropout_ratio,
            average_clips=average_clips,
            **kwargs,
        )
        unknown = set(feature_norm) - set(_NORMS)
        if unknown:
            raise ValueError(f'feature_norm must be some of {_NORMS}, got {tuple(feature_norm)}')
        self.feature_norm = tuple(feature_norm)
        if 'batch' in self.feature_norm:
            self.feature_bn = nn.BatchNorm1d(in_channels, affine=False)

    def forward(self, x: Features, **kwargs: Any) -> Tensor:
        """Scores of clips.

        Args:
            x: Features (N, C, T, H, W); or stream -> such features, which are pooled and put side
                by side.
            **kwargs: Not looked at; mmaction2 passes some.

        Returns:
            (N, num_classes) in float32.
        """
        features = pool_features(x)
        with without_autocast(features):
            for norm in self.feature_norm:
                features = F.normalize(features) if norm == 'l2' else self.feature_bn(features)
            if self.dropout is not None:
                features = self.dropout(features)
            return self.fc_cls(features)
