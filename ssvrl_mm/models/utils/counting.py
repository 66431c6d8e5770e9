"""Counters that are saved with a model and read without asking the device."""

from typing import Any

import torch
from torch import nn


class CountingModule(nn.Module):
    """A module with whole numbers among its buffers, and a copy of each that Python holds.

    To read a buffer on a GPU, the host waits until the GPU has done all that it was given. What
    training reads in every step, :meth:`count` tells without. Checkpoints hold the buffers;
    loading one brings the copies up to date.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}

    def register_counter(self, name: str) -> None:
        """Adds a buffer () int64 of this name; it starts at 0."""
        self.register_buffer(name, torch.zeros((), dtype=torch.long))
        self._counts[name] = 0

    def count(self, name: str) -> int:
        """The value of a counter; nothing waits."""
        return self._counts[name]

    @torch.no_grad()
    def set_count(self, name: str, value: int) -> None:
        """Changes a counter."""
        self.get_buffer(name).fill_(value)
        self._counts[name] = value

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        for name in self._counts:
            self._counts[name] = int(self.get_buffer(name))
