"""Modules that stay as they are."""

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
