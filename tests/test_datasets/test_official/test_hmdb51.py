"""HMDB51's split files, against what they say when read by eye."""

import pytest

from ssvrl_mm.datasets.official import HMDB51, PreparationError

GEENA = 'cartwheel/Geena_und_die_Radschl_ge___;-)_cartwheel_f_cm_np1_fr_med_2.avi'
TURNLES = 'cartwheel/turnles!!_cartwheel_f_cm_np1_ri_med_0.avi'
SCHLAG = 'cartwheel/rad & schlag 7.avi'
GUM = 'chew/#2_Gum_chew_h_nm_np1_fr_med_0.avi'
BUBBLES = 'chew/Blowing_Bubbles!_chew_h_nm_np1_fr_goo_2.avi'


def test_codes_1_and_2_are_train_and_test_and_0_neither(hmdb51):
    annotations = HMDB51().read_annotations(hmdb51 / 'annotations')
    assert annotations.classes == ['cartwheel', 'chew']
    assert annotations.lists == {
        'train_list.txt': [(GEENA, 0), (GUM, 1)],
        'test_list.txt': [(TURNLES, 0), (BUBBLES, 1)],
        'train_list_split2.txt': [(TURNLES, 0), (GUM, 1)],
        'test_list_split2.txt': [(GEENA, 0), (BUBBLES, 1)],
        'train_list_split3.txt': [(GEENA, 0), (BUBBLES, 1)],
        'test_list_split3.txt': [(SCHLAG, 0), (GUM, 1)],
    }


def test_official_counts_are_70_and_30_per_class():
    for name, counts in HMDB51.counts.items():
        assert counts == (51 * (70 if name.startswith('train') else 30),)


def test_unknown_code(hmdb51):
    path = hmdb51 / 'annotations' / 'chew_test_split2.txt'
    path.write_text('a.avi 1 \nb.avi 3 \n')
    with pytest.raises(PreparationError, match=r"line 2: expected `FILE.avi 0\|1\|2`.*'b.avi 3'"):
        HMDB51().read_annotations(hmdb51 / 'annotations')


def test_missing_split_of_a_class(hmdb51):
    (hmdb51 / 'annotations' / 'chew_test_split3.txt').unlink()
    with pytest.raises(PreparationError, match='no chew_test_split3.txt under'):
        HMDB51().read_annotations(hmdb51 / 'annotations')


def test_no_split_files(tmp_path):
    with pytest.raises(PreparationError, match='unpack test_train_splits.rar there'):
        HMDB51().read_annotations(tmp_path)
