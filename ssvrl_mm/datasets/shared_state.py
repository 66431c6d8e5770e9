"""Small state that worker processes share with the process that started them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import get_worker_info


class SharedIntegers:
    """Integers in memory that forked and spawned worker processes see as they change.

    A deep copy gets shared memory of its own.

    Args:
        values: Initial values.
    """

    def __init__(self, values: Sequence[int] | torch.Tensor) -> None:
        self.values = torch.as_tensor(values, dtype=torch.int64).clone().share_memory_()

    def __deepcopy__(self, memo: dict[int, Any]) -> 'SharedIntegers':
        return SharedIntegers(self.values)


class SharedSet:
    """A set of small integers that worker processes share; it can only grow.

    A deep copy gets shared memory of its own.

    Args:
        limit: Elements are below this.
    """

    def __init__(self, limit: int) -> None:
        # A place for each, so that no lock is needed.
        self._members = SharedIntegers([0] * limit)

    def add(self, element: int) -> None:
        """Adds an element, which may be in it already."""
        self._members.values[element] = 1

    def __contains__(self, element: int) -> bool:
        return bool(self._members.values[element])

    def __len__(self) -> int:
        return int(self._members.values.sum())


class FailureTally:
    """Counts samples and failures over the workers of a loader.

    Each process adds to a row of its own, so that no lock is needed. The examples are those of
    the asking process.

    Args:
        max_workers: Workers with a row of their own; beyond, counts may get lost.
    """

    def __init__(self, max_workers: int = 128) -> None:
        self._counts = SharedIntegers(torch.zeros(max_workers + 1, 2))
        self.examples: dict[str, str] = {}

    def _row(self) -> torch.Tensor:
        worker = get_worker_info()
        row = 0 if worker is None else 1 + worker.id % (len(self._counts.values) - 1)
        return self._counts.values[row]

    def success(self) -> None:
        """Counts a sample that worked."""
        self._row()[0] += 1

    def failure(self, path: str, cause: str) -> bool:
        """Counts a sample that failed; tells whether the path is new to this process."""
        self._row()[1] += 1
        new = path not in self.examples
        self.examples[path] = cause
        return new

    @property
    def failed(self) -> int:
        """Failures so far, over all processes."""
        return int(self._counts.values[:, 1].sum())

    @property
    def tried(self) -> int:
        """Samples tried so far, over all processes."""
        return int(self._counts.values.sum())

    @property
    def failed_share(self) -> float:
        """Share of the tried samples that failed: 0 before the first."""
        return self.failed / max(self.tried, 1)

    def describe(self, limit: int = 5) -> str:
        """The counts and a few examples with their causes, for messages."""
        lines = [f'{self.failed} of {self.tried} samples failed']
        lines += [f'  {path}: {cause}' for path, cause in list(self.examples.items())[:limit]]
        return '\n'.join(lines)
