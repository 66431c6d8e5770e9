"""Tasks that take memory, for processes that need not import what the tests do."""

from functools import partial

import numpy as np

from ssvrl_mm.decode_benchmark.measuring import Comparison


def fill(sizes):
    """A task for each size, in MiB."""
    tasks = {name: partial(np.full, size * 2**20, 1, np.uint8) for name, size in sizes.items()}
    return Comparison(tasks, {})
