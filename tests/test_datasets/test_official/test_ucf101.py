"""UCF101's lists, against what they say when read by eye."""

import pytest

from ssvrl_mm.datasets.official import UCF101, PreparationError


def test_all_splits_have_the_official_labels(ucf101):
    annotations = UCF101().read_annotations(ucf101 / 'annotations')
    assert annotations.classes == ['ApplyEyeMakeup', 'HandstandPushups']
    assert annotations.lists == {
        'train_list.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi', 0),
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g08_c01.avi', 1),
            ('HandstandPushups/v_HandStandPushups_g15_c01.avi', 1),
        ],
        'test_list.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g01_c01.avi', 1),
        ],
        'train_list_split2.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi', 0),
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g01_c01.avi', 1),
            ('HandstandPushups/v_HandStandPushups_g15_c01.avi', 1),
        ],
        'test_list_split2.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g08_c01.avi', 1),
        ],
        'train_list_split3.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi', 0),
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g01_c01.avi', 1),
            ('HandstandPushups/v_HandStandPushups_g08_c01.avi', 1),
        ],
        'test_list_split3.txt': [
            ('ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi', 0),
            ('HandstandPushups/v_HandStandPushups_g15_c01.avi', 1),
        ],
    }


def test_lists_that_were_edited_to_the_other_capital_are_read(ucf101):
    for path in (ucf101 / 'annotations').glob('t*list*.txt'):
        path.write_text(path.read_text().replace('HandstandPushups/', 'HandStandPushups/'))
    lists = UCF101().read_annotations(ucf101 / 'annotations').lists
    assert lists['test_list.txt'][1] == ('HandStandPushups/v_HandStandPushups_g01_c01.avi', 1)


def test_official_counts_are_those_of_the_whole_dataset():
    counts = UCF101.counts
    for suffix in ('', '_split2', '_split3'):
        [train], [test] = counts[f'train_list{suffix}.txt'], counts[f'test_list{suffix}.txt']
        assert train + test == UCF101.num_videos == 13320


@pytest.mark.parametrize(
    'file, old, new, message',
    [
        ('trainlist01.txt', 'g08_c01.avi 1', 'g08_c01.avi 2', 'label 2, but ApplyEyeMakeup is'),
        (
            'trainlist01.txt',
            'c01.avi 1',
            'c01.avi 1' + 5000 * '0',
            'line 1: label 1000.* is class 1 ',
        ),
        ('trainlist01.txt', 'ApplyEyeMakeup/', 'Cooking/', "line 1: class 'Cooking' is not in"),
        ('testlist02.txt', '.avi', '.avi a', r'testlist02.txt, line 1: expected'),
        ('classInd.txt', '2 H', '3 H', 'expected `2 CLASS_NAME`'),
    ],
)
def test_wrong_lines_are_named(ucf101, file, old, new, message):
    path = ucf101 / 'annotations' / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(PreparationError, match=message):
        UCF101().read_annotations(ucf101 / 'annotations')


@pytest.mark.parametrize('file', ['classInd.txt', 'trainlist03.txt'])
def test_missing_files_are_named(ucf101, file):
    (ucf101 / 'annotations' / file).unlink()
    with pytest.raises(PreparationError, match=file):
        UCF101().read_annotations(ucf101 / 'annotations')
