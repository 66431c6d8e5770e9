"""Transforms of the pipeline, one file per stage."""

from ssvrl_mm.datasets.transforms.context_motion import SampleContextMotion
from ssvrl_mm.datasets.transforms.formatting import PackMotionTarget, PackSSLInputs
from ssvrl_mm.datasets.transforms.geometry import (
    ClipCenterCrop,
    ClipFlip,
    ClipRandomResizedCrop,
    ClipResize,
    ClipTenCrop,
    ClipThreeCrop,
)
from ssvrl_mm.datasets.transforms.gop_sampling import SampleGOPs
from ssvrl_mm.datasets.transforms.loading import (
    ChooseStreams,
    DecodeCompressedVideo,
    OpenCompressedVideo,
)
from ssvrl_mm.datasets.transforms.photometric import ChooseAugmentedClips
from ssvrl_mm.datasets.transforms.sampling import SampleClips

__all__ = [
    'ChooseAugmentedClips',
    'ChooseStreams',
    'ClipCenterCrop',
    'ClipFlip',
    'ClipRandomResizedCrop',
    'ClipResize',
    'ClipTenCrop',
    'ClipThreeCrop',
    'DecodeCompressedVideo',
    'OpenCompressedVideo',
    'PackMotionTarget',
    'PackSSLInputs',
    'SampleClips',
    'SampleContextMotion',
    'SampleGOPs',
]
