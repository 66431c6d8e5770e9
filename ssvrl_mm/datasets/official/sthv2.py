"""Something-Something V2 (Goyal et al., ICCV 2017; Mahdisoltani et al., arXiv:1804.09235)."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
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

# The names of the present package, and those of the one that 20BN distributed.
_PREFIXES = ('', 'something-something-v2-')


class SomethingSomethingV2(OfficialDataset):
    """220,847 videos, 174 classes such as ``Moving something up``.

    A video's template, ``Moving [something] up``, names its class once the brackets are gone.
    The labels of the test videos are used where ``test-answers.csv`` gives them.
    """

    name = 'sthv2'
    title = 'Something-Something V2'
    homepage = 'https://www.qualcomm.com/developer/software/something-something-v-2-dataset'
    terms = 'after accepting the licence on the homepage, which needs an account'
    archives: ClassVar[Sequence[Archive]] = (
        Archive(
            '20bn-something-something-v2-??*',
            'videos',
            strip='20bn-something-something-v2',
            joined=True,
        ),
        Archive('20bn-something-something-download-package-labels.zip', 'annotations'),
    )
    num_classes = 174
    num_videos = 220847
    counts: ClassVar[dict[str, tuple[int, ...]]] = {
        'train_list.txt': (168913,),
        'val_list.txt': (24777,),
        'test_list.txt': (27157,),
    }

    def read_annotations(self, folder: Path) -> Annotations:
        """Reads ``labels``, ``train``, ``validation``, ``test`` (JSON), ``test-answers.csv``."""
        label_file = _find(folder, 'labels')
        names: dict[str, Any] = _load(label_file, dict)
        try:
            classes = sorted(names, key=lambda name: int(names[name]))
            numbers = [int(names[name]) for name in classes]
        except (TypeError, ValueError, OverflowError) as error:
            raise PreparationError(f'{label_file}: {error}') from error
        if numbers != list(range(len(classes))):
            raise PreparationError(f'{label_file}: labels are not 0, 1, ..., {len(classes) - 1}')
        labels = {_plain(name): label for label, name in enumerate(classes)}
        answer_file = find_file(folder, 'test-answers.csv')
        answers = _read_answers(answer_file) if answer_file else {}
        lists, sources = {}, [label_file, *([answer_file] if answer_file else [])]
        for side, word in (('train', 'train'), ('val', 'validation'), ('test', 'test')):
            path = _find(folder, word)
            lists[f'{side}_list.txt'] = _read_list(path, labels, answers, side == 'test')
            sources.append(path)
        return Annotations(classes, lists, sources)

    def commands(self, archives: str, out: str) -> str:
        """The downloads need an account, so there is no command for them."""
        return f"""
# 1. Sign in at {self.homepage},
#    accept the licence and download all parts of the videos (19.4 GB) and the labels into
mkdir -p {archives}
#       20bn-something-something-v2-00 and -01 (older packages: 20 parts)
#       20bn-something-something-download-package-labels.zip
# 2. Unpack, check and list them
python tools/data/sthv2/prepare.py --archives {archives} --out {out} --check
"""


def _plain(template: str) -> str:
    """``Moving [something] up`` -> ``moving something up``."""
    return re.sub(r'[\[\]]', '', template).strip().lower()


def _find(folder: Path, word: str) -> Path:
    path = find_file(folder, *(f'{prefix}{word}.json' for prefix in _PREFIXES))
    if path is None:
        raise PreparationError(
            f'no {word}.json under {folder}: unpack '
            '20bn-something-something-download-package-labels.zip there'
        )
    return path


def _load(path: Path, kind: type) -> Any:
    try:
        content = json.loads(read_text(path))
    except ValueError as error:  # no JSON, or a number of thousands of digits
        raise PreparationError(f'{path} is not JSON: {error}') from error
    if not isinstance(content, kind):
        raise PreparationError(f'{path} holds a {type(content).__name__}, not a {kind.__name__}')
    return content


def _read_answers(path: Path) -> dict[str, str]:
    """``id;class`` lines: id -> class."""
    pairs = (line.partition(';') for line in read_text(path).splitlines() if line.strip())
    return {video_id.strip(): name.strip() for video_id, _, name in pairs}


def _read_list(
    path: Path, labels: dict[str, int], answers: dict[str, str], is_test: bool
) -> list[VideoEntry]:
    entries = []
    for number, video in enumerate(_load(path, list)):
        try:
            video_id = str(video['id'])
            name = answers.get(video_id) if is_test else video['template']
        except (KeyError, TypeError) as error:
            raise PreparationError(f'{path}, entry {number}: no {error}') from error
        label = UNKNOWN_LABEL if name is None else labels.get(_plain(name))
        if label is None:
            raise PreparationError(
                f'{path}, video {video_id}: {name!r} is not among the {len(labels)} classes'
            )
        entries.append(VideoEntry(f'{video_id}.webm', label))
    return entries
