"""Closed forms: a product of (m, k) with (k, n) takes 2 m k n operations, a multiplication with its
addition as two; its backward pass as many for the gradient of each factor that has one."""

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn

from ssvrl_mm.models.utils import MomentumEncoder
from ssvrl_mm.train_benchmark.flops import count_flops
from ssvrl_mm.train_benchmark.phases import calls_of_step


class Net(BaseModel):
    """Layers, and a loss."""

    def __init__(self, *layers, key=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.key = key

    def forward(self, inputs, mode):
        loss = self.layers(inputs).sum()
        return {'loss': loss if self.key is None else loss + self.key(inputs).sum()}


def counted(model, inputs):
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    calls = calls_of_step(model, wrapper)
    before = [parameter.clone() for parameter in model.parameters()]
    found = count_flops(calls, lambda: model.train_step({'inputs': inputs}, wrapper))
    changed = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert any(changed)  # a step like any other
    return found


def test_linear_layers():
    batch, wide, hidden, out = 4, 8, 16, 3
    first, second = batch * wide * hidden, batch * hidden * out
    found = counted(Net(nn.Linear(wide, hidden), nn.Linear(hidden, out)), torch.rand(batch, wide))
    # The first layer needs no gradient of the data.
    assert found == {'forward': 2 * (first + second), 'backward': 2 * (first + 2 * second)}


def test_a_small_network_of_convolutions():
    batch, frames, side = 2, 4, 8
    first = 3 * 5 * 27 * batch * frames * side**2
    second = 5 * 7 * 1 * batch * (frames // 2) * (side // 2) ** 2
    model = Net(nn.Conv3d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv3d(5, 7, 1, stride=2))
    found = counted(model, torch.rand(batch, 3, frames, side, side))
    assert found == {'forward': 2 * (first + second), 'backward': 2 * (first + 2 * second)}


def test_momentum_encoders_count_forward_alone():
    batch, wide, out = 4, 8, 16
    each = 2 * batch * wide * out
    model = Net(nn.Linear(wide, out), key=MomentumEncoder(nn.Linear(wide, out)))
    found = counted(model, torch.rand(batch, wide))
    assert found == {'forward': 2 * each, 'backward': each}
