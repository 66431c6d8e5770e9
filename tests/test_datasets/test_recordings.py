import logging

import pytest
from mmaction.datasets import VideoDataset
from mmaction.datasets.transforms import PackActionInputs
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.logging import MMLogger

from ssvrl_mm.datasets import (
    CompressedVideoDataset,
    VideoListError,
    describe_recordings,
    group_of,
    read_groups,
    write_groups,
)
from ssvrl_mm.datasets.recordings import name_recordings, recording_id

NAMES = ['a/x y_1.mp4', 'a/x y_2.mp4', 'b/z_1.mp4', 'b/z_2.mp4', 'b/z_3.mp4']
GROUPS = dict(zip(NAMES, ['one', 'one', 'two', 'two', '3'], strict=True))


def ucf101():
    """(class, group) of every clip of the whole dataset, by the rule of its names.

    101 classes of 25 groups of 4 to 7 clips. As in the real one, a folder and its files may
    differ in a capital.
    """
    classes = [f'Class{chr(65 + n // 26)}{chr(97 + n % 26)}' for n in range(100)]
    folders = {**{name: name for name in classes}, 'HandStandPushups': 'HandstandPushups'}
    return {
        f'{folder}/v_{name}_g{group:02d}_c{clip:02d}.avi': (name, group)
        for name, folder in folders.items()
        for group in range(1, 26)
        for clip in range(1, 5 + (len(name) + group) % 4)
    }


@pytest.fixture
def pattern(repository):
    """What the config says."""
    cfg = Config.fromfile(repository / 'configs/_base_/datasets/ucf101_ssl.py')
    return cfg.train_dataloader.dataset.group


@pytest.fixture
def folder(tmp_path):
    """Five videos, nothing in them."""
    for name in NAMES:
        path = tmp_path / 'mine' / 'videos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    lines = [f'{name} {int(name[0] == "b")}\n' for name in NAMES]
    (tmp_path / 'mine' / 'list.txt').write_text(''.join(lines))
    return tmp_path / 'mine'


@pytest.fixture
def log(caplog):
    """What is logged, (level, message)."""
    logger = MMLogger.get_instance('test_recordings')
    logger.addHandler(caplog.handler)
    yield lambda: [(r.levelno, r.message) for r in caplog.records if r.levelno > logging.DEBUG]
    logger.removeHandler(caplog.handler)


def build(root, ann_file='list.txt', pipeline=(), **options):
    options = dict(data_root=str(root), data_prefix=dict(video='videos'), **options)
    return CompressedVideoDataset(ann_file, pipeline, **options)


def ids(dataset):
    return [dataset[index]['recording_id'] for index in range(len(dataset))]


def partition(values):
    """Which places hold equal values."""
    return [values.index(value) for value in values]


def test_the_pattern_of_the_config_finds_the_2525_recordings_of_ucf101(pattern):
    clips = ucf101()
    names = name_recordings(list(clips), pattern)
    assert len(set(names)) == 101 * 25 == 2525
    assert partition(names[:2000]) == partition(list(clips.values())[:2000])
    # One to one: as many names as pairs, and never two of either for one of the other.
    assert len(set(zip(names, clips.values(), strict=True))) == 2525
    assert describe_recordings(names) == f'{len(clips)} videos of 2525 recordings, 4 to 7 of each'
    # A copy of re-encoded files, and one whose folders are spelt like the files.
    for old, new in (('.avi', '.mp4'), ('HandstandPushups/', 'HandStandPushups/')):
        assert name_recordings([clip.replace(old, new) for clip in clips], pattern) == names


def test_the_config_survives_being_written_out(pattern, repository, tmp_path):
    cfg = Config.fromfile(repository / 'configs/mvcgc/s3d_ucf101.py')
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py').train_dataloader.dataset.group
    assert again == pattern == cfg.train_dataloader.dataset.group
    kinetics = Config.fromfile(repository / 'configs/mvcgc/s3d_k400.py')
    assert kinetics.train_dataloader.dataset.group is None


