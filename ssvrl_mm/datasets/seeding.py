"""Random numbers that depend on (seed, epoch, sample) alone, not on who draws them when."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import numpy as np
import torch


class GeneratorStates(NamedTuple):
    """States of the global generators of Python, numpy and torch (CPU)."""

    python: Any
    numpy: Any
    torch: torch.Tensor

    @classmethod
    def now(cls) -> Self:
        """The states that the generators are in."""
        # Transforms of other packages draw from numpy's global generator.
        return cls(random.getstate(), np.random.get_state(), torch.default_generator.get_state())  # noqa: NPY002

    def restore(self) -> None:
        """Puts the generators back into these states."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch.default_generator.set_state(self.torch)


@contextmanager
def seeded_generators(*entropy: int) -> Iterator[None]:
    """Runs a block under the global generators of Python, numpy and torch (CPU), seeded afresh.

    The generators get back their former states afterwards, so that code outside the block draws
    the same numbers whether or not it ran.

    Args:
        *entropy: Non-negative integers; each combination gives its own numbers.

    Example:
        >>> with seeded_generators(0, epoch, index):
        ...     sample = pipeline(info)
    """
    seeds = np.random.SeedSequence(entropy).generate_state(3, np.uint64)
    before = GeneratorStates.now()
    try:
        random.seed(int(seeds[0]))
        np.random.seed(seeds[1:2].view(np.uint32))  # noqa: NPY002
        # torch.manual_seed would seed the accelerators as well, whose states are not restored here.
        torch.default_generator.manual_seed(int(seeds[2] >> np.uint64(1)))
        yield
    finally:
        before.restore()
