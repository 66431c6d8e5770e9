"""Necks: what stands between a backbone and a head."""

from ssvrl_mm.models.necks.projection_head import ProjectionHead

__all__ = ['ProjectionHead']
