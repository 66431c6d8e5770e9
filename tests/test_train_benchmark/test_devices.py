import re
import time
from pathlib import Path

import pytest
import torch

from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.train_benchmark.devices import StepMarks, check_device, device_name, peak_memory

CPU = torch.device('cpu')


def test_the_device_that_is_asked_for():
    for asked, found in (('auto', 'cpu'), ('auto', 'cuda'), ('cpu', 'cpu'), ('cuda', 'cuda')):
        check_device(asked, found)
    with pytest.raises(LaunchError, match='finds no CUDA device.*--device cpu'):
        check_device('cuda', 'cpu')
    for asked, found in (('cpu', 'cuda'), ('auto', 'mps'), ('cpu', 'npu')):
        with pytest.raises(LaunchError, match=f'would run on {found}'):
            check_device(asked, found)


def test_the_name_of_a_cpu(monkeypatch):
    for threads, name in ((1, 'CPU, 1 thread'), (8, 'CPU, 8 threads')):
        monkeypatch.setattr(torch, 'get_num_threads', lambda threads=threads: threads)
        assert device_name(CPU) == name


def test_durations_lie_between_marks():
    marks = StepMarks(CPU)
    for seconds in (0.02, 0.05):
        time.sleep(seconds)
        marks.mark()
    first, second = marks.durations()
    assert first >= 0.02 and second >= 0.05
    assert StepMarks(CPU).durations() == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_marks_on_cuda_take_the_time_of_the_device():
    marks = StepMarks(torch.device('cuda'))
    for cycles in (10**7, 10**8):
        torch.cuda._sleep(cycles)
        marks.mark()
    first, second = marks.durations()
    assert 5 < second / first < 20


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='needs /proc')
def test_peak_memory_is_what_the_system_says():
    status = Path('/proc/self/status').read_text()
    kibibytes = int(re.search(r'VmHWM:\s+(\d+) kB', status)[1])
    assert peak_memory(CPU) == pytest.approx(kibibytes * 1024, rel=0.01)
