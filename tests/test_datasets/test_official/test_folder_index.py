"""Official paths are found in copies that are arranged otherwise."""

import pytest

from ssvrl_mm.datasets.official import HMDB51, UCF101, PreparationError
from ssvrl_mm.datasets.official.folder_index import FolderIndex
from tests.test_datasets.test_official.copies import write

OFFICIAL = 'HandstandPushups/v_HandStandPushups_g01_c01.avi'


@pytest.mark.parametrize(
    'file',
    [
        OFFICIAL,
        'HandStandPushups/v_HandStandPushups_g01_c01.avi',
        'HandstandPushups/v_HandstandPushups_g01_c01.avi',
        'UCF-101/HandstandPushups/v_HandStandPushups_g01_c01.avi',
        'v_HandStandPushups_g01_c01.mp4',
    ],
)
def test_folders_capitals_and_suffixes_do_not_matter(tmp_path, file):
    write(tmp_path / file, b'x')
    assert FolderIndex(tmp_path, UCF101()).find(OFFICIAL) == file


def test_other_videos_are_not_taken(tmp_path):
    write(tmp_path / 'HandstandPushups/v_HandStandPushups_g01_c02.avi', b'x')
    assert FolderIndex(tmp_path, UCF101()).find(OFFICIAL) is None


def test_the_same_place_decides_between_copies(tmp_path):
    write(tmp_path / 'a' / 'HandStandPushups' / 'v_HandStandPushups_g01_c01.avi', b'x')
    write(tmp_path / 'b' / 'small' / 'v_HandStandPushups_g01_c01.mp4', b'x')
    found = FolderIndex(tmp_path, UCF101()).find(OFFICIAL)
    assert found == 'a/HandStandPushups/v_HandStandPushups_g01_c01.avi'


def test_two_copies_are_a_mistake(tmp_path):
    for folder in 'ab':
        write(tmp_path / folder / 'chew' / '#2_Gum.avi', b'x')
    with pytest.raises(PreparationError, match=r'there 2 times .*a/chew/#2_Gum.avi, b/chew'):
        FolderIndex(tmp_path, HMDB51()).find('chew/#2_Gum.avi')


@pytest.mark.parametrize('folder', ['nowhere', '.'])
def test_no_videos(tmp_path, folder):
    with pytest.raises(PreparationError, match='--videos names the folder'):
        FolderIndex(tmp_path / folder, UCF101())
