"""UCF101 (Soomro et al., CRCV-TR-12-01)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ssvrl_mm.datasets.official.dataset import (
    Annotations,
    Archive,
    OfficialDataset,
    PreparationError,
    find_file,
    read_text,
)
from ssvrl_mm.datasets.video_list import VideoEntry

_URL = 'https://www.crcv.ucf.edu/data/UCF101'


class UCF101(OfficialDataset):
    """13,320 videos of 101 classes, three splits by groups of videos with common features.

    The files of one class are ``v_HandStandPushups_*`` in a folder ``HandstandPushups``, and
    copies write either with either capital: capitals are ignored.
    """

    name = 'ucf101'
    title = 'UCF101'
    homepage = 'https://www.crcv.ucf.edu/data/UCF101.php'
    terms = 'collected from YouTube by UCF CRCV for research; see the homepage'
    archives: ClassVar[Sequence[Archive]] = (
        Archive(
            'UCF101.rar',
            'videos',
            'ca8dfadb4c891cb11316f94d52b6b0ac2a11994e67a0cae227180cd160bd8e55',
            strip='UCF-101',
        ),
        Archive(
            'UCF101TrainTestSplits-RecognitionTask.zip',
            'annotations',
            '5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27',
            strip='ucfTrainTestlist',
        ),
    )
    num_classes = 101
    num_videos = 13320
    # Of classInd.txt and the six lists as several projects keep copies of them.
    digest = '04f6938e0eed9279ce1f747bb41ad30c490ffef7b03468fc0572311ace08be3f'
    counts: ClassVar[dict[str, tuple[int, ...]]] = {
        'train_list.txt': (9537,),
        'test_list.txt': (3783,),
        'train_list_split2.txt': (9586,),
        'test_list_split2.txt': (3734,),
        'train_list_split3.txt': (9624,),
        'test_list_split3.txt': (3696,),
    }

    def read_annotations(self, folder: Path) -> Annotations:
        """Reads ``classInd.txt``, ``trainlist01..03.txt`` and ``testlist01..03.txt``."""
        class_file = find_file(folder, 'classInd.txt')
        if class_file is None:
            raise PreparationError(
                f'no classInd.txt under {folder}: unpack '
                'UCF101TrainTestSplits-RecognitionTask.zip there'
            )
        classes = _read_classes(class_file)
        labels = {name.lower(): label for label, name in enumerate(classes)}
        lists, sources = {}, [class_file]
        for split in (1, 2, 3):
            for side in ('train', 'test'):
                path = class_file.with_name(f'{side}list{split:02d}.txt')
                name = f'{side}_list.txt' if split == 1 else f'{side}_list_split{split}.txt'
                lists[name] = _read_list(path, labels)
                sources.append(path)
        return Annotations(classes, lists, sources)

    def commands(self, archives: str, out: str) -> str:
        """Two downloads, 6.5 GB."""
        return f"""
wget -c -P {archives} {_URL}/UCF101.rar
wget -c -P {archives} {_URL}/UCF101TrainTestSplits-RecognitionTask.zip
# where the certificate of that server is refused: wget --no-check-certificate; the sha256 of
# both files is checked below
python tools/data/ucf101/prepare.py --archives {archives} --out {out} --check
"""


def _read_classes(path: Path) -> list[str]:
    """``1 ApplyEyeMakeup`` lines, numbered from 1."""
    classes: list[str] = []
    for line in filter(None, map(str.strip, read_text(path).split('\n'))):
        number, _, name = line.partition(' ')
        if number != str(len(classes) + 1) or not name:
            raise PreparationError(
                f'{path}: expected `{len(classes) + 1} CLASS_NAME`, found {line!r}'
            )
        classes.append(name.strip())
    return classes


def _read_list(path: Path, labels: dict[str, int]) -> list[VideoEntry]:
    """``class/file.avi [label from 1]`` lines; the lists of test videos have no label."""
    entries = []
    for number, line in enumerate(read_text(path).split('\n'), start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r'((\w+)/\S+\.avi)(?:\s+(\d+))?', line.strip())
        if match is None:
            raise PreparationError(
                f'{path}, line {number}: expected `CLASS/FILE.avi [LABEL]`, found {line.strip()!r}'
            )
        label = labels.get(match[2].lower())
        if label is None:
            raise PreparationError(
                f'{path}, line {number}: class {match[2]!r} is not in classInd.txt'
            )
        # As text: of thousands of digits Python makes no number.
        if match[3] is not None and match[3].lstrip('0') != str(label + 1):
            raise PreparationError(
                f'{path}, line {number}: label {match[3]}, but {match[2]} is class '
                f'{label + 1} in classInd.txt'
            )
        entries.append(VideoEntry(match[1], label))
    return entries
