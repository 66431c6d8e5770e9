"""The phases of a training step, and the clock that times them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

from mmengine.model import BaseDataPreprocessor

from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.wrapping import unwrap_model

STEP = 'step'
WAIT = 'data wait'
PREPROCESSING = 'preprocessing'
FORWARD = 'forward'
MOMENTUM = 'momentum update'
KEYS = 'key forward'
BACKWARD = 'backward'
OPTIMIZER = 'optimizer step'

#: Seconds of a step by phase: ``('step',)`` is all of it, ``('step', 'forward', 'key forward')``
#: lies within ``('step', 'forward')``.
PhaseTimes = dict[tuple[str, ...], float]


class Call(NamedTuple):
    """A method that a training step calls.

    Args:
        owner: The object that has the method.
        method: Its name.
        phase: What the call is part of.
    """

    owner: Any
    method: str
    phase: str


def calls_of_step(model: Any, optim_wrapper: Any) -> list[Call]:
    """The calls of ``train_step`` that are phases of their own.

    Args:
        model: An mmengine model, or the wrapper of one in a distributed run.
        optim_wrapper: Its optimizer wrapper.
    """
    calls = [
        Call(model, '_run_forward', FORWARD),
        Call(optim_wrapper, 'backward', BACKWARD),
        Call(optim_wrapper, 'step', OPTIMIZER),
        Call(optim_wrapper, 'zero_grad', OPTIMIZER),
    ]
    for module in unwrap_model(model).modules():
        if isinstance(module, BaseDataPreprocessor):
            calls.append(Call(module, 'forward', PREPROCESSING))
        elif isinstance(module, MomentumEncoder):
            calls += [Call(module, 'follow', MOMENTUM), Call(module, 'forward', KEYS)]
    return calls


@contextmanager
def within(
    calls: Sequence[Call], context: Callable[[str], AbstractContextManager]
) -> Iterator[None]:
    """Has calls made inside a context manager each, as long as the block lasts.

    Args:
        calls: The calls.
        context: Gives the context manager of a phase.
    """
    with ExitStack() as stack:
        for owner, method, phase in calls:
            stack.callback(_restore, owner, method, vars(owner).get(method))
            setattr(owner, method, _inside(getattr(owner, method), phase, context))
        yield


def _inside(
    function: Callable, phase: str, context: Callable[[str], AbstractContextManager]
) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        with context(phase):
            return function(*args, **kwargs)

    return call


def _restore(owner: Any, method: str, own: Any) -> None:
    """Gives an object back the attribute it had, or the method of its class."""
    if own is None:
        delattr(owner, method)
    else:
        setattr(owner, method, own)


class PhaseClock:
    """Times phases that may lie within one another.

    Args:
        synchronize: Waits until the device has done what it was given.
        now: The time in seconds.

    Attributes:
        steps: What each step took.

    Example:
        >>> clock = PhaseClock(synchronize=torch.cuda.synchronize)
        >>> with clock.step():
        ...     with clock.phase('forward'):
        ...         losses = model(**batch)
    """

    def __init__(
        self, synchronize: Callable[[], Any], now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.steps: list[PhaseTimes] = []
        self._synchronize = synchronize
        self._now = now
        self._open: tuple[str, ...] = ()

    def step(self) -> AbstractContextManager:
        """A step, from now to the end of the block."""
        self.steps.append({})
        return self.phase(STEP)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A part of the step, or of the phase that is open; one within its like is part of it."""
        if name in self._open:
            yield
            return
        outside, self._open = self._open, (*self._open, name)
        times, path = self.steps[-1], self._open
        # Entered now, so that phases keep the order in which they begin.
        times.setdefault(path, 0.0)
        started = self._time()
        try:
            yield
        finally:
            times[path] += self._time() - started
            self._open = outside

    def _time(self) -> float:
        self._synchronize()
        return self._now()
