"""Datasets of compressed videos, and the lists they read."""

from ssvrl_mm.datasets import transforms
from ssvrl_mm.datasets.checking import find_bad_videos
from ssvrl_mm.datasets.compressed_video import (
    BadVideosError,
    CompressedVideoDataset,
    pipeline_with_choice,
)
from ssvrl_mm.datasets.hold_out import HoldOutDataset
from ssvrl_mm.datasets.motion_primitives import (
    MotionPrimitives,
    MotionPrimitivesError,
    MotionPrimitivesSpec,
    write_motion_primitives,
)
from ssvrl_mm.datasets.recordings import (
    GROUPS_FILE,
    describe_recordings,
    group_of,
    read_groups,
    write_groups,
)
from ssvrl_mm.datasets.retrieval import RetrievalDataset
from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.datasets.splits import split_by_group, split_by_ratio
from ssvrl_mm.datasets.video_list import (
    VIDEO_SUFFIXES,
    VideoEntry,
    VideoListError,
    read_classes,
    read_video_list,
    scan_videos,
    write_video_list,
)

__all__ = [
    'GROUPS_FILE',
    'VIDEO_SUFFIXES',
    'BadVideosError',
    'CompressedVideoDataset',
    'HoldOutDataset',
    'MotionPrimitives',
    'MotionPrimitivesError',
    'MotionPrimitivesSpec',
    'RetrievalDataset',
    'VideoEntry',
    'VideoListError',
    'describe_recordings',
    'find_bad_videos',
    'group_of',
    'pipeline_with_choice',
    'read_classes',
    'read_groups',
    'read_video_list',
    'scan_videos',
    'seeded_generators',
    'split_by_group',
    'split_by_ratio',
    'transforms',
    'write_groups',
    'write_motion_primitives',
    'write_video_list',
]
