"""Counts against published ones, and against arithmetic on a network made for it."""

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from ssvrl_mm.complexity.counting import REST, count_parameters, count_stages
from ssvrl_mm.models.backbones import S3D, VideoResNet
from ssvrl_mm.registry import MODELS


@pytest.mark.parametrize(
    'network, shape, published, classifier',
    [
        # In 1e9, of torchvision's networks, whose classifiers have 400 classes.
        (S3D, (3, 16, 224, 224), 17.979, 1024 * 400),
        (lambda: VideoResNet('r3d', 18), (3, 16, 112, 112), 40.697, 512 * 400),
        (lambda: VideoResNet('r2plus1d', 18), (3, 16, 112, 112), 40.519, 512 * 400),
    ],
)
def test_published_counts(network, shape, published, classifier):
    with torch.device('meta'):
        stages = count_stages(network(), shape)
    total = sum(stage.multiply_adds for stage in stages)
    assert (total + classifier) / 1e9 == pytest.approx(published, abs=1e-3)
    assert len(stages) == 5 and REST not in [stage.name for stage in stages]


def test_a_backbone_of_mmaction2():
    """PyTorchVideo's slow_r50: 54.52 G and 32.45 M with the classifier of 400 classes."""
    config = dict(type='mmaction.ResNet3dSlowOnly', depth=50, pretrained=None, lateral=False)
    with torch.device('meta'):
        network = MODELS.build(config)
    stages = count_stages(network, (3, 8, 256, 256))
    total = sum(stage.multiply_adds for stage in stages) + 2048 * 400
    parameters = sum(stage.parameters for stage in stages) + 2049 * 400
    assert total / 1e9 == pytest.approx(54.52, abs=5e-3)
    assert parameters / 1e6 == pytest.approx(32.45, abs=5e-3)


class Part(BaseModule):
    """A backbone within a backbone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(4, 6, (1, 3, 3), bias=False)

    def forward(self, clips):
        return self.conv(clips)


class Network(BaseModule):
    def __init__(self):
        super().__init__()
        self.units = nn.ModuleDict(
            dict(
                a=nn.Sequential(nn.Conv3d(2, 4, 1), nn.ReLU(), nn.BatchNorm3d(4)),
                b=nn.ModuleList([nn.ConvTranspose3d(4, 4, (2, 1, 1), (2, 1, 1)), nn.MaxPool3d(2)]),
            )
        )
        self.part = Part()
        self.scale = nn.Parameter(torch.ones(6, 5))

    def forward(self, streams):
        x = self.units['b'][0](self.units['a'](streams['motion']))
        return self.part(x).mean(dim=(2, 3, 4)) @ self.scale


def test_stages_by_arithmetic():
    network = Network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stages = count_stages(network, dict(motion=(2, 3, 8, 9)))
    assert [tuple(stage) for stage in stages] == [
        ('units.a', 3 * 8 * 9 * 2 * 4, 2 * 4 + 4 + 8),
        # Each of three frames makes two.
        ('units.b.0', 3 * 8 * 9 * 4 * 4 * 2, 4 * 4 * 2 + 4),
        ('part.conv', 6 * 6 * 7 * 4 * 6 * 9, 4 * 6 * 9),
        (REST, 6 * 5, 6 * 5),
    ]
    assert sum(stage.parameters for stage in stages) == count_parameters(network)
    assert network.training and network.part.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize('width', [0, 5])
def test_what_lies_outside_may_be_operations_or_parameters_alone(width):
    class Odd(nn.Linear):
        def __init__(self):
            super().__init__(4, width or 4, bias=False)
            self.inner = nn.Linear(4, 4, bias=False)

        def forward(self, x):
            return self.inner(x) if width else x @ self.inner.weight

    stages = count_stages(Odd(), (4,))
    assert [stage.name for stage in stages] == ['inner', REST]
    assert stages[1][1:] == ((0, 20) if width else (16, 16))


def test_shapes_that_do_not_fit_are_told_by_the_backbone():
    with pytest.raises(ValueError, match=r'takes clips of shape \(N, 3, T, H, W\)'):
        count_stages(S3D(width=0.125), (2, 16, 64, 64))
