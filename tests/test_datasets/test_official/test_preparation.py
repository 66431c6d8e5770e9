"""Lists are written with the official labels, and doubtful numbers are no secret."""

import json
from hashlib import sha256

import pytest

from ssvrl_mm.datasets import CompressedVideoDataset, read_classes, read_video_list
from ssvrl_mm.datasets.official import (
    HMDB51,
    UCF101,
    Kinetics400,
    PreparationError,
    SomethingSomethingV2,
    prepare,
)
from tests.test_datasets.test_official.copies import UCF101_VIDEOS, write


class TinyUCF101(UCF101):
    """With the numbers of the copy that the fixture writes."""

    num_classes = 2
    counts = {  # noqa: RUF012
        f'{side}_list{suffix}.txt': (4 if side == 'train' else 2,)
        for suffix in ('', '_split2', '_split3')
        for side in ('train', 'test')
    }


def run(dataset, root, **options):
    options = dict(workers=0, progress=False, **options)
    return prepare(dataset, root / 'videos', root / 'annotations', root / 'out', **options)


def test_what_is_written_serves_the_dataset(ucf101):
    result = run(TinyUCF101(), ucf101)
    assert {name: report.listed for name, report in result.lists.items()} == {
        name: count for name, [count] in TinyUCF101.counts.items()
    }
    assert result.official_lists == 'differ'
    dataset = CompressedVideoDataset(
        'train_list.txt',
        data_root=str(ucf101 / 'out'),
        data_prefix=dict(video='../videos'),
        pipeline=[dict(type='OpenCompressedVideo')],
    )
    assert dataset.metainfo['classes'] == ['ApplyEyeMakeup', 'HandstandPushups']
    assert [dataset.get_data_info(i)['label'] for i in range(4)] == [0, 0, 1, 1]
    assert dataset[3]['total_frames'] == 6


def test_capitals_of_the_folder_do_not_matter(ucf101):
    (ucf101 / 'videos/HandstandPushups').rename(ucf101 / 'videos/HandStandPushups')
    run(TinyUCF101(), ucf101)
    assert read_video_list(ucf101 / 'out/test_list.txt') == [
        ('ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi', 0),
        ('HandStandPushups/v_HandStandPushups_g01_c01.avi', 1),
    ]


def test_names_with_blanks_and_signs_go_through_lists(hmdb51):
    run(HMDB51(), hmdb51, subset=True)
    assert read_video_list(hmdb51 / 'out/train_list.txt') == [
        ('cartwheel/Geena_und_die_Radschl_ge___;-)_cartwheel_f_cm_np1_fr_med_2.avi', 0),
        ('chew/#2_Gum_chew_h_nm_np1_fr_med_0.avi', 1),
    ]
    assert read_video_list(hmdb51 / 'out/test_list_split3.txt') == [
        ('cartwheel/rad & schlag 7.avi', 0),
        ('chew/#2_Gum_chew_h_nm_np1_fr_med_0.avi', 1),
    ]
    assert read_classes(hmdb51 / 'out/classes.txt') == ['cartwheel', 'chew']


def test_labels_that_look_like_part_of_a_name(sthv2):
    run(SomethingSomethingV2(), sthv2, subset=True)
    assert (sthv2 / 'out/train_list.txt').read_text() == '11.webm 1\n12.webm 0\n'
    assert (sthv2 / 'out/test_list.txt').read_text() == '31.webm\n32.webm\n'


def test_wrong_counts(ucf101):
    with pytest.raises(PreparationError, match='2 classes, not 101; 4 videos for .* not 9,537'):
        run(UCF101(), ucf101)
    result = run(UCF101(), ucf101, subset=True)
    assert any('2 classes, not 101' in warning for warning in result.warnings)


def test_missing_videos(ucf101):
    (ucf101 / 'videos' / UCF101_VIDEOS[4]).unlink()
    message = f'train_list.txt: 1 of 4 videos are missing .*{UCF101_VIDEOS[4]}'
    with pytest.raises(PreparationError, match=message):
        run(TinyUCF101(), ucf101)
    assert not (ucf101 / 'out/train_list.txt').exists()
    result = run(TinyUCF101(), ucf101, subset=True)
    assert result.lists['train_list.txt'].missing == [UCF101_VIDEOS[4]]
    assert read_video_list(ucf101 / 'out/train_list.txt') == [
        (UCF101_VIDEOS[1], 0),
        (UCF101_VIDEOS[2], 0),
        (UCF101_VIDEOS[5], 1),
    ]


