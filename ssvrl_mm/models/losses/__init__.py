"""Losses: stateless modules on similarities, logits, pictures and distributions."""

from ssvrl_mm.models.losses.charbonnier import CharbonnierLoss
from ssvrl_mm.models.losses.gaussian_kl import GaussianKLLoss
from ssvrl_mm.models.losses.info_nce import InfoNCELoss

__all__ = ['CharbonnierLoss', 'GaussianKLLoss', 'InfoNCELoss']
