"""Access to compressed video: frames, motion and residuals, with PyAV, numpy and OpenCV alone."""

from ssvrl_mm.video.errors import (
    FlowFileError,
    FrameIndexError,
    GOPStructureError,
    MotionUnavailableError,
    NoVideoStreamError,
    ScoreFileError,
    VideoDecodeError,
    VideoError,
    VideoOpenError,
    VideoTimeoutError,
    VideoTooShortError,
)
from ssvrl_mm.video.metadata import FrameBatch, FrameCoding, VideoMetadata
from ssvrl_mm.video.reader import CompressedVideoReader

__all__ = [
    'CompressedVideoReader',
    'FlowFileError',
    'FrameBatch',
    'FrameCoding',
    'FrameIndexError',
    'GOPStructureError',
    'MotionUnavailableError',
    'NoVideoStreamError',
    'ScoreFileError',
    'VideoDecodeError',
    'VideoError',
    'VideoMetadata',
    'VideoOpenError',
    'VideoTimeoutError',
    'VideoTooShortError',
]
