"""The floating-point operations of a training step."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from ssvrl_mm.train_benchmark.phases import BACKWARD, FORWARD, Call, within


def count_flops(calls: Sequence[Call], step: Callable[[], Any]) -> dict[str, int]:
    """Counts the operations of a step's forward and backward pass.

    Those of matrix products, convolutions and attention, as torch's ``FlopCounterMode`` knows them,
    a multiplication with its addition as two. Forward counts all that runs there, momentum
    encoders too; preprocessing and optimizer count nothing.

    Args:
        calls: The calls of the step, see :func:`~.phases.calls_of_step`.
        step: Runs one step. Under the counter it is slow, and rounds differently.

    Returns:
        ``'forward'`` and ``'backward'``.

    Example:
        >>> count_flops(calls_of_step(model, wrapper), lambda: model.train_step(batch, wrapper))
        {'forward': 3145728, 'backward': 6291456}
    """
    counters = {phase: FlopCounterMode(display=False) for phase in (FORWARD, BACKWARD)}
    with within(calls, lambda phase: counters.get(phase) or nullcontext()):
        step()
    return {phase: int(counter.get_total_flops()) for phase, counter in counters.items()}
