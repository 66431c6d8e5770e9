import importlib.util

import pytest

from ssvrl_mm.datasets import read_classes, read_groups, read_video_list
from tests.clips import encode, translating


@pytest.fixture(scope='module')
def tool(repository):
    spec = importlib.util.spec_from_file_location(
        'build_video_list', repository / 'tools/data/build_video_list.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    """Five people, two classes, two clips of each; empty files suffice unless opened."""
    for name in ('jump up', 'run'):
        for person in range(5):
            for take in range(2):
                path = tmp_path / 'videos' / name / f'p{person}_{take}.mp4'
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return tmp_path / 'videos'


def people(entries):
    return {entry.path.split('/')[1][:2] for entry in entries}


def test_one_list(tool, folder, tmp_path):
    tool.main([str(folder), '--out', str(tmp_path / 'lists'), '--no-check'])
    entries = read_video_list(tmp_path / 'lists/video_list.txt')
    assert len(entries) == 20
    assert entries[0] == ('jump up/p0_0.mp4', 0) and entries[-1] == ('run/p4_1.mp4', 1)
    assert read_classes(tmp_path / 'lists/classes.txt') == ['jump up', 'run']


def test_split_by_ratio_holds_out_a_share_of_each_class(tool, folder):
    tool.main([str(folder), '--no-check', '--test-ratio', '0.3'])
    train = read_video_list(folder / 'train_list.txt')
    test = read_video_list(folder / 'test_list.txt')
    assert [sum(entry.label == label for entry in test) for label in (0, 1)] == [3, 3]
    assert len({*train, *test}) == len(train) + len(test) == 20

    for seed, same in ((0, True), (1, False)):
        args = [str(folder), '--no-check', '--test-ratio', '0.3', '--seed', str(seed)]
        tool.main([*args, '--overwrite'])
        assert (read_video_list(folder / 'test_list.txt') == test) is same


def test_split_by_group_keeps_people_apart(tool, folder):
    args = [str(folder), '--no-check', '--group', r'/(p\d)', '--overwrite']
    tool.main([*args, '--test-ratio', '0.4'])
    train, test = (read_video_list(folder / f'{name}_list.txt') for name in ('train', 'test'))
    assert len(people(test)) == 2 and not people(train) & people(test)

    tool.main([*args, '--test-groups', 'p1', 'p3'])
    train, test = (read_video_list(folder / f'{name}_list.txt') for name in ('train', 'test'))
    assert people(test) == {'p1', 'p3'} and people(train) == {'p0', 'p2', 'p4'}


def test_groups_of_all_lists_are_written_beside_them(tool, folder, tmp_path, capsys):
    out = tmp_path / 'lists'
    args = [str(folder), '--out', str(out), '--no-check', '--test-ratio', '0.3']
    with pytest.raises(SystemExit, match="cannot hold 'jump up/p0', the recording of 'jump up/p0_"):
        tool.main([*args, '--write-groups', '(.+)_'])
    assert not list(out.iterdir())
    tool.main([*args, '--write-groups', r'/(p\d)_'])
    lists = [read_video_list(out / f'{name}_list.txt') for name in ('train', 'test')]
    groups = read_groups(out / 'groups.txt')
    assert groups == {e.path: e.path.split('/')[1][:2] for entries in lists for e in entries}
    assert 'groups.txt: 20 videos of 5 recordings, 4 to 4 of each\n' in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r'groups\.txt: already there'):
        tool.main([*args, '--write-groups', r'/(p\d)_'])


def test_bad_videos_are_left_out_and_reported(tool, tmp_path, capsys):
    encode(tmp_path / 'good.mp4', translating(4, 1, 0, 32, 32))
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'text.mp4').write_text('not a video')
    tool.main([str(tmp_path)])
    assert [entry.path for entry in read_video_list(tmp_path / 'video_list.txt')] == ['good.mp4']
    errors = capsys.readouterr().err
    assert 'empty.mp4' in errors and 'text.mp4' in errors
    assert not (tmp_path / 'classes.txt').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--group', 'nobody', '--test-ratio', '0.5'], "'nobody' matches nothing in 'jump up/p0_0"),
        (['--group', r'p\d', '--test-groups', 'p9'], r"\['p9'\] are not among"),
        (['--write-groups', '(p0)'], r"matches nothing in 'jump up/p1_0"),
        (['--write-groups', '('], r"'\(' cannot be read"),
        (['--group', '(', '--test-ratio', '0.5'], r"'\(' cannot be read"),
        (['--test-ratio', '0.01'], 'empty side: 20 to train, 0 to test'),
        ([], 'none of the 20 videos .* can be read'),
    ],
)
def test_mistakes_end_with_a_message(tool, folder, options, message):
    check = ['--no-check'] if options else []
    with pytest.raises(SystemExit, match=message):
        tool.main([str(folder), *check, *options])
    assert not list(folder.glob('*.txt'))


def test_lists_are_not_replaced_unasked(tool, folder):
    (folder / 'video_list.txt').write_text('precious')
    with pytest.raises(SystemExit, match='already there'):
        tool.main([str(folder), '--no-check'])
    assert (folder / 'video_list.txt').read_text() == 'precious'


def test_missing_folder(tool, tmp_path):
    with pytest.raises(SystemExit, match='nowhere'):
        tool.main([str(tmp_path / 'nowhere')])
