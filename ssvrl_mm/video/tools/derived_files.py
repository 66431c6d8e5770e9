"""Files made of videos, one of each: by many processes, never half, and gone on with if stopped."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from ssvrl_mm.video.errors import VideoError
from ssvrl_mm.video.metadata import VideoMetadata
from ssvrl_mm.video.tools.parallel import count_cores, map_in_processes

# Failures that the summary names before it breaks off.
_LISTED = 50


@dataclass(frozen=True)
class FileResult:
    """What became of a video.

    Attributes:
        video: the file that was read.
        target: the file that was to be made.
        status: 'written', 'skipped' because the target was complete already, or 'failed'.
        reason: why it failed.
        num_frames: frames of the video.
        seconds: how long the video lasts.
        target_bytes: size of the target.
    """

    video: str
    target: str
    status: Literal['written', 'skipped', 'failed']
    reason: str = ''
    num_frames: int = 0
    seconds: float = 0.0
    target_bytes: int = 0


def make_file(
    facts: VideoMetadata,
    target: Path,
    write: Callable[[], None],
    find_differences: Callable[[], list[str]],
    error: type[VideoError],
    overwrite: bool,
) -> FileResult:
    """Makes the file of a video, unless it is there already.

    Args:
        facts: about the video.
        target: the file.
        write: writes it; its folder is there.
        find_differences: how the file that is there differs from what would be made, in words;
            raises ``error`` if it cannot be read.
        error: what is raised about the target.
        overwrite: write it anew where it differs or cannot be read.

    Raises:
        VideoError: the target is something else, which is not to be overwritten, or cannot be
            written; of the type ``error``.
    """
    status: Literal['written', 'skipped'] = 'skipped'
    if not _is_made(target, find_differences, error, overwrite):
        status = 'written'
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as cause:
            raise error(str(target), f'cannot be written: {cause.strerror}') from cause
    size = target.stat().st_size
    return FileResult(
        facts.path, str(target), status, '', facts.num_frames, facts.duration_seconds, size
    )


def make_files(
    make: Callable[..., FileResult],
    items: Sequence[tuple[Any, ...]],
    options: dict[str, Any],
    workers: int | None,
    progress: bool,
) -> list[FileResult]:
    """Makes a file of each of many videos; one that fails does not stop the others.

    Args:
        make: makes a file; called with what an item holds and the options.
        items: paths of video and target and, if it likes, more; can be pickled, as ``make`` can.
        options: keyword arguments of ``make``.
        workers: processes, by default one for every core; 0 works in this one.
        progress: show a progress bar.

    Returns:
        What became of each video, in the order of the items.

    Raises:
        ValueError: ``workers`` below 0.
    """
    workers = count_cores() if workers is None else workers
    if workers < 0:
        raise ValueError(f'workers must be 0 or more, got {workers}')
    work = partial(_make_or_report, make=make, options=options)
    results: dict[int, FileResult] = {}
    failed = written = 0
    bar = tqdm(total=len(items), unit='video', disable=not progress)
    with bar, closing(map_in_processes(work, items, workers)) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, Exception):
                video, target = items[number][:2]
                outcome = FileResult(str(video), str(target), 'failed', f'{video}: {outcome}')
            results[number] = outcome
            failed += outcome.status == 'failed'
            written += outcome.target_bytes
            bar.set_postfix(failed=failed, MB=round(written / 1e6), refresh=False)
            bar.update()
    return [results[number] for number in range(len(items))]


def summary(results: Sequence[FileResult]) -> str:
    """Counts, bytes per second of video, and what failed."""
    failed = [result for result in results if result.status == 'failed']
    counts = [
        f'{sum(result.status == status for result in results)} {status}'
        for status in ('written', 'skipped', 'failed')
    ]
    lines = [', '.join(counts)]
    seconds = sum(result.seconds for result in results)
    if seconds:
        size = sum(result.target_bytes for result in results)
        lines.append(
            f'{size / 1e6:.1f} MB for {seconds:.1f} s of video: '
            f'{size / seconds / 1e3:.1f} kB per second'
        )
    lines += [f'failed: {result.reason}' for result in failed[:_LISTED]]
    if len(failed) > _LISTED:
        lines.append(f'and {len(failed) - _LISTED} more')
    return '\n'.join(lines)


def _make_or_report(
    item: tuple[Any, ...], make: Callable[..., FileResult], options: dict[str, Any]
) -> FileResult:
    try:
        return make(*item, **options)
    except VideoError as error:
        return FileResult(str(item[0]), str(item[1]), 'failed', str(error))


def _is_made(
    target: Path,
    find_differences: Callable[[], list[str]],
    error: type[VideoError],
    overwrite: bool,
) -> bool:
    if not target.exists():
        return False
    try:
        found = find_differences()
        if not found:
            return True
        reason = f'holds something else: {"; ".join(found)}'
    except error as cause:
        reason = cause.reason
    if overwrite:
        return False
    raise error(str(target), f'exists already and {reason}; --overwrite replaces it')
