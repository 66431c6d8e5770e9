"""The slowly moving copy of a module that makes the keys."""

import copy
import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.counting import CountingModule


class MomentumEncoder(CountingModule):
    """A frozen copy of a module that follows it as an exponential moving average.

    Eq. (2) of `MoCo <https://arxiv.org/abs/1911.05722>`_: ``key <- m * key + (1 - m) * query``
    for every parameter. Buffers are not averaged: as in MoCo, the statistics of BatchNorm are
    the copy's own, kept up by its own forward passes in training mode.

    Args:
        module: The module to follow; it is copied, not held.
        momentum: m, in [0, 1].
        final_momentum: With ``total_steps``, the momentum rises to this by a half cosine.
        total_steps: The number of updates over which it does; None keeps ``momentum``.
            ``'training'``: over the iterations of the whole run, of which
            :class:`~ssvrl_mm.engine.hooks.SetEpochHook` tells the share that is done. With 0.994
            to 1, that is the ``1 - (1 - 0.994) (cos(pi share) + 1) / 2`` of MSCL's released code.

    Raises:
        ValueError: for a momentum outside [0, 1], or an unknown ``total_steps``.

    Example:
        >>> encoder = MomentumEncoder(backbone, momentum=0.999)
        >>> encoder.update(backbone)
        >>> keys = encoder(clips)  # without gradient
    """

    step: Tensor

    def __init__(
        self,
        module: nn.Module,
        momentum: float = 0.999,
        final_momentum: float = 1.0,
        total_steps: int | Literal['training'] | None = None,
    ) -> None:
        super().__init__()
        for value in (momentum, final_momentum):
            if not 0 <= value <= 1:
                raise ValueError(f'momentum must lie in [0, 1], got {value}')
        if total_steps not in (None, 'training') and (
            isinstance(total_steps, str) or total_steps < 1
        ):
            raise ValueError(
                f"total_steps must be 'training' or a number from 1 on, got {total_steps!r}"
            )
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.total_steps = total_steps
        self._share_done: float | None = None
        # Saved, so that a resumed run goes on with the same schedule.
        self.register_counter('step')

    def set_progress(self, share: float) -> None:
        """Tells which share of the training is done, in [0, 1]; of use to ``'training'`` alone."""
        self._share_done = share

    @property
    def current_momentum(self) -> float:
        """The momentum of the next update.

        Raises:
            RuntimeError: when it follows the training and nobody told how far that is.
        """
        if self.total_steps is None:
            return self.momentum
        if self.total_steps != 'training':
            progress = min(self.count('step') / self.total_steps, 1.0)
        elif self._share_done is not None:
            progress = self._share_done
        else:
            raise RuntimeError(
                'the momentum rises over the training, and nobody told which share is done: add '
                "dict(type='SetEpochHook') to the hooks, or call set_progress"
            )
        remaining = (1 + math.cos(math.pi * progress)) / 2
        return self.final_momentum - (self.final_momentum - self.momentum) * remaining

    @torch.no_grad()
    def update(self, online: nn.Module) -> None:
        """Moves every parameter towards that of the online module, and counts the step.

        Args:
            online: The module to follow, of the same architecture.

        Raises:
            ValueError: for a module of another number of parameters.
        """
        weight = 1 - self.current_momentum
        keys: list[Tensor] = list(self.module.parameters())
        queries: list[Tensor] = list(online.parameters())
        if len(keys) != len(queries):
            raise ValueError(f'{len(queries)} parameters cannot move a copy of {len(keys)}')
        # One kernel for many parameters, where a loop launches one for each.
        torch._foreach_lerp_(keys, queries, weight)
        self.set_count('step', self.count('step') + 1)

    @torch.no_grad()
    def follow(self, online: nn.Module) -> None:
        """Like :meth:`update`, but the first step starts from an exact copy.

        Initialisation and checkpoints often change the online module alone, after the copy was
        made. A checkpoint that brings a trained copy also brings its step, and the copy is kept.

        Args:
            online: The module to follow, of the same architecture.
        """
        if self.count('step') == 0:
            self.module.load_state_dict(online.state_dict())
        self.update(online)

    def restart(self) -> None:
        """Makes the next :meth:`follow` start from an exact copy, as in a new training."""
        self.set_count('step', 0)

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's forward pass, without gradient."""
        return self.module(*args, **kwargs)
