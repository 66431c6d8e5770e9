import numpy as np
import torch

from ssvrl_mm.models.necks import ProjectionHead
from ssvrl_mm.registry import MODELS


def test_equals_pooling_and_two_pointwise_convolutions():
    torch.manual_seed(0)
    head = ProjectionHead(6, hidden_channels=5, out_channels=4)
    maps = torch.randn(2, 6, 3, 2, 2)

    def conv(x, layer):
        return torch.nn.functional.conv3d(x, layer.weight[:, :, None, None, None], layer.bias)

    pooled = torch.nn.functional.adaptive_avg_pool3d(maps, 1)
    expected = conv(conv(pooled, head.fc1).relu(), head.fc2).flatten(1)
    torch.testing.assert_close(head(maps), expected)
    torch.testing.assert_close(head(pooled.flatten(1)), expected)


def test_the_papers_sizes_are_the_defaults():
    head = MODELS.build(dict(type='ssvrl_mm.ProjectionHead', in_channels=1024))
    shapes = [tuple(parameter.shape) for parameter in head.parameters()]
    assert shapes == [(1024, 1024), (1024,), (128, 1024), (128,)]
    assert head.out_channels == 128
    assert np.prod(head(torch.zeros(1, 1024, 2, 2, 2)).shape) == 128
