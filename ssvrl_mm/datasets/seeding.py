"""Random numbers that depend on (seed, epoch, sample) alone, not on who draws them when."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


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
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - transforms of other packages draw there
    # torch.manual_seed would seed the accelerators as well, whose states are not restored here.
    torch_state = torch.default_generator.get_state()
    try:
        random.seed(int(seeds[0]))
        np.random.seed(seeds[1:2].view(np.uint32))  # noqa: NPY002
        torch.default_generator.manual_seed(int(seeds[2] >> np.uint64(1)))
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.default_generator.set_state(torch_state)
