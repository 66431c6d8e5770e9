"""What can go wrong with a video, as exceptions that name the file."""

from typing import Self


class VideoError(Exception):
    """Something is wrong with a video.

    Args:
        path: the file, or a description of what it was read from.
        reason: what is wrong.

    Attributes:
        path: the file.
        reason: what is wrong.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f'{self.path}: {self.reason}'


class VideoOpenError(VideoError):
    """The file cannot be opened as a video: missing, empty, not a video, header lost."""


class NoVideoStreamError(VideoOpenError):
    """The file opens but has no video in it, only audio for instance."""


class MotionUnavailableError(VideoError):
    """The codec carries motion vectors that cannot be got at."""


class GOPStructureError(VideoError):
    """The video's groups of pictures are not those that are needed: their length, or B-frames."""


class FlowFileError(VideoError):
    """A file of stored flow that is missing or damaged, or that holds other flow than is asked for.

    ``path`` is the file of flow, not that of the video.
    """


class ScoreFileError(VideoError):
    """A file of motion scores that is missing or damaged, or that holds others than are asked for.

    ``path`` is the file of scores, not that of the video.
    """


class VideoDecodeError(VideoError):
    """A frame that was asked for could not be decoded."""


class VideoTimeoutError(VideoError, TimeoutError):
    """Opening or reading took longer than allowed."""


class FrameIndexError(VideoError, IndexError):
    """A frame number that the video does not have."""


class VideoTooShortError(VideoError):
    """The video has fewer frames than are needed of it.

    Args:
        path: the file.
        num_frames: frames that there are.
        needed: the least number that would do.

    Attributes:
        num_frames: frames that there are.
        needed: the least number that would do.
    """

    def __init__(self, path: str, num_frames: int, needed: int) -> None:
        super().__init__(path, f'is too short: {num_frames} frames, at least {needed} are needed')
        self.num_frames = num_frames
        self.needed = needed

    def __reduce__(self) -> tuple[type[Self], tuple[str, int, int]]:
        return type(self), (self.path, self.num_frames, self.needed)
