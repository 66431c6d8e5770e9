"""The classifier that most libraries have behind their networks."""

from collections.abc import Mapping

from torch import Tensor

from ssvrl_mm.models.conversion.layout import Part
from ssvrl_mm.models.conversion.renaming import only

_NAMES = {'fc_cls.weight': 'weight', 'fc_cls.bias': 'bias'}


def names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of a linear layer."""
    return only(_NAMES, ours, 'a linear classifier')


def linear_classifier(layer: str, channels: int, classes: int, pointwise: bool = False) -> Part:
    """A linear layer on averaged features, with as many classes as the file has.

    Args:
        layer: Its name there.
        channels: Channels of the features.
        classes: Of the network as the library has it.
        pointwise: Whether it is a convolution of 1x1x1 there.
    """
    return Part(
        dict(type='ClassificationHead', num_classes=classes, in_channels=channels),
        names,
        ours='cls_head.',
        theirs=f'{layer}.',
        sizes=dict(num_classes=('fc_cls.weight', 0)),
        pointwise=pointwise,
    )
