"""Losses: stateless modules on similarities and logits."""

from ssvrl_mm.models.losses.info_nce import InfoNCELoss

__all__ = ['InfoNCELoss']
