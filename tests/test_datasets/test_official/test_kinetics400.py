"""Kinetics' lists in both formats, and the file names in circulation."""

import json

import pytest

from ssvrl_mm.datasets.official import Kinetics400, PreparationError
from ssvrl_mm.datasets.official.folder_index import FolderIndex
from tests.test_datasets.test_official.copies import KINETICS, write

TRAIN = [
    ('train/-abcdefghi1_000005_000015.mp4', 0),
    ('train/Abcdefghij2_000000_000010.mp4', 1),
    ('train/abcdefghij2_000120_000130.mp4', 0),
]
VAL = [('val/_bcdefghij4_000007_000017.mp4', 1), ('val/Vbcdefghij5_000001_000011.mp4', 0)]


def test_csv_lists(kinetics400):
    annotations = Kinetics400().read_annotations(kinetics400 / 'annotations')
    assert annotations.classes == ['riding a bike', "surfing crowd (it's)"]
    assert annotations.lists == {'train_list.txt': TRAIN, 'val_list.txt': VAL}


def test_json_lists_say_the_same(tmp_path):
    for side, rows in KINETICS.items():
        content = {
            youtube_id: dict(
                annotations=dict(label=label, segment=[float(start), float(end)]), subset=side
            )
            for label, youtube_id, start, end in rows
        }
        write(tmp_path / f'{side}.json', json.dumps(content))
    annotations = Kinetics400().read_annotations(tmp_path)
    assert annotations.lists == {'train_list.txt': TRAIN, 'val_list.txt': VAL}


def test_the_test_list_may_lack_labels(kinetics400):
    header = 'youtube_id,time_start,time_end,split\n'
    write(kinetics400 / 'annotations' / 'test.csv', header + 'Tbcdefghij6,3,13,test\n')
    lists = Kinetics400().read_annotations(kinetics400 / 'annotations').lists
    assert lists['test_list.txt'] == [('test/Tbcdefghij6_000003_000013.mp4', -1)]


@pytest.mark.parametrize(
    'file, found',
    [
        ('train/riding_a_bike/-abcdefghi1_000005_000015.mp4', True),
        ('anything/-abcdefghi1_5_15.webm', True),
        ('riding a bike/-abcdefghi1.mkv', True),
        # Other seconds of the same source, and an id that differs in a capital.
        ('train/-abcdefghi1_000105_000115.mp4', False),
        ('train/-Abcdefghi1_000005_000015.mp4', False),
    ],
)
def test_clips_are_known_by_id_and_seconds(tmp_path, file, found):
    write(tmp_path / file, b'x')
    index = FolderIndex(tmp_path, Kinetics400())
    assert index.find(TRAIN[0][0]) == (file if found else None)


def test_replacements_of_corrupt_videos_win(tmp_path):
    name = '-abcdefghi1_000005_000015.mp4'
    write(tmp_path / 'train' / name, b'x')
    write(tmp_path / 'replacement' / 'replacement_for_corrupted_k400' / name, b'x')
    index = FolderIndex(tmp_path, Kinetics400())
    assert index.find(TRAIN[0][0]) == f'replacement/replacement_for_corrupted_k400/{name}'


@pytest.mark.parametrize(
    'content, message',
    [
        ('label,youtube_id\na,b\n', r"lacks the columns \['time_end', 'time_start'\]"),
        ('label,youtube_id,time_start,time_end\na,b,c,1\n', "line 2: time range 'c' to '1'"),
        (
            'label,youtube_id,time_start,time_end\na,b,1,1e999\n',
            "val.csv, line 2: time range '1' to '1e999'",
        ),
        ('label,youtube_id,time_start,time_end\nflying,b,0,1\n', r"val: classes \['flying'\]"),
    ],
)
def test_wrong_lists(kinetics400, content, message):
    write(kinetics400 / 'annotations' / 'val.csv', content)
    with pytest.raises(PreparationError, match=message):
        Kinetics400().read_annotations(kinetics400 / 'annotations')
