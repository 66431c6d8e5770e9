"""Losses: stateless modules on features."""

from ssvrl_mm.models.losses.info_nce import (
    InBatchInfoNCELoss,
    InfoNCELoss,
    MultiInstanceInfoNCELoss,
    multi_instance_nce,
)

__all__ = [
    'InBatchInfoNCELoss',
    'InfoNCELoss',
    'MultiInstanceInfoNCELoss',
    'multi_instance_nce',
]
