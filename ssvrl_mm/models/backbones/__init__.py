"""Networks from clips (N, C, T, H, W) to feature maps."""

from ssvrl_mm.models.backbones.c3d import C3D
from ssvrl_mm.models.backbones.coviar import CoViAR
from ssvrl_mm.models.backbones.dynamic_connection import DynamicConnection
from ssvrl_mm.models.backbones.frame_resnet import FrameResNet
from ssvrl_mm.models.backbones.imrnet import IMRNet
from ssvrl_mm.models.backbones.s3d import S3D, from_torchvision
from ssvrl_mm.models.backbones.separable_inception import FeatureGating
from ssvrl_mm.models.backbones.side_by_side import SideBySideBackbone
from ssvrl_mm.models.backbones.stacked_streams import StackedStreamsBackbone
from ssvrl_mm.models.backbones.video_resnet import VideoResNet

__all__ = [
    'C3D',
    'S3D',
    'CoViAR',
    'DynamicConnection',
    'FeatureGating',
    'FrameResNet',
    'IMRNet',
    'SideBySideBackbone',
    'StackedStreamsBackbone',
    'VideoResNet',
    'from_torchvision',
]
