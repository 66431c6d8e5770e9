"""HMDB51 (Kuehne et al., ICCV 2011)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ssvrl_mm.datasets.official.dataset import (
    Annotations,
    Archive,
    OfficialDataset,
    PreparationError,
    read_text,
)
from ssvrl_mm.datasets.video_list import VideoEntry

_URL = 'https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10'
_SIDES = {'1': 'train', '2': 'test'}
_LEFT_OUT = '0'


class HMDB51(OfficialDataset):
    """6,766 clips of 51 classes; three splits of 70 training and 30 test clips per class.

    A split leaves 1,666 clips out. File names hold ``#``, ``&``, ``;``, ``!`` and brackets.
    """

    name = 'hmdb51'
    title = 'HMDB51'
    homepage = 'https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/'
    terms = 'CC BY 4.0, says the homepage'
    archives: ClassVar[Sequence[Archive]] = (
        Archive(
            'hmdb51_org.rar',
            'videos',
            '9e714a0d8b76104d76e932764a7ca636f929fff66279cda3f2e326fa912a328e',
            inner='*.rar',
        ),
        Archive(
            'test_train_splits.rar',
            'annotations',
            '229c94f845720d01eb3946d39f39292ea962d50a18136484aa47c1eba251d2b7',
            strip='testTrainMulti_7030_splits',
        ),
    )
    num_classes = 51
    num_videos = 6766
    # Of the 153 split files as other projects keep copies of them.
    digest = '49c4752666ab778bd09c87c5caf5004bc6bf3fc114cec73888ae1b51dbacc8df'
    counts: ClassVar[dict[str, tuple[int, ...]]] = {
        'train_list.txt': (3570,),
        'test_list.txt': (1530,),
        'train_list_split2.txt': (3570,),
        'test_list_split2.txt': (1530,),
        'train_list_split3.txt': (3570,),
        'test_list_split3.txt': (1530,),
    }

    def read_annotations(self, folder: Path) -> Annotations:
        """Reads ``CLASS_test_split1..3.txt``: a class per file, ``1`` train, ``2`` test."""
        files: dict[tuple[str, int], Path] = {}
        for path in sorted(folder.rglob('*_test_split?.txt')):
            match = re.fullmatch(r'(.+)_test_split([123])\.txt', path.name)
            if match:
                files.setdefault((match[1], int(match[2])), path)
        if not files:
            raise PreparationError(
                f'no CLASS_test_split1.txt under {folder}: unpack test_train_splits.rar there'
            )
        classes = sorted({name for name, _ in files})
        lists: dict[str, list[VideoEntry]] = {}
        for split in (1, 2, 3):
            suffix = '' if split == 1 else f'_split{split}'
            sides: dict[str, list[VideoEntry]] = {
                code: lists.setdefault(f'{side}_list{suffix}.txt', [])
                for code, side in _SIDES.items()
            }
            for label, name in enumerate(classes):
                if (name, split) not in files:
                    raise PreparationError(f'no {name}_test_split{split}.txt under {folder}')
                for file, code in _read_split(files[name, split]):
                    if code != _LEFT_OUT:
                        sides[code].append(VideoEntry(f'{name}/{file}', label))
        return Annotations(classes, lists, sorted(files.values()))

    def commands(self, archives: str, out: str) -> str:
        """Two downloads, 2 GB."""
        return f"""
wget -c -P {archives} {_URL}/hmdb51_org.rar
wget -c -P {archives} {_URL}/test_train_splits.rar
python tools/data/hmdb51/prepare.py --archives {archives} --out {out} --check
"""


def _read_split(path: Path) -> list[tuple[str, str]]:
    """``file.avi code`` lines."""
    pairs = []
    for number, line in enumerate(read_text(path).split('\n'), start=1):
        if not line.strip():
            continue
        file, _, code = line.strip().rpartition(' ')
        if not file.strip().endswith('.avi') or code not in (*_SIDES, _LEFT_OUT):
            raise PreparationError(
                f'{path}, line {number}: expected `FILE.avi 0|1|2`, found {line.strip()!r}'
            )
        pairs.append((file.strip(), code))
    return pairs
