"""Losses: stateless modules on features."""

from ssvrl_mm.models.losses.info_nce import (
    InfoNCELoss,
    MultiInstanceInfoNCELoss,
    multi_instance_nce,
)

__all__ = ['InfoNCELoss', 'MultiInstanceInfoNCELoss', 'multi_instance_nce']
