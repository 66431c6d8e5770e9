"""The command line: `python -m ssvrl_mm.video`."""

import json
import subprocess
import sys

import av
import pytest

from ssvrl_mm.video.__main__ import main
from tests.clips import H264_B, encode, translating
from tests.interpreter import run_fresh


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / 'videos'
    (folder / 'a').mkdir(parents=True)
    frames = translating(20, 2, 1, 64, 80)
    encode(folder / 'a' / 'one.mp4', frames, options=H264_B)
    encode(folder / 'two.avi', frames, 'mpeg4')
    (folder / 'bad.mp4').write_text('no video\n')
    return folder


def kinds(path):
    with av.open(str(path)) as container:
        kinds = [av.video.frame.PictureType(f.pict_type) for f in container.decode(video=0)]
    return ''.join(kind.name for kind in kinds)


def test_info_of_a_folder(videos, tmp_path, capsys):
    report = tmp_path / 'report' / 'health.json'
    arguments = ['--json', str(report), '--workers', '1', '--full', '--quiet']
    assert main(['info', str(videos), *arguments]) == 0
    printed = capsys.readouterr()
    assert '3 videos' in printed.out and 'bad.mp4: cannot be opened' in printed.out
    assert printed.err == ''
    written = json.loads(report.read_text())
    assert written['summary']['readable'] == 2
    found = {video['path']: video['num_frames'] for video in written['videos']}
    assert found == {
        str(videos / 'a' / 'one.mp4'): 20,
        str(videos / 'bad.mp4'): 0,
        str(videos / 'two.avi'): 20,
    }
    assert all(video['full'] for video in written['videos'] if video['readable'])


def test_info_of_a_file_and_a_list(videos, tmp_path, capsys):
    assert main(['info', str(videos / 'two.avi')]) == 0
    printed = capsys.readouterr().out
    assert '20 in 0.80 s, 25 fps' in printed and 'median 12' in printed
    listed = tmp_path / 'list.txt'
    listed.write_text('a/one.mp4 3\ngone.mp4 1\n')
    command = ['info', '--list', str(listed), '--root', str(videos), '--workers', '0']
    assert main(command) == 0
    printed = capsys.readouterr()
    assert '2 videos' in printed.out and 'gone.mp4' in printed.out and '2/2' in printed.err


def test_exit_status(videos, tmp_path, capsys):
    # Only where nothing can be read.
    assert main(['info', str(videos / 'bad.mp4')]) == 1
    assert main(['info', str(tmp_path / 'none.mp4')]) == 1
    listed = tmp_path / 'list.txt'
    listed.write_text('bad.mp4 3\n')
    command = ['info', str(videos), '--list', str(listed), '--workers', '0', '--quiet']
    assert main(command) == 1
    capsys.readouterr()
    # Wrong arguments.
    empty = tmp_path / 'empty'
    empty.mkdir()
    transcode = ['transcode', str(videos), str(tmp_path / 'out'), '--preset', 'mpeg4-gop12']
    for command, message in (
        (['info'], 'give a video'),
        (['info', str(empty)], 'no video'),
        ([*transcode, '--quality', '40'], 'quality'),
        ([*transcode, '--suffix', 'mp4'], '--suffix'),
        ([*transcode, '--fps', '0.5'], 'fps must be in 1..1000'),
        ([*transcode[:2], str(videos / 'in'), *transcode[3:]], 'lies in'),
    ):
        assert main(command) == 2
        assert message in capsys.readouterr().err
    for rate in ('1/0', 'many'):
        with pytest.raises(SystemExit, match='2'):
            main([*transcode, '--fps', rate])
        assert f'--fps: invalid frame_rate value: {rate!r}' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_transcode_a_folder(videos, tmp_path, capsys):
    out = tmp_path / 'out'
    command = ['transcode', str(videos), str(out), '--preset', 'mpeg4-gop12', '--workers', '1']
    assert main(command) == 1
    printed = capsys.readouterr()
    assert '2 written, 0 skipped, 1 failed' in printed.out and '40 frames' in printed.out
    assert f'failed: {videos / "bad.mp4"}' in printed.out and '3/3' in printed.err
    assert kinds(out / 'a' / 'one.mp4') == kinds(out / 'two.avi') == 'I' + 11 * 'P' + 'I' + 7 * 'P'
    listed = tmp_path / 'list.txt'
    listed.write_text('two.avi 0\na/one.mp4 1\n')
    assert main([*command, '--list', str(listed), '--quiet']) == 0
    assert '0 written, 2 skipped, 0 failed' in capsys.readouterr().out


def test_transcode_a_file(videos, tmp_path, capsys):
    source, out = videos / 'a' / 'one.mp4', tmp_path / 'out'
    command = ['--preset', 'h264-nob', '--gop', '4', '--short-side', '32', '--quality', '25']
    assert main(['transcode', str(source), str(out / 'x.mkv'), *command]) == 0
    assert kinds(out / 'x.mkv') == 5 * 'IPPP'
    assert main(['transcode', str(source), str(out / 'y.mkv'), *command, '--fps', '30']) == 0
    assert kinds(out / 'y.mkv') == 6 * 'IPPP'
    assert main(['transcode', str(source), str(out), *command]) == 0
    with av.open(str(out / 'one.mp4')) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height) == (40, 32)
    assert main(['transcode', str(videos / 'bad.mp4'), str(out / 'bad.mp4'), *command]) == 1
    assert 'bad.mp4: cannot be opened' in capsys.readouterr().out


def test_as_programs(videos, tmp_path, repository):
    tool = repository / 'tools' / 'analysis' / 'inspect_videos.py'
    for command in (['-m', 'ssvrl_mm.video', 'info'], [str(tool)]):
        done = subprocess.run(
            [sys.executable, *command, str(videos), '--workers', '1'],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert '3 videos' in done.stdout and '3/3' in done.stderr


def test_needs_neither_torch_nor_openmmlab(tmp_path, repository):
    code = """
        import sys
        import ssvrl_mm.video.__main__
        heavy = ('torch', 'mmengine', 'mmcv', 'mmaction')
        print([name for name in heavy if name in sys.modules])
    """
    assert run_fresh(code, tmp_path, [repository]).strip() == '[]'
