"""Frames per second at which whole files are read: what the papers call extraction."""

from collections.abc import Callable, Mapping, Sequence

from ssvrl_mm.inference_benchmark.measuring import Clock, Spread, spread
from ssvrl_mm.inference_benchmark.videos import Video
from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.video.decoding.index_cache import known_videos

#: What Context-Motion takes of a video for its pretext tasks.
CONTEXT_MOTION = 'keyframes + motion vectors'

# Frames that are read at once.
_CHUNK = 32


def read_keyframes_and_vectors(path: str) -> None:
    """RGB of the keyframes and the motion of all frames, opening included.

    Raises:
        VideoError: The video cannot be read.
    """
    with CompressedVideoReader(path) as reader:
        keyframes = reader.metadata.keyframes
        for frames in _chunks(len(reader)):
            shown = [number for number in keyframes if number in frames]
            reader.get_frames_at(shown, ('rgb', 'motion'), motion_indices=frames)


def read_frames_and_vectors(path: str) -> None:
    """RGB and motion of all frames, opening included.

    Raises:
        VideoError: The video cannot be read.
    """
    with CompressedVideoReader(path) as reader:
        for frames in _chunks(len(reader)):
            reader.get_frames_at(frames, ('rgb', 'motion'))


def read_frames(path: str) -> None:
    """RGB of all frames, opening included.

    Raises:
        VideoError: The video cannot be read.
    """
    with CompressedVideoReader(path, 'auto') as reader:
        for frames in _chunks(len(reader)):
            reader.get_frames_at(frames, ('rgb',))


READERS: Mapping[str, Callable[[str], None]] = {
    CONTEXT_MOTION: read_keyframes_and_vectors,
    'frames + motion vectors': read_frames_and_vectors,
    'frames': read_frames,
}


def measure_whole_files(
    videos: Sequence[Video], rounds: int, clock: Clock | None = None
) -> tuple[dict[str, Spread], list[VideoError]]:
    """Frames per second of each of :data:`READERS`, which take turns.

    Every file is met as if for the first time; the first round warms up and does not count.

    Args:
        videos: The videos.
        rounds: Measurements of each reader with each video.
        clock: Wall time by default.

    Returns:
        The spread of frames per second over rounds and videos, of readers that can read any; and
        what is wrong with videos.
    """
    clock = clock or Clock()
    rates: dict[str, list[float]] = {name: [] for name in READERS}
    failed: dict[tuple[str, str], VideoError] = {}
    for number in range(-1, rounds):
        for video in videos:
            for name, read in READERS.items():
                if (name, video.path) in failed:
                    continue
                known_videos.clear()
                try:
                    _, seconds = clock.measure(read, video.path)
                except VideoError as error:
                    failed[name, video.path] = error
                    continue
                if number >= 0:
                    rates[name].append(video.frames / seconds)
    return {name: spread(own) for name, own in rates.items() if own}, list(failed.values())


def _chunks(length: int) -> list[range]:
    return [range(first, min(first + _CHUNK, length)) for first in range(0, length, _CHUNK)]
