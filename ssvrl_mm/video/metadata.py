"""What a reader returns: the facts about a video, and a batch of frames."""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from ssvrl_mm.video.decoding.fetcher import FrameFetcher
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.motion.vectors import EXPORTING_CODECS


@dataclass(frozen=True)
class VideoMetadata:
    """Facts about a video.

    Attributes:
        path: the file, or a description of the object it is read from.
        container: FFmpeg's name of the container format, 'avi' for instance.
        codec: FFmpeg's name of the codec, 'h264' or 'mpeg4' for instance.
        pixel_format: FFmpeg's name of the coded pixel format, 'yuv420p' for instance.
        width: px, as displayed, that is after ``rotation``.
        height: px, as displayed.
        rotation: degrees in {0, 90, 180, 270} by which coded frames are turned anticlockwise for
            display. Everything a reader returns is turned already.
        mirrored: whether coded frames are mirrored, left for right, before they are turned. This
            too is done already.
        num_frames: frames that can be asked for.
        average_fps: frames per second.
        duration_seconds: seconds that the frames last.
        start_seconds: presentation time of frame 0.
        keyframes: numbers of the frames that decoding can start from.
        has_b_frames: whether frames are coded in another order than they are displayed in.
        exports_motion: whether the codec's motion vectors can be read.
        num_missing: frames that the header promises but the file lacks, as a truncated file does.
    """

    path: str
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    mirrored: bool
    num_frames: int
    average_fps: float
    duration_seconds: float
    start_seconds: float
    keyframes: tuple[int, ...]
    has_b_frames: bool
    exports_motion: bool
    num_missing: int

    @property
    def truncated(self) -> bool:
        """Whether the header promises more frames than the file has."""
        return self.num_missing > 0


class FrameCoding(NamedTuple):
    """How the N frames of a video are coded, in the order of display.

    Attributes:
        types: str ``(N,)``: 'I', 'P', 'B', or '?' where neither headers nor decoding have told yet:
            of codecs such as HEVC, what was read is known.
        sizes: int64 ``(N,)``, bytes of the packet that a frame is decoded from, of both where its
            two fields come one by one. Where DivX packs a B-frame into the packet of another frame,
            each has the bytes of its own picture.
    """

    types: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, fetcher: FrameFetcher) -> Self:
        """That of a video that is open."""
        index = fetcher.decoder.index
        packets = index.coded_sizes if index.is_packed else fetcher.decoder.packets.table[:, 2]
        second = np.where(index.ends != index.packets, packets[index.ends], 0)
        return cls(fetcher.types.copy(), packets[index.packets] + second)


def pts_seconds(fetcher: FrameFetcher) -> np.ndarray:
    """The presentation times of all frames, float64 seconds."""
    return fetcher.decoder.index.pts * float(fetcher.decoder.stream.time_base or 1)


def describe(fetcher: FrameFetcher, path: str, orientation: Orientation) -> VideoMetadata:
    """The facts about a video that is open.

    Args:
        fetcher: Reads it.
        path: The file, or a description of the object.
        orientation: How its frames are turned.
    """
    decoder, index = fetcher.decoder, fetcher.decoder.index
    height, width = orientation.size(fetcher.size)
    times = pts_seconds(fetcher)
    fps = float(decoder.frame_rate)
    return VideoMetadata(
        path=path,
        container=decoder.container_format,
        codec=decoder.codec,
        pixel_format=decoder.stream.codec_context.pix_fmt or '',
        width=width,
        height=height,
        rotation=90 * orientation.quarter_turns,
        mirrored=orientation.mirrored,
        num_frames=len(index),
        average_fps=fps,
        duration_seconds=float(times[-1] - times[0]) + 1 / fps,
        start_seconds=float(times[0]),
        keyframes=tuple(index.keyframes.tolist()),
        has_b_frames=bool(np.any(np.diff(index.packets) < 0)),
        exports_motion=decoder.codec in EXPORTING_CODECS,
        num_missing=decoder.num_missing,
    )


@dataclass(frozen=True, eq=False, repr=False)
class FrameBatch:
    """Frames of a video, in the order they were asked for. Streams not asked for are None.

    Motion, residuals and flow are those of other frames where ``motion_indices`` was given.

    Attributes:
        indices: int64 ``(T,)`` frame numbers.
        pts_seconds: float64 ``(T,)`` presentation times in seconds, as the container has them.
        frame_types: str ``(T,)``: 'I', 'P', 'B', or '?' where it is not known.
        lost: bool ``(T,)``: True where the frame could not be decoded and the nearest one before
            it (after it at the start) stands in its place.
        rgb: uint8 ``(T, H, W, 3)``.
        motion: float32 ``(T, ceil(H / 8), ceil(W / 8), 2)``, (dx, dy) in px/frame from the
            previous frame to this one; x to the right, y down.
        motion_valid: bool ``(T, gh, gw)``: False where the codec coded no vector, as in intra
            blocks, and all over a frame whose motion is 'held' or 'none'.
        motion_origin: str ``(T,)``: 'coded' (the codec's vectors), 'held' (from the nearest frame
            that has motion), 'propagated' (from the P-frame that closes the interval of a MPEG-4
            Part 2 B-frame), 'estimated' (optical flow) or 'none' (zero).
        residual: int16 ``(T, H, W, 3)``: frame minus motion-compensated previous frame, zero for
            frame 0, which has none before it.
        flow: float32 ``(T, ceil(H / cell), ceil(W / cell), 2)``, (dx, dy) in px over the whole
            span, forward in time: k > 0, where what is seen here has moved since k frames before;
            k < 0, where it will have moved ``|k|`` frames later. The mean over each cell.
        flow_valid: bool ``(T, ceil(H / cell), ceil(W / cell))``: False where 'vectors' followed a
            cell without vector, and all over a frame whose flow is 'held' or 'none'.
        flow_origin: str ``(T,)``: 'estimated' (computed on pixels), 'coded' (the codec's vectors,
            followed), 'held' (of the nearest frame that has a partner a span away) or 'none'
            (zero).
    """

    indices: np.ndarray
    pts_seconds: np.ndarray
    frame_types: np.ndarray
    lost: np.ndarray
    rgb: np.ndarray | None = None
    motion: np.ndarray | None = None
    motion_valid: np.ndarray | None = None
    motion_origin: np.ndarray | None = None
    residual: np.ndarray | None = None
    flow: np.ndarray | None = None
    flow_valid: np.ndarray | None = None
    flow_origin: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        """A line per stream with its shape and type; streams that were not asked for have none."""
        streams = [(entry.name, getattr(self, entry.name)) for entry in fields(self)]
        lines = [
            f'  {name}: {array.dtype} {array.shape}' for name, array in streams if array is not None
        ]
        lost = f', {self.num_lost} of them lost' if self.num_lost else ''
        return '\n'.join([f'FrameBatch of {len(self)} frames{lost}', *lines])

    @property
    def num_lost(self) -> int:
        """How many of the frames are stand-ins."""
        return int(self.lost.sum())
