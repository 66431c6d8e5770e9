"""The command that scores the motion of videos."""

import importlib.util

import pytest

from ssvrl_mm.video.motion_score_files import read_scores
from tests.clips import encode, translating


@pytest.fixture
def main(repository):
    path = repository / 'tools' / 'data' / 'score_motion.py'
    spec = importlib.util.spec_from_file_location('score_motion', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    (folder / 'a').mkdir()
    for name in ('a/x.avi', 'y.avi'):
        encode(folder / name, translating(10, 2, 1, 48, 64), 'mpeg4')
    (folder / 'list.txt').write_text('a/x.avi 0\n')
    return folder


def test_folder_list_and_single_video(main, folder, tmp_path, capsys):
    given = ['--span', '2', '--workers', '0', '--quiet']
    assert main([str(folder), '--out', str(tmp_path / 'all'), *given]) == 0
    size = sum(path.stat().st_size for path in tmp_path.rglob('*.scores'))
    assert capsys.readouterr().out.splitlines() == [
        '2 written, 0 skipped, 0 failed',
        f'{size / 1e6:.1f} MB for 0.8 s of video: {size / 0.8 / 1e3:.1f} kB per second',
    ]
    assert main([str(folder), '--out', str(tmp_path / 'all'), *given]) == 0
    assert capsys.readouterr().out.startswith('0 written, 2 skipped, 0 failed')
    few = [str(folder), '--list', str(folder / 'list.txt'), '--out', str(tmp_path / 'few')]
    assert main([*few, *given]) == 0
    assert main([str(folder / 'y.avi'), '--out', str(tmp_path / 'one'), *given]) == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.scores'))
    names = 'all/a/x.avi', 'all/y.avi', 'few/a/x.avi', 'one/y.avi'
    assert found == [f'{name}.scores' for name in names]


def test_options(main, folder, tmp_path, capsys):
    video = str(folder / 'y.avi')
    given = ['--span', '-2', '--distance', '3', '--weight', 'max', '--method', 'dis']
    more = ['--scale', '.5', '--cell', '2', '--workers', '0', '--quiet']
    assert main([video, '--out', str(tmp_path), *given, *more]) == 0
    header = read_scores(tmp_path / 'y.avi.scores').header
    assert (header.method, header.scale, header.cell) == ('dis', 0.5, 2)
    assert (header.span, header.distance, header.weight) == (-2, 3, 'max')
    assert main([video, '--out', str(tmp_path), '--workers', '0', '--quiet']) == 1
    assert "method is 'dis', not 'vectors'" in capsys.readouterr().out
    assert main([video, '--out', str(tmp_path), '--overwrite', '--workers', '0', '--quiet']) == 0
    assert read_scores(tmp_path / 'y.avi.scores').header.span == 8


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        (['--span', '0'], 'other than 0'),
        (['--cell', '0'], '1 px or more'),
        (['--distance', '0'], '--distance must be 1 or more, got 0'),
        (['--scale', '.5'], 'is for flow that is computed'),
        (['--weight', 'mean'], 'invalid choice'),
        (['--method', 'raft'], '--weights goes with --method raft'),
        (['--method', 'raft', '--weights', 'nowhere.pth'], 'no weights at nowhere.pth'),
        (['--method', 'dis', '--flow-root', 'nowhere'], 'no folder of flow at nowhere'),
        (['--flow-root', '.'], "flow of 'vectors' is not stored"),
        (['--workers', '-3'], "argument --workers: must be a number, 0 or more, got '-3'"),
        (['--workers', 'two'], "argument --workers: must be a number, 0 or more, got 'two'"),
        ([], '--out'),
    ],
)
def test_wrong_arguments(main, folder, tmp_path, capsys, given, words):
    out = ['--out', str(tmp_path)] if given else []
    with pytest.raises(SystemExit) as caught:
        main([str(folder), *out, *given])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_no_videos(main, tmp_path, capsys):
    assert main([str(tmp_path), '--out', str(tmp_path / 'out')]) == 2
    assert 'no video' in capsys.readouterr().err
