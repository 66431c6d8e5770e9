"""The command that stores the flow of videos."""

import importlib.util

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.flow_files import FlowFile
from tests.clips import encode, translating


@pytest.fixture
def main(repository):
    path = repository / 'tools' / 'data' / 'extract_flow.py'
    spec = importlib.util.spec_from_file_location('extract_flow', path)
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


def test_folder_then_reader(main, folder, tmp_path, capsys):
    given = ['--scale', '.5', '--cell', '2', '--span', '-2', '--workers', '0', '--quiet']
    assert main([str(folder), '--out', str(tmp_path), *given]) == 0
    size = sum(path.stat().st_size for path in tmp_path.rglob('*.flow'))
    said = capsys.readouterr().out.splitlines()
    assert said == [
        '2 written, 0 skipped, 0 failed',
        f'{size / 1e6:.1f} MB for 0.8 s of video: {size / 0.8 / 1e3:.1f} kB per second',
    ]
    options = dict(flow_scale=0.5, flow_cell=2, flow_span=-2, flow_file=tmp_path / 'a/x.avi.flow')
    with CompressedVideoReader(folder / 'a/x.avi', **options) as reader:
        flow = reader.get_frames_at([4], ('flow',)).flow
    np.testing.assert_allclose(np.median(flow, axis=(0, 1, 2)), (4, 2), atol=0.25)
    assert main([str(folder), '--out', str(tmp_path), *given]) == 0
    assert capsys.readouterr().out.startswith('0 written, 2 skipped, 0 failed')


def test_list_and_single_video(main, folder, tmp_path):
    few = [str(folder), '--list', str(folder / 'list.txt'), '--out', str(tmp_path / 'few')]
    assert main([*few, '--workers', '0', '--quiet']) == 0
    one = [str(folder / 'y.avi'), '--out', str(tmp_path / 'one'), '--workers', '0', '--quiet']
    assert main(one) == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.flow'))
    assert found == ['few/a/x.avi.flow', 'one/y.avi.flow']


def test_failures_are_named_and_counted(main, folder, tmp_path, capsys):
    bad = tmp_path / 'videos'
    bad.mkdir()
    (bad / 'bad.avi').write_bytes(b'no video')
    (bad / 'good.avi').write_bytes((folder / 'y.avi').read_bytes())
    given = [str(bad), '--out', str(tmp_path / 'flow'), '--workers', '0', '--quiet']
    assert main(given) == 1
    said = capsys.readouterr().out
    assert said.startswith('1 written, 0 skipped, 1 failed\n')
    assert f'\nfailed: {bad / "bad.avi"}: ' in said
    (bad / 'bad.avi').unlink()
    assert main([*given, '--span', '2']) == 1
    assert 'span is 1, not 2; --overwrite replaces it' in capsys.readouterr().out
    assert main([*given, '--span', '2', '--overwrite']) == 0
    assert FlowFile(tmp_path / 'flow/good.avi.flow').header.span == 2


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        (['--span', '0'], 'other than 0'),
        (['--cell', '0'], '1 px or more'),
        (['--scale', '-1'], 'must be positive'),
        (['--method', 'raft'], '--weights goes with --method raft'),
        (['--weights', 'x.pth'], '--weights goes with --method raft'),
        (['--method', 'raft', '--weights', 'nowhere.pth'], 'no weights at nowhere.pth'),
        (['--method', 'vectors'], 'invalid choice'),
        (['--workers', '-3'], "argument --workers: must be a number, 0 or more, got '-3'"),
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


def test_without_contrib(main, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.delattr(cv2, 'optflow', raising=False)
    with pytest.raises(SystemExit):
        main([str(folder), '--out', str(tmp_path), '--method', 'tvl1'])
    assert 'install opencv-contrib-python' in capsys.readouterr().err
