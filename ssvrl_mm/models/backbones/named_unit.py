"""A convolution with what follows it, by names."""

from collections import OrderedDict

from torch import nn


def named_unit(conv: nn.Conv3d, norm: nn.Module | None) -> nn.Sequential:
    """Convolution, norm and ReLU, in checkpoints ``conv``, ``bn`` and ``activate``, as of mmcv.

    Weights of the convolution start from He's rule for ReLU (normal, by the number of outputs),
    its bias from 0.

    Args:
        conv: The convolution.
        norm: What normalises its output; None for nothing.
    """
    nn.init.kaiming_normal_(conv.weight, mode='fan_out', nonlinearity='relu')
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    if norm is not None:
        layers['bn'] = norm
    layers['activate'] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
