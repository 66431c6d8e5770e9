"""What the tools that draw share: arguments, and errors in one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ssvrl_mm.video import VideoOpenError
from ssvrl_mm.visualization import PictureError
from ssvrl_mm.visualization.arguments import (
    add_out,
    add_seed,
    add_side,
    at_least,
    check_out,
    drawing_parser,
    say_written,
    telling_errors,
    write_drawn,
)


@pytest.fixture
def parser():
    parser = drawing_parser('A tool.\n\n    one  two\n')
    add_out(parser, 'x.png', animated=True)
    add_side(parser, 96, 'width of a frame', least=16)
    add_seed(parser, 'the draw')
    parser.add_argument('--fps', type=at_least(0.5, float), default=8)
    return parser


def test_defaults_and_help(parser):
    args = parser.parse_args([])
    assert (args.out, args.side, args.seed, args.fps) == (Path('x.png'), 96, 0, 8)
    args = parser.parse_args(['--out', 'a/b.mp4', '--side', '16', '--seed', '3', '--fps', '.5'])
    assert (args.out, args.side, args.seed, args.fps) == (Path('a/b.mp4'), 16, 3, 0.5)
    words = parser.format_help()
    assert '    one  two\n' in words and '.mp4 or .gif' in words
    assert 'default: x.png' in words and 'width of a frame (default: 96)' in words


@pytest.mark.parametrize(
    'given, message',
    [
        (['--side', '15'], 'argument --side: must be 16 to 4096, got 15'),
        (['--side', '100000'], 'argument --side: must be 16 to 4096, got 100000'),
        (['--fps', 'inf'], 'argument --fps: must be 0.5 or more, got inf'),
        (['--side', 'x'], "argument --side: invalid int value: 'x'"),
        (['--seed', '-1'], 'argument --seed: must be 0 or more, got -1'),
        (['--fps', '0'], 'argument --fps: must be 0.5 or more, got 0'),
        (['--fps', 'nan'], 'must be 0.5 or more, got nan'),
        (['--fps', 'fast'], "invalid float value: 'fast'"),
    ],
)
def test_numbers_out_of_range_are_told(parser, capsys, given, message):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(given)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_tools_of_stills_name_no_animations():
    parser = drawing_parser('')
    add_out(parser, 'x.png')
    assert '.mp4' not in parser.format_help() and '.png or .jpg' in parser.format_help()


def test_files_that_cannot_be_are_told_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'folder.png').mkdir()
    (tmp_path / 'file').touch()
    long = 'x' * 300 + '.png'
    for path, words in [
        ('folder.png', 'it is a folder'),
        ('file/x.png', 'File exists'),
        ('/proc/x.png', 'No such file or directory'),
        (long, 'File name too long'),
        (f'new/{long}', 'File name too long'),
        (f'{long}/x.png', 'File name too long'),
    ]:
        with pytest.raises(PictureError, match='cannot write ') as told:
            check_out(path)
        assert path in str(told.value) and words in str(told.value)
    # A file that is there is left alone, and folders are made when it is written.
    (tmp_path / 'old.png').write_bytes(b'old')
    for path in ('old.png', 'new/new/x.mp4'):
        check_out(path, animated=True)
    assert (tmp_path / 'old.png').read_bytes() == b'old'
    assert {path.name for path in tmp_path.iterdir()} == {'folder.png', 'file', 'old.png'}


def test_suffixes_are_checked_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_out('x.png')
    check_out('x.MP4', animated=True)
    check_out('x.gif', animated=True)
    with pytest.raises(PictureError, match='x.gif: this tool writes no .gif, but a picture'):
        check_out('x.gif')
    for animated in (False, True):
        with pytest.raises(PictureError, match='x.txt does not end like a picture'):
            check_out('x.txt', animated)


def test_what_was_written_is_said(capsys):
    say_written('a/x.png', np.zeros((48, 64, 3)), '3 videos', 'more')
    assert capsys.readouterr().out == 'wrote a/x.png: 64x48 px, 3 videos, more\n'


@pytest.mark.parametrize(
    'error, words',
    [
        (VideoOpenError('a.mp4', 'is broken'), 'a.mp4: is broken'),
        (ValueError('no'), 'no'),
        (KeyError('no stream'), 'no stream'),
        (FileNotFoundError(2, 'No such file or directory', 'a.txt'), 'a.txt: No such file'),
        (OSError('full'), 'full'),
        (ImportError('install it'), 'install it'),
        (TypeError(), 'TypeError'),
    ],
)
def test_what_is_foreseen_ends_in_a_line(error, words):
    with pytest.raises(SystemExit) as end, telling_errors():
        raise error
    assert end.value.code.startswith(f'error: {words}')


@pytest.mark.parametrize('error', [ZeroDivisionError('a defect'), AssertionError('too')])
def test_defects_keep_their_traceback(error):
    with pytest.raises(type(error)), telling_errors():
        raise error


def test_nothing_happens_without_errors():
    with telling_errors():
        pass


def test_what_was_drawn_is_written_as_its_suffix_says(tmp_path, capsys):
    frames = [np.full((10, 20, 3), level, np.uint8) for level in (0, 120, 250)]
    write_drawn(tmp_path / 'x.png', frames[1:2], 'a fact')
    assert (cv2.imread(str(tmp_path / 'x.png')) == 120).all()
    write_drawn(tmp_path / 'x.gif', frames, 'a fact', fps=5)
    with Image.open(tmp_path / 'x.gif') as played:
        assert (played.n_frames, played.info['duration']) == (3, 200)
    still, moving = capsys.readouterr().out.splitlines()
    assert still == f'wrote {tmp_path}/x.png: 20x10 px, a fact'
    assert moving == f'wrote {tmp_path}/x.gif: 20x10 px, a fact, 3 frames'
