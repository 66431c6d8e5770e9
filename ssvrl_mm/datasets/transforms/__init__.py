"""Transforms of the pipeline, one file per stage."""

from ssvrl_mm.datasets.transforms.clip_tuples import SampleClipTuples
from ssvrl_mm.datasets.transforms.context_motion import SampleContextMotion
from ssvrl_mm.datasets.transforms.crops import (
    ClipCenterCrop,
    ClipMultiScaleCrop,
    ClipRandomCrop,
    ClipRandomResizedCrop,
    ClipTenCrop,
    ClipThreeCrop,
)
from ssvrl_mm.datasets.transforms.formatting import PackMotionTarget, PackSSLInputs
from ssvrl_mm.datasets.transforms.frame_order import DisorderFrames
from ssvrl_mm.datasets.transforms.geometry import ClipFlip, ClipResize
from ssvrl_mm.datasets.transforms.gop_sampling import SampleGOPs
from ssvrl_mm.datasets.transforms.loading import (
    ChooseStreams,
    DecodeCompressedVideo,
    OpenCompressedVideo,
)
from ssvrl_mm.datasets.transforms.motion_differential import SampleMotionClips
from ssvrl_mm.datasets.transforms.photometric import ChooseAugmentedClips
from ssvrl_mm.datasets.transforms.pmsp_labels import PMSPLabels
from ssvrl_mm.datasets.transforms.reversal import ReverseClips
from ssvrl_mm.datasets.transforms.rotation import RotateClips
from ssvrl_mm.datasets.transforms.sampling import SampleClips
from ssvrl_mm.datasets.transforms.segment_frames import SampleSegments
from ssvrl_mm.datasets.transforms.segment_sampling import SampleShuffledSegments
from ssvrl_mm.datasets.transforms.sparse_sampling import SampleSparseClips

__all__ = [
    'ChooseAugmentedClips',
    'ChooseStreams',
    'ClipCenterCrop',
    'ClipFlip',
    'ClipMultiScaleCrop',
    'ClipRandomCrop',
    'ClipRandomResizedCrop',
    'ClipResize',
    'ClipTenCrop',
    'ClipThreeCrop',
    'DecodeCompressedVideo',
    'DisorderFrames',
    'OpenCompressedVideo',
    'PMSPLabels',
    'PackMotionTarget',
    'PackSSLInputs',
    'ReverseClips',
    'RotateClips',
    'SampleClipTuples',
    'SampleClips',
    'SampleContextMotion',
    'SampleGOPs',
    'SampleMotionClips',
    'SampleSegments',
    'SampleShuffledSegments',
    'SampleSparseClips',
]