def test_numbers_follow_from_names_alone():
    names = sorted({f'{name}_{group}' for name, group in ucf101().values()})
    numbers = [recording_id(name, 'ucf101/videos') for name in names]
    assert len(set(numbers)) == 2525
    assert min(numbers) >= 2**62 and max(numbers) < 2**63
    assert max(numbers) - min(numbers) > 0.99 * 2**62
    # What `printf 'ucf101/videos\\0Archery_g01' | b2sum -l 64` gives, the last two bits cut off.
    assert recording_id('Archery_g01', 'ucf101/videos') == 2**62 + 17195828254878015813 // 4
    assert recording_id('Archery_g01', 'ucf101/videos') != recording_id('Archery_g01', 'hmdb51')
    assert recording_id('ab', 'c') != recording_id('b', 'ca')
    assert recording_id('\udcff', '') > 0  # a name that is no UTF-8


def test_groups_are_read_as_lists_are(tmp_path):
    file = tmp_path / 'groups.txt'
    text = '\ufeff# path, recording\r\na/x y.mp4 one\r\n\r\n b.mp4\t\t2 \nc.mp4 one\nb.mp4 2'
    file.write_bytes(text.encode())
    assert read_groups(file) == {'a/x y.mp4': 'one', 'b.mp4': '2', 'c.mp4': 'one'}
    write_groups(file, GROUPS)
    assert read_groups(file) == GROUPS
    assert file.read_text().startswith('a/x y_1.mp4 one\n')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('a.mp4 1\nb.mp4\n', r"groups\.txt, line 2: expected `path group`, found 'b\.mp4'"),
        (
            '# x\na.mp4 1\nb.mp4 1\na.mp4 2\n',
            r"groups\.txt, line 4: 'a\.mp4' is of '2', but of '1' in line 2",
        ),
        (b'\xff\xfe\x00', r'cannot read the groups .*groups\.txt: .*utf-8'),
        (None, r'cannot read the groups .*groups\.txt: .*directory'),
    ],
)
def test_wrong_files_are_refused_by_line(tmp_path, content, message):
    file = tmp_path / 'groups.txt'
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VideoListError, match=message):
        read_groups(file)


@pytest.mark.parametrize(
    ('groups', 'message'),
    [
        ({'a.mp4': 'x y'}, "cannot hold 'x y', the recording of 'a.mp4'"),
        ({'a.mp4': ''}, "cannot hold ''"),
        ({'#a.mp4': 'x'}, "cannot hold the path '#a.mp4'"),
    ],
)
def test_what_a_file_cannot_hold_is_not_written(tmp_path, groups, message):
    with pytest.raises(VideoListError, match=message):
        write_groups(tmp_path / 'groups.txt', groups)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('pattern', 'group'),
    [(r'_g(\d+)_c(\d+)', '03'), (r'g\d+', 'g03'), (r'(?P<take>v_.+)_c', 'v_Archery_g03')],
)
def test_the_first_group_counts_or_else_the_match(pattern, group):
    assert group_of('Archery/v_Archery_g03_c01.avi', pattern) == group


@pytest.mark.parametrize('pattern', ['nobody', '(_h)?', 'x*', '()'])
def test_empty_text_is_no_group(pattern):
    with pytest.raises(VideoListError, match='matches nothing in .*v_Archery_g03_c01'):
        group_of('Archery/v_Archery_g03_c01.avi', pattern)


@pytest.mark.parametrize('pattern', ['(', r'(\d+', '*', 'a{99999999999999999999}'])
def test_patterns_that_are_none_are_refused(folder, pattern):
    with pytest.raises(VideoListError, match='pattern of groups .* cannot be read: '):
        build(folder, group=pattern)


def test_a_pattern_has_to_name_the_recording_of_every_video(folder):
    message = (
        r"pattern of groups 'z_\(2\)' names the recording of 1 of 5 videos, but not that of "
        r"'a/x y_1\.mp4': correct it, or set group=None \(groups\.txt"
    )
    with pytest.raises(VideoListError, match=message):
        build(folder, group='z_(2)')
    with pytest.raises(VideoListError, match='of 0 of 5 videos'):
        build(folder, group='(y_4)?')


def test_a_file_has_to_name_the_recording_of_every_video(folder):
    write_groups(folder / 'groups.txt', {name: 'x' for name in NAMES[1:3]})
    message = r"groups\.txt names the recording of 2 of 5 videos, but not that of 'a/x y_1\.mp4'"
    with pytest.raises(VideoListError, match=f'{message}: add it, or set group=False'):
        build(folder)
    assert len(set(ids(build(folder, group=False)))) == 5
    # A test looks at no recordings.
    assert 'recording_id' not in build(folder, test_mode=True)[0]


