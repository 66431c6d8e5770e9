import copy
from contextlib import contextmanager

import pytest
import torch
from torch.utils.data import DataLoader

from ssvrl_mm.engine.device_loader import DeviceLoader, on_device, on_host
from ssvrl_mm.engine.runner import ToolRunner

MODULE = 'ssvrl_mm.engine.device_loader.torch.cuda'


class Traced(torch.Tensor):
    """A tensor that notes what happens to it instead of going to a device."""

    log: list

    def to(self, device, non_blocking=False):
        assert device == torch.device('cuda', 3) and non_blocking
        self.log.append(('copy', int(self)))
        return self

    def record_stream(self, stream):
        self.log.append(('kept for', int(self), stream))


def traced(number, log):
    tensor = torch.tensor(number).as_subclass(Traced)
    tensor.log = log
    return tensor


class Stream:
    def __init__(self, log, name):
        self.log, self.name = log, name

    def wait_stream(self, other):
        self.log.append((self.name, 'waits for', other.name))

    def __eq__(self, name):
        return self.name == name


@pytest.fixture
def log(monkeypatch):
    """What a device with streams would see."""
    events = []

    @contextmanager
    def stream(chosen):
        events.append(('on', chosen.name))
        yield
        events.append(('off', chosen.name))

    monkeypatch.setattr(f'{MODULE}.is_available', lambda: True)
    monkeypatch.setattr(f'{MODULE}.current_device', lambda: 3)
    monkeypatch.setattr(f'{MODULE}.current_stream', lambda device: Stream(events, 'steps'))
    monkeypatch.setattr(f'{MODULE}.Stream', lambda device: Stream(events, 'copies'))
    monkeypatch.setattr(f'{MODULE}.stream', stream)
    return events


def test_a_step_waits_for_its_batch_and_memory_outlives_the_step(log):
    batches = ({'inputs': {'rgb': [traced(n, log)]}, 'data_samples': n} for n in range(2))
    for batch in DeviceLoader(batches):
        log.append(('step', batch['data_samples']))
    assert log == [
        event
        for n in range(2)
        for event in (
            ('on', 'copies'),
            ('copy', n),
            ('off', 'copies'),
            ('steps', 'waits for', 'copies'),
            ('kept for', n, 'steps'),
            ('step', n),
        )
    ]


@pytest.mark.parametrize('form', ['tensor', 'list', 'nested'])
def test_inputs_of_every_form_are_copied_and_nothing_else(log, form):
    first, second = traced(0, log), traced(1, log)
    inputs = {
        'tensor': first,
        'list': (first, second),
        'nested': {'rgb': [first, 'name'], 'motion': second, 'none': None},
    }[form]
    samples = [traced(7, log)]
    [batch] = DeviceLoader([{'inputs': inputs, 'data_samples': samples}])
    copied = {'tensor': inputs, 'list': [first, second], 'nested': inputs}[form]
    assert batch == {'inputs': copied, 'data_samples': samples}
    tensors = [0] if form == 'tensor' else [0, 1]
    assert [event[1] for event in log if event[0] == 'copy'] == tensors
    assert [event[1] for event in log if event[0] == 'kept for'] == tensors


def test_batches_of_another_kind_are_given_as_they_are(log):
    batches = [traced(0, log), {'images': traced(1, log)}, None]
    assert [*DeviceLoader(batches)] == batches and not log


def test_errors_come_where_they_are(log):
    def broken():
        yield {'inputs': traced(0, log)}
        raise ValueError('a broken file')

    seen = []
    with pytest.raises(ValueError, match='a broken file'):
        for batch in DeviceLoader(broken()):
            seen.append(int(batch['inputs']))
    assert seen == [0]


def test_nothing_is_fetched_ahead(log):
    # Without workers a batch fetched early would be made of other random numbers.
    fetched = []

    def loader():
        for n in range(3):
            fetched.append(n)
            yield {'inputs': traced(n, log)}

    for n, _ in enumerate(DeviceLoader(loader())):
        assert fetched == [*range(n + 1)]


def test_it_is_a_loader_to_everybody_else(log):
    loader = DataLoader([0] * 6, batch_size=2)
    wrapped = on_device(loader)
    assert len(wrapped) == 3 and wrapped.sampler is loader.sampler and wrapped.batch_size == 2
    assert len([*wrapped]) == len([*wrapped]) == 3  # epoch after epoch
    assert on_host(wrapped) is loader is on_host(loader)
    assert copy.copy(wrapped).dataset is loader.dataset
    with pytest.raises(AttributeError, match='no_such'):
        _ = wrapped.no_such


@pytest.mark.parametrize('cuda', [False, True])
def test_the_runner_of_our_tools_takes_it_where_there_is_cuda(monkeypatch, cuda):
    monkeypatch.setattr(f'{MODULE}.is_available', lambda: cuda)
    loader = DataLoader([0] * 4, batch_size=2)
    built = ToolRunner.build_dataloader(loader, seed=0)
    assert on_host(built) is loader and (built is loader) is not cuda


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_batches_arrive_whole_while_the_device_is_busy():
    batches = [{'inputs': [torch.full((64, 1024, 64), n).pin_memory()]} for n in range(20)]
    busy, sums = torch.rand(4096, 4096, device='cuda'), []
    torch.cuda.set_sync_debug_mode('error')
    try:
        for batch in DeviceLoader(batches):
            busy = (busy @ busy).clamp(0, 1)
            sums.append(batch['inputs'][0].sum())
            del batch
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert [int(s) for s in sums] == [n * 64 * 1024 * 64 for n in range(20)]
