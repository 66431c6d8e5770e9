"""Recognizers of two streams whose training changes its stage at a given epoch."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.recognizers.contrastive_recognizer import ContrastiveRecognizer


class TwoStreamRecognizer(ContrastiveRecognizer):
    """Base of recognizers of RGB and motion whose stage follows from the epoch.

    :class:`~ssvrl_mm.engine.hooks.StageSwitchHook` tells the epoch, which the ``state_dict``
    keeps.

    Args:
        backbone_rgb: Config of the RGB backbone.
        backbone_motion: Config of the motion backbone.
        head: Config of the head.
        **kwargs: See :class:`ContrastiveRecognizer`.
    """

    epoch: Tensor

    def __init__(
        self,
        backbone_rgb: Mapping[str, Any],
        backbone_motion: Mapping[str, Any],
        head: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__({'rgb': backbone_rgb, 'motion': backbone_motion}, head, **kwargs)
        self.register_buffer('epoch', torch.zeros((), dtype=torch.long))

    def set_epoch(self, epoch: int) -> None:
        """Tells the model which epoch (0-based) it is trained for."""
        self.epoch.fill_(epoch)

    @property
    def stage(self) -> str:
        """The stage of the current epoch."""
        return self.stage_of_epoch(int(self.epoch))

    @abstractmethod
    def stage_of_epoch(self, epoch: int) -> str:
        """The stage that an epoch (0-based) is trained in."""


def check_switch_epoch(name: str, epoch: int | None) -> None:
    """Raises ValueError for an epoch below 0."""
    if epoch is not None and epoch < 0:
        raise ValueError(f'{name} must be an epoch from 0 on, or None, got {epoch}')