def test_the_file_beside_the_list_or_the_pattern_name_recordings(folder, log):
    assert partition(ids(build(folder))) == [0, 1, 2, 3, 4]
    assert partition(ids(build(folder, group='^(.)'))) == [0, 0, 2, 2, 2]
    assert partition(ids(build(folder, '', group='^(.)'))) == [0, 0, 2, 2, 2]
    assert [level for level, _ in log()] == [logging.INFO] * 2
    assert log()[0][1].endswith('list.txt: 5 videos of 2 recordings, 2 to 3 of each')
    assert log()[1][1].endswith('videos: 5 videos of 2 recordings, 2 to 3 of each')

    # Lines of videos of other lists do not matter.
    write_groups(folder / 'groups.txt', {**GROUPS, 'of another list.mp4': 'four'})
    assert partition(ids(build(folder))) == [0, 0, 2, 2, 4]
    assert partition(ids(build(folder, group='^(.)'))) == [0, 0, 2, 2, 2]
    assert partition(ids(build(folder, group=False))) == [0, 1, 2, 3, 4]
    assert partition(ids(build(folder, ''))) == [0, 1, 2, 3, 4]
    assert log()[2][1].endswith('5 videos of 3 recordings, 1 to 2 of each')
    # mmaction2 reads the list as before.
    (folder / 'short.txt').write_text('b/z_1.mp4 1\n')
    root = dict(data_prefix=dict(video=str(folder / 'videos')), pipeline=[])
    assert len(VideoDataset(str(folder / 'short.txt'), **root)) == 1


def test_one_recording_alone_is_a_warning(folder, log):
    build(folder, group='mp(4)')
    ((level, message),) = log()
    assert level == logging.WARNING
    assert '5 videos of 1 recordings, 5 to 5 of each; contrast needs another one' in message
    (folder / 'list.txt').write_text(f'{NAMES[0]}\n')
    build(folder, group='mp(4)')
    assert log()[1][0] == logging.INFO


def test_parts_repetitions_and_further_lists_keep_the_numbers(folder, tmp_path, monkeypatch):
    write_groups(folder / 'groups.txt', GROUPS)
    whole = ids(build(folder))
    assert ids(build(folder, indices=[4, 1])) == [whole[4], whole[1]]
    assert ids(build(folder).get_subset([3])) == [whole[3]]
    assert ids(RepeatDataset(build(folder), 2)) == whole * 2
    (folder / 'other.txt').write_text(f'{NAMES[3]}\n{NAMES[0]}\n')
    other = build(folder, 'other.txt')
    assert ids(ConcatDataset([build(folder), other])) == [*whole, whole[3], whole[0]]

    # In another place, under the same name: the same. Of another name: another dataset.
    moved = tmp_path / 'elsewhere' / 'mine'
    moved.parent.mkdir()
    folder.rename(moved)
    assert ids(build(moved)) == ids(build(f'{moved}/')) == whole
    monkeypatch.chdir(moved.parent)
    assert ids(build('mine')) == whole
    moved.rename(tmp_path / 'another')
    another = ids(build(tmp_path / 'another'))
    assert partition(another) == partition(whole) and not set(another) & set(whole)
    own = [ids(build(tmp_path / 'another', group=False))]
    (tmp_path / 'another' / 'videos').rename(tmp_path / 'another' / 'files')
    prefix = dict(video='files')
    dataset = CompressedVideoDataset(
        'list.txt', data_root=str(tmp_path / 'another'), data_prefix=prefix, group=False
    )
    assert not set(own[0]) & set(ids(dataset))


@pytest.mark.parametrize('group', [True, '', 3, ['a']])
def test_a_group_is_a_pattern_none_or_false(folder, group):
    with pytest.raises(ValueError, match='group must be a regular expression, None or False, got'):
        build(folder, group=group)


def test_a_packer_that_drops_recordings_is_told(folder, log):
    build(folder, pipeline=[PackActionInputs()])
    build(folder, pipeline=[dict(type='PackSSLInputs')], group='^(.)')
    build(folder, pipeline=[PackActionInputs(meta_keys=('recording_id',))], group='^(.)')
    assert [level for level, _ in log()] == [logging.INFO] * 2
    build(folder, pipeline=[PackActionInputs()], group='^(.)')
    assert log()[-1] == (
        logging.WARNING,
        "PackActionInputs needs 'recording_id' in meta_keys to tell a model of recordings",
    )