def test_the_wrong_folder_is_told_from_missing_videos(ucf101, clip):
    write(ucf101 / 'elsewhere/holiday.mp4', clip)
    with pytest.raises(PreparationError, match='not one of its 4 videos is under'):
        prepare(
            TinyUCF101(),
            ucf101 / 'elsewhere',
            ucf101 / 'annotations',
            ucf101 / 'out',
            subset=True,
        )


def test_unreadable_videos_are_left_out(ucf101):
    (ucf101 / 'videos' / UCF101_VIDEOS[1]).write_bytes(b'no video at all')
    # Nobody looks inside unless asked to.
    assert run(TinyUCF101(), ucf101).lists['train_list.txt'].listed == 4
    with pytest.raises(PreparationError, match=f'1 cannot be read: {UCF101_VIDEOS[1]}'):
        run(TinyUCF101(), ucf101, check='sample')
    result = run(TinyUCF101(), ucf101, check='sample', subset=True)
    assert list(result.lists['train_list.txt'].unreadable) == [UCF101_VIDEOS[1]]
    assert UCF101_VIDEOS[1] not in (ucf101 / 'out/train_list.txt').read_text()
    # What a check has found stays known.
    assert run(TinyUCF101(), ucf101, subset=True).lists['train_list.txt'].listed == 3


def test_empty_files_are_found_without_a_check(ucf101):
    (ucf101 / 'videos' / UCF101_VIDEOS[0]).write_bytes(b'')
    with pytest.raises(PreparationError, match='test_list.txt: 0 of 2 .* 1 cannot be read'):
        run(TinyUCF101(), ucf101)


def test_kinetics_lacks_videos_without_anybodys_fault(kinetics400, clip, monkeypatch):
    rows = [f'riding a bike,R{number:010d},0,10,train,0\n' for number in range(20)]
    path = kinetics400 / 'annotations/train.csv'
    path.write_text(path.read_text() + ''.join(rows))
    for number in range(18):
        write(kinetics400 / f'videos/train/R{number:010d}_000000_000010.mp4', clip)
    result = run(Kinetics400(), kinetics400)
    report = result.lists['train_list.txt']
    assert (report.annotated, report.listed, len(report.missing)) == (23, 21, 2)
    assert any('2 of 23 videos are missing' in warning for warning in result.warnings)
    assert read_video_list(kinetics400 / 'out/val_list.txt') == [
        ('val/surfing_crowd_(its)/_bcdefghij4_000007_000017.mp4', 1),
        ('val/riding_a_bike/Vbcdefghij5_000001_000011.mp4', 0),
    ]
    # But not that many.
    for number in range(8):
        (kinetics400 / f'videos/train/R{number:010d}_000000_000010.mp4').unlink()
    with pytest.raises(PreparationError, match='10 of 23 videos are missing'):
        run(Kinetics400(), kinetics400)


def test_test_videos_are_not_everybodys(sthv2):
    for number in (31, 32):
        (sthv2 / f'videos/{number}.webm').unlink()
    result = run(SomethingSomethingV2(), sthv2, subset=True)
    assert not (sthv2 / 'out/test_list.txt').exists()
    assert any('the list is not written' in warning for warning in result.warnings)


def test_foreign_lists_are_not_replaced_unasked(ucf101):
    own = write(ucf101 / 'out/train_list.txt', 'precious.mp4 0\n')
    with pytest.raises(PreparationError, match='--overwrite replaces it'):
        run(TinyUCF101(), ucf101)
    assert own.read_text() == 'precious.mp4 0\n'
    run(TinyUCF101(), ucf101, overwrite=True)
    # What it has written itself it replaces.
    (ucf101 / 'videos' / UCF101_VIDEOS[2]).unlink()
    run(TinyUCF101(), ucf101, subset=True)
    assert len(read_video_list(own)) == 3


def test_the_report_names_what_was_written(ucf101):
    run(TinyUCF101(), ucf101)
    report = json.loads((ucf101 / 'out/preparation.json').read_text())
    assert set(report['written']) == {*TinyUCF101.counts, 'classes.txt'}
    for name, digest in report['written'].items():
        assert sha256((ucf101 / 'out' / name).read_bytes()).hexdigest() == digest


def test_a_video_listed_twice(ucf101):
    path = ucf101 / 'annotations/testlist01.txt'
    path.write_text(path.read_text() + path.read_text())
    with pytest.raises(PreparationError, match='name 2 videos of test_list.txt twice'):
        run(TinyUCF101(), ucf101)
