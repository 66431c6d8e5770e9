from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.optim import OptimWrapper
from torch import nn

from ssvrl_mm.models.utils import MomentumEncoder
from ssvrl_mm.train_benchmark.phases import Call, PhaseClock, calls_of_step, within


class Device:
    """A clock, and a device that works off what it was given when somebody waits for it."""

    def __init__(self):
        self.time, self.given = 0.0, 0.0

    def now(self):
        return self.time

    def work(self, seconds):
        self.time += seconds

    def launch(self, seconds):
        self.given += seconds

    def synchronize(self):
        self.time, self.given = self.time + self.given, 0.0


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def clock(device):
    return PhaseClock(device.synchronize, device.now)


def test_phases_lie_within_the_step_and_within_one_another(clock, device):
    for scale in (1, 2):
        device.work(100)  # between the steps
        with clock.step():
            device.work(1 * scale)
            with clock.phase('forward'):
                device.work(2 * scale)
                for _ in range(2):
                    with clock.phase('keys'):
                        device.work(4 * scale)
            with clock.phase('backward'):
                device.work(16 * scale)
    for scale, step in zip((1, 2), clock.steps, strict=True):
        assert step == {
            ('step',): 27 * scale,
            ('step', 'forward'): 10 * scale,
            ('step', 'forward', 'keys'): 8 * scale,
            ('step', 'backward'): 16 * scale,
        }
        assert [path[-1] for path in step] == ['step', 'forward', 'keys', 'backward']


def test_the_work_of_the_device_counts_where_it_was_given(clock, device):
    device.launch(100)  # what is still under way belongs to no step
    with clock.step():
        device.launch(1)
        with clock.phase('forward'):
            device.launch(2)
            with clock.phase('keys'):
                device.launch(4)
        device.launch(8)
    assert clock.steps == [{('step',): 15, ('step', 'forward'): 6, ('step', 'forward', 'keys'): 4}]


def test_a_phase_within_its_like_is_part_of_it(clock, device):
    with clock.step(), clock.phase('forward'), clock.phase('keys'), clock.phase('forward'):
        device.work(3)
    assert clock.steps == [{('step',): 3, ('step', 'forward'): 3, ('step', 'forward', 'keys'): 3}]


def test_an_error_closes_what_is_open(clock, device):
    with pytest.raises(ValueError), clock.step(), clock.phase('forward'):
        device.work(5)
        raise ValueError
    with clock.step():
        device.work(1)
    assert clock.steps == [{('step',): 5, ('step', 'forward'): 5}, {('step',): 1}]


class Slow(BaseDataPreprocessor):
    """Takes its time to prepare a batch."""

    def __init__(self, device):
        super().__init__()
        self.device_of_test = device

    def forward(self, data, training=False):
        self.device_of_test.work(1)
        return data


class Model(BaseModel):
    """One weight and its momentum copy."""

    def __init__(self, device):
        super().__init__(Slow(device))
        self.device_of_test = device
        self.layer = Timed(device)
        self.encoder = MomentumEncoder(nn.Linear(1, 1))
        self.encoder.module = Timed(device)

    def forward(self, inputs, mode):
        self.device_of_test.work(2)
        self.encoder.follow(self.layer)
        return {'loss': (self.layer(inputs) - self.encoder(inputs)).sum()}


class Timed(nn.Module):
    """Takes its time forward, and to be copied."""

    def __init__(self, device):
        super().__init__()
        self.times = [device]  # not to be copied
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs):
        self.times[0].work(4)
        return inputs * self.weight

    def parameters(self, recurse=True):
        self.times[0].work(8)
        return super().parameters(recurse)


class Wrapper(OptimWrapper):
    """Takes its time."""

    def backward(self, loss, **kwargs):
        self.device_of_test.work(64)
        super().backward(loss, **kwargs)

    def step(self, **kwargs):
        self.device_of_test.work(128)
        super().step(**kwargs)

    def zero_grad(self, **kwargs):
        self.device_of_test.work(256)
        super().zero_grad(**kwargs)


@pytest.fixture
def training(device):
    model = Model(device)
    wrapper = Wrapper(torch.optim.SGD(nn.Module.parameters(model.layer), lr=0.1))
    wrapper.device_of_test = device
    return model, wrapper


def test_the_phases_of_a_train_step_are_those_of_mmengine(clock, device, training):
    model, wrapper = training
    with within(calls_of_step(model, wrapper), clock.phase), clock.step():
        model.train_step({'inputs': torch.ones(2)}, wrapper)
    assert clock.steps == [
        {
            ('step',): 1 + 26 + 64 + 128 + 256,
            ('step', 'preprocessing'): 1,
            ('step', 'forward'): 2 + 16 + 4 + 4,
            ('step', 'forward', 'momentum update'): 16,
            ('step', 'forward', 'key forward'): 4,
            ('step', 'backward'): 64,
            ('step', 'optimizer step'): 128 + 256,
        }
    ]


def test_everything_is_as_before_afterwards(clock, training):
    model, wrapper = training
    owners = [model, wrapper, *model.modules()]
    before = [dict(vars(owner)) for owner in owners]
    with within(calls_of_step(model, wrapper), clock.phase):
        assert [dict(vars(owner)) for owner in owners] != before
    assert [dict(vars(owner)) for owner in owners] == before


def test_a_method_of_the_object_itself_comes_back():
    owner = SimpleNamespace(step=lambda: 'own')
    method = owner.step
    entered = []

    class Context:
        def __enter__(self):
            entered.append('in')

        def __exit__(self, *error):
            entered.append('out')

    with within([Call(owner, 'step', 'optimizer step')], lambda phase: Context()):
        assert owner.step() == 'own' and entered == ['in', 'out']
    assert owner.step is method
