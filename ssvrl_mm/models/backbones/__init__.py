"""Networks from clips (N, C, T, H, W) to feature maps."""

from ssvrl_mm.models.backbones.s3d import S3D, from_torchvision
from ssvrl_mm.models.backbones.separable_inception import FeatureGating

__all__ = ['S3D', 'FeatureGating', 'from_torchvision']
