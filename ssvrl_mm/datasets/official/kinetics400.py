"""Kinetics-400 (Kay et al., arXiv:1705.06950)."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from ssvrl_mm.datasets.official.dataset import (
    Annotations,
    Archive,
    OfficialDataset,
    PreparationError,
    find_file,
    read_text,
)
from ssvrl_mm.datasets.video_list import UNKNOWN_LABEL, VideoEntry

_URL = 'https://s3.amazonaws.com/kinetics/400'

# The names under which the annotations are in circulation: CSV, or JSON by YouTube id.
_NAMES = {
    'train': ('train', 'kinetics_train', 'kinetics400_train', 'kinetics-400_train'),
    'val': ('val', 'validate', 'kinetics_val', 'kinetics400_val', 'kinetics-400_val'),
    'test': ('test', 'kinetics_test', 'kinetics400_test', 'kinetics-400_test'),
}
_CLIP = re.compile(r'(?P<id>.{11})_(?P<start>\d+)_(?P<end>\d+)')


class Kinetics400(OfficialDataset):
    """About 240,000 training and 20,000 validation clips of 10 s from YouTube, of 400 classes.

    Videos have disappeared since the lists were made, so that every copy lacks some, and some are
    broken. Clips are recognised by ``YOUTUBEID_START_END``, with or without leading zeros, or by
    the YouTube id, whose capitals matter; how folders spell the classes does not matter.
    """

    name = 'kinetics400'
    title = 'Kinetics-400'
    homepage = 'https://github.com/cvdfoundation/kinetics-dataset'
    terms = 'annotations: CC BY 4.0; videos: of those who put them on YouTube'
    archives: ClassVar[Sequence[Archive]] = (
        Archive('*.tar.gz', 'videos', into='{parent}'),
        Archive('replacement_for_corrupted_k400.tgz', 'videos', into='replacement'),
    )
    num_classes = 400
    # Of the copy that the CVD Foundation hosts, without the 1,300 or so replacements.
    num_videos = 240258 + 19881 + 38685
    counts: ClassVar[dict[str, tuple[int, ...]]] = {
        # First release, and what the authors' own list had shrunk to in 2021.
        'train_list.txt': (246534, 219561),
        'val_list.txt': (19906, 18014),
        'test_list.txt': (39805, 38685),
    }
    max_missing = 0.1

    def read_annotations(self, folder: Path) -> Annotations:
        """Reads ``train``, ``val`` (``validate``) and, where there, ``test`` as CSV or JSON."""
        rows, sources = {}, []
        for side, names in _NAMES.items():
            path = find_file(folder, *(f'{n}.csv' for n in names), *(f'{n}.json' for n in names))
            if path is None:
                if side == 'test':
                    continue
                raise PreparationError(
                    f'no {side}.csv or {side}.json under {folder}; '
                    f'{_URL}/annotations/{side}.csv has it'
                )
            rows[side] = list(_read_json(path) if path.suffix == '.json' else _read_csv(path))
            sources.append(path)
        classes = sorted({name for _, name in rows['train'] if name})
        labels = {name: label for label, name in enumerate(classes)}
        lists = {}
        for side, clips in rows.items():
            unknown = sorted({name for _, name in clips if name} - labels.keys())
            if unknown:
                raise PreparationError(
                    f'{side}: classes {unknown[:5]} are not among those of the training list'
                )
            lists[f'{side}_list.txt'] = [
                VideoEntry(f'{side}/{clip}.mp4', labels.get(name, UNKNOWN_LABEL))
                for clip, name in clips
            ]
        return Annotations(classes, lists, sources)

    def keys(self, path: str) -> list[str]:
        """``id start end``, and the id alone for files that are named by it."""
        stem = PurePosixPath(path).stem
        match = _CLIP.fullmatch(stem)
        if match is None:
            return [stem]
        return [f'{match["id"]} {int(match["start"])} {int(match["end"])}', match['id']]

    def prefer(self, paths: Sequence[str]) -> str | None:
        """The replacement of a corrupt video."""
        replacements = [path for path in paths if 'replacement' in path.rpartition('/')[0]]
        return replacements[0] if len(replacements) == 1 else None

    def commands(self, archives: str, out: str) -> str:
        """The copy of the CVD Foundation, 450 GB, without the unlabelled test videos."""
        return f"""
for split in train val; do
    wget -c -i {_URL}/$split/k400_${{split}}_path.txt -P {archives}/$split
    wget -c -P {out}/annotations {_URL}/annotations/$split.csv
done
wget -c -P {archives} {_URL}/replacement_for_corrupted_k400.tgz
python tools/data/kinetics400/prepare.py --archives {archives} --out {out} --check
"""


def _read_csv(path: Path) -> Iterator[tuple[str, str]]:
    """``label,youtube_id,time_start,time_end,...`` rows; test lists may lack the label."""
    reader = csv.DictReader(read_text(path).splitlines())
    missing = {'youtube_id', 'time_start', 'time_end'} - set(reader.fieldnames or ())
    if missing:
        raise PreparationError(f'{path} lacks the columns {sorted(missing)}')
    for row in reader:
        where = f'{path}, line {reader.line_num}'
        yield (
            _clip(where, row['youtube_id'], row['time_start'], row['time_end']),
            (row.get('label') or '').strip(),
        )


def _read_json(path: Path) -> Iterator[tuple[str, str]]:
    """``{youtube_id: {annotations: {label, segment: [start, end]}}}``."""
    try:
        content: dict[str, Any] = json.loads(read_text(path))
        for youtube_id, entry in content.items():
            notes = entry['annotations']
            start, end = notes['segment']
            yield _clip(f'{path}, {youtube_id}', youtube_id, start, end), notes.get('label', '')
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, PreparationError):
            raise
        raise PreparationError(f'{path} is not a list of Kinetics: {error!r}') from error


def _clip(where: str, youtube_id: str, start: Any, end: Any) -> str:
    try:
        return f'{youtube_id}_{int(float(start)):06d}_{int(float(end)):06d}'
    except (TypeError, ValueError, OverflowError):
        raise PreparationError(f'{where}: time range {start!r} to {end!r}') from None
