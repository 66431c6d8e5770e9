"""Finds the videos of a list that do not open or whose first frame does not decode."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from ssvrl_mm.progress import Progress
from ssvrl_mm.video.tools.health import check_video


def find_bad_videos(
    paths: Sequence[str | os.PathLike], workers: int = 4, progress: bool = True
) -> dict[str, str]:
    """Checks many videos at once.

    Args:
        paths: Video files.
        workers: Threads; the decoder lets them run side by side.
        progress: Whether to say how far it is.

    Returns:
        Path -> cause of the bad ones.

    Example:
        >>> find_bad_videos(['good.mp4', 'empty.mp4'])
        {'empty.mp4': 'cannot be opened as a video: ...'}
    """
    shown = Progress('checking videos', len(paths), 'videos') if progress else nullcontext()
    causes = []
    with ThreadPoolExecutor(workers) as pool, shown as line:
        for cause in pool.map(check_video, paths):
            causes.append(cause)
            if line is not None:
                line.advance()
    return {str(path): cause for path, cause in zip(paths, causes, strict=True) if cause}
