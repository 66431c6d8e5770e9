"""What counts as a video here: a file that opens as one, of a size that can be shown."""

import os
from dataclasses import dataclass
from pathlib import Path

import av

from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.video.decoding.pyav import open_input
from ssvrl_mm.viewer.errors import ViewerError

# Formats that hold their video themselves. Playlists name other files, which FFmpeg would open
# wherever they are; pictures are no videos.
_FORMATS = (
    'mov', 'matroska', 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'h264', 'hevc', 'm4v', 'ivf', 'obu',
    'flv', 'live_flv', 'asf', 'ogg', 'mxf', 'nut', 'rm', 'gif', 'dv', 'vc1', 'wtv', 'yuv4mpegpipe',
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How much work a video may be.

    Attributes:
        upload_bytes: Of one upload.
        kept_bytes: Of all uploads together, those on their way too; the oldest go first.
        uploads_at_once: On their way.
        upload_rate: Bytes per second that come of an upload at least, counted anew whenever those
            of ``seconds`` are there.
        decoding_at_once: Frames, and as many previews, that are decoded or waited for.
        pixels: Of a frame.
        frames: Of an upload.
        seconds: That opening a video, reading a frame of it, or making its preview may take.
    """

    upload_bytes: int = 200 * 2**20
    kept_bytes: int = 2 * 2**30
    uploads_at_once: int = 8
    upload_rate: int = 16 * 2**10
    decoding_at_once: int = 12
    pixels: int = 4096 * 2304
    frames: int = 50_000
    seconds: float = 20.0


def open_video(file: Path, name: str, limits: Limits) -> CompressedVideoReader:
    """Opens a file as a video, whatever its suffix says.

    Args:
        file: Where it is.
        name: What to call it.
        limits: Of the work.

    Returns:
        The reader, which whoever asks for it closes.

    Raises:
        ViewerError: It is no video, holds a single picture, or is too large.
    """
    try:
        open_input(os.fspath(file), options={'format_whitelist': ','.join(_FORMATS)}).close()
        reader = CompressedVideoReader(
            file,
            motion='auto',
            timeout=limits.seconds,
            max_pixels=limits.pixels,
            cache_bytes=32 * 2**20,
        )
    except VideoError as error:
        raise ViewerError(f'{name}: {error.reason}', 415) from None
    except av.ArgumentError:
        reason = 'it is a playlist, or of a kind that holds no video itself'
        raise ViewerError(f'{name} is not a video that can be read: {reason}', 415) from None
    except (av.FFmpegError, OSError, ValueError, EOFError) as error:
        reason = getattr(error, 'strerror', None) or type(error).__name__
        raise ViewerError(f'{name} is not a video that can be read: {reason}', 415) from None
    if len(reader) < 2:
        reader.close()
        raise ViewerError(f'{name} holds a single picture, which is no video', 415)
    return reader


def check_upload(file: Path, name: str, limits: Limits) -> None:
    """Refuses what cannot be shown, by opening it and decoding its first frame.

    Raises:
        ViewerError: It is no video, has too many frames, or none can be decoded.
    """
    with open_video(file, name, limits) as reader:
        if len(reader) > limits.frames:
            raise ViewerError(
                f'{name} has {len(reader)} frames; the most that is taken is {limits.frames}', 413
            )
        try:
            reader.get_frames_at([0], streams=('rgb',))
        except VideoError as error:
            raise ViewerError(f'{name}: {error.reason}', 415) from None
