"""Modules that stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def freeze(module: nn.Module) -> None:
    """Takes a module out of training: evaluation mode, and no gradient for its parameters.

    ``module.train()`` ends the evaluation mode: who freezes a part of itself calls this again in
    its own ``train``.

    Args:
        module: Any module.
    """
    module.eval()
    module.requires_grad_(False)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Runs a block with a module in evaluation mode; every part then gets its mode back.

    Args:
        module: Any module.
    """
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in before.items():
            part.training = training
