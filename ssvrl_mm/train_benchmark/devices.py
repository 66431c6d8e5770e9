"""What the device and the machine tell: when steps end, and how much memory they take."""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from ssvrl_mm.engine.launch import LaunchError


def check_device(asked: str, found: str) -> None:
    """Checks that what is asked for is what training will run on.

    Args:
        asked: ``'cpu'``, ``'cuda'``, or ``'auto'`` for whatever there is.
        found: The device that mmengine trains on.

    Raises:
        LaunchError: It is another one, or one that cannot be measured here.
    """
    if asked == 'cuda' and found != 'cuda':
        raise LaunchError(
            f'--device cuda was asked for, but torch {torch.__version__} finds no CUDA device: see '
            'that nvidia-smi lists one, that CUDA_VISIBLE_DEVICES hides none and that this torch '
            'is built for CUDA; or take --device cpu.'
        )
    if found not in ('cpu', 'cuda') or (asked == 'cpu' and found != 'cpu'):
        raise LaunchError(f'training would run on {found}: CPU and CUDA can be measured')


def synchronizer(device: torch.device) -> Callable[[], Any]:
    """What waits for the device; a CPU has always done what it was given."""
    return torch.cuda.synchronize if device.type == 'cuda' else bool


def device_name(device: torch.device) -> str:
    """The name of a GPU, or the number of threads on a CPU."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f'CPU, {threads} thread{"s" if threads > 1 else ""}'


class StepMarks:
    """The ends of steps, marked without waiting for the device: on CUDA as events in its stream.

    Args:
        device: Where the steps run; the first begins now.
    """

    def __init__(self, device: torch.device) -> None:
        self._synchronize = synchronizer(device)
        self._is_cuda = device.type == 'cuda'
        self._synchronize()
        self._marks: list[Any] = []
        self.mark()

    def mark(self) -> None:
        """A step ends here."""
        if not self._is_cuda:
            self._marks.append(time.perf_counter())
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._marks.append(event)

    def durations(self) -> list[float]:
        """Seconds of each step, once the device is through with them."""
        self._synchronize()
        pairs = zip(self._marks, self._marks[1:], strict=False)
        if self._is_cuda:
            return [first.elapsed_time(second) / 1000 for first, second in pairs]
        return [second - first for first, second in pairs]


def forget_peak_memory(device: torch.device) -> None:
    """Begins the measurement of :func:`peak_memory` anew, where the device can."""
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Bytes that were allocated on a GPU at most, or that the process had in memory at most."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
