"""From the videos and official annotations of a dataset to the lists that configs read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ssvrl_mm.datasets.official.archives import sha256_of
from ssvrl_mm.datasets.official.dataset import (
    Annotations,
    OfficialDataset,
    PreparationError,
    content_digest,
)
from ssvrl_mm.datasets.official.folder_index import FolderIndex
from ssvrl_mm.datasets.official.readability import ReadabilityReport
from ssvrl_mm.datasets.video_list import VideoEntry, write_video_list

REPORT = 'preparation.json'
HEALTH = 'health.jsonl'
CLASSES = 'classes.txt'
_NAMED = 5


@dataclass
class ListReport:
    """What became of an official list.

    Args:
        official: Videos that it should have; 0 where that is not known.
        annotated: Videos that it has.
        missing: Those of which there is no file.
        unreadable: Those whose file cannot be read.
        listed: Those that were written.
        sha256: Of the file that was written.
    """

    official: int
    annotated: int
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    listed: int = 0
    sha256: str = ''


@dataclass
class Preparation:
    """What :func:`prepare` did.

    Args:
        dataset: Its title.
        videos: Folder of the videos.
        num_files: Videos under that folder.
        official_lists: ``verified``, ``differ`` from the known ones, or ``unknown``.
        lists: Name of a written file -> its report.
        damaged: Videos that can be read in spite of a problem: path -> problem.
        warnings: What somebody should know before using the lists.
    """

    dataset: str
    videos: str
    num_files: int
    official_lists: str
    lists: dict[str, ListReport]
    damaged: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def prepare(
    dataset: OfficialDataset,
    videos: Path,
    annotations: Path,
    out: Path,
    check: str | None = None,
    subset: bool = False,
    overwrite: bool = False,
    workers: int = 4,
    progress: bool = True,
) -> Preparation:
    """Writes the lists of all official splits and the class names.

    Args:
        dataset: Which one.
        videos: Folder of the videos; paths in the lists start there.
        annotations: Folder of the official annotations.
        out: Where lists, ``classes.txt``, ``preparation.json`` and ``health.jsonl`` go.
        check: ``'sample'`` decodes a few frames of every video, ``'full'`` all of them; what
            cannot be read is left out. What an earlier check found counts, and it is gone on with.
        subset: Numbers that are not the official ones are reported, but are no mistake.
        overwrite: Replace lists that this function did not write.
        workers: Processes of the check.
        progress: Whether to show progress bars.

    Returns:
        The report, which ``preparation.json`` holds as well.

    Raises:
        PreparationError: The annotations cannot be read, or numbers are not the official ones.

    Example:
        >>> from ssvrl_mm.datasets.official import UCF101, prepare
        >>> prepare(UCF101(), Path('UCF-101'), Path('ucfTrainTestlist'), Path('data/ucf101'))
    """
    if not annotations.is_dir():
        raise PreparationError(f'no folder of annotations at {annotations}; see --print-commands')
    official = dataset.read_annotations(annotations)
    result = Preparation(dataset.title, str(videos), 0, _compare(dataset, official), {})
    _check_counts(dataset, official, result, subset)
    index = FolderIndex(videos, dataset)
    result.num_files = len(index)
    out.mkdir(parents=True, exist_ok=True)
    files = {name: _match(index, entries) for name, entries in official.lists.items()}
    unreadable = _check(result, files, videos, out, check, workers, progress)
    kept = {}
    for name, entries in official.lists.items():
        report = ListReport(max(dataset.counts.get(name, (0,))), len(entries))
        pairs = list(zip(entries, files[name], strict=True))
        report.missing = [entry.path for entry, file in pairs if file is None]
        report.unreadable = {file: unreadable[file] for _, file in pairs if file in unreadable}
        kept[name] = [
            VideoEntry(file, entry.label)
            for entry, file in pairs
            if file is not None and file not in unreadable
        ]
        report.listed = len(kept[name])
        result.lists[name] = report
    _check_missing(dataset, result, subset)
    _write(result, kept, official.classes, out, overwrite)
    return result


def _compare(dataset: OfficialDataset, official: Annotations) -> str:
    if not dataset.digest:
        return 'unknown'
    return 'verified' if content_digest(official.sources) == dataset.digest else 'differ'


def _check_counts(
    dataset: OfficialDataset, official: Annotations, result: Preparation, subset: bool
) -> None:
    if result.official_lists == 'differ':
        result.warnings.append(
            'the annotations are not the official ones, line by line; their numbers are compared'
        )
    wrong = []
    if len(official.classes) != dataset.num_classes:
        wrong.append(f'{len(official.classes)} classes, not {dataset.num_classes}')
    for name, entries in official.lists.items():
        expected = dataset.counts[name]
        if len(entries) not in expected:
            numbers = ' or '.join(f'{count:,}' for count in expected)
            wrong.append(f'{len(entries):,} videos for {name}, not {numbers}')
        twice = len(entries) - len({entry.path for entry in entries})
        if twice:
            raise PreparationError(f'the annotations name {twice} videos of {name} twice')
    if not wrong:
        return
    message = f'the annotations of {dataset.title} have {"; ".join(wrong)}'
    # Lists of videos from YouTube come in more versions than anybody counted.
    if subset or dataset.max_missing:
        result.warnings.append(message)
    else:
        raise PreparationError(f'{message}. If that is on purpose, give --subset')


def _match(index: FolderIndex, entries: list[VideoEntry]) -> list[str | None]:
    files = [index.find(entry.path) for entry in entries]
    first: dict[str, str] = {}
    for entry, file in zip(entries, files, strict=True):
        if file is not None and first.setdefault(file, entry.path) != entry.path:
            raise PreparationError(
                f'{file} is the file of two videos: {first[file]} and {entry.path}'
            )
    return files


def _check(
    result: Preparation,
    files: dict[str, list[str | None]],
    videos: Path,
    out: Path,
    check: str | None,
    workers: int,
    progress: bool,
) -> dict[str, str]:
    """The files that cannot be read: path -> cause."""
    there = [file for found in files.values() for file in found if file is not None]
    there = list(dict.fromkeys(there))
    empty = {file: 'is empty' for file in there if not os.path.getsize(videos / file)}
    report = ReadabilityReport(out / HEALTH, videos)
    if check is not None:
        report.check(there, check == 'full', workers, progress)
    unreadable, result.damaged = report.problems(there)
    return {**empty, **unreadable}


def _check_missing(dataset: OfficialDataset, result: Preparation, subset: bool) -> None:
    for name, report in result.lists.items():
        lost = len(report.missing) + len(report.unreadable)
        if not report.listed:
            example = (report.missing or list(report.unreadable))[:1]
            message = f'{name}: not one of its {report.annotated:,} videos is under '
            message += f'{result.videos}, nothing like {example}'
            # Where there is a validation list, few have downloaded the test videos.
            is_spare = name.startswith('test') and 'val_list.txt' in result.lists
            if (subset or is_spare) and any(other.listed for other in result.lists.values()):
                result.warnings.append(f'{message}; the list is not written')
                continue
            raise PreparationError(message)
        if not lost:
            continue
        examples = [*report.missing[:_NAMED], *list(report.unreadable)[:_NAMED]][:_NAMED]
        message = (
            f'{name}: {len(report.missing):,} of {report.annotated:,} videos are missing and '
            f'{len(report.unreadable):,} cannot be read: {", ".join(examples)}'
            + (', ...' if lost > len(examples) else '')
        )
        if subset or lost <= dataset.max_missing * report.annotated:
            result.warnings.append(message)
        else:
            raise PreparationError(
                f'{message}. Complete them, or give --subset to write lists without them'
            )


def _write(
    result: Preparation,
    lists: dict[str, list[VideoEntry]],
    classes: list[str],
    out: Path,
    overwrite: bool,
) -> None:
    ours = _written_before(out / REPORT)
    names = [name for name, entries in lists.items() if entries]
    for name in [*names, CLASSES]:
        path = out / name
        if path.exists() and not overwrite and sha256_of(path) != ours.get(name):
            raise PreparationError(
                f'{path} is already there, and not as this tool wrote it; --overwrite replaces it'
            )
    written = {}
    for name in names:
        part = out / f'{name}.part'
        write_video_list(part, lists[name])
        result.lists[name].sha256 = written[name] = sha256_of(part)
        part.replace(out / name)
    (out / CLASSES).write_text('\n'.join(classes) + '\n', encoding='utf-8')
    written[CLASSES] = sha256_of(out / CLASSES)
    content = json.dumps({**asdict(result), 'written': written}, indent=1)
    (out / REPORT).write_text(content + '\n', encoding='utf-8')


def _written_before(report: Path) -> dict[str, str]:
    """The files of the last preparation: name -> SHA-256."""
    try:
        return json.loads(report.read_text(encoding='utf-8'))['written']
    except (OSError, ValueError, KeyError):
        return {}
