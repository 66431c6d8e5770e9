"""The picture of a video, by the tool and by `make picture`."""

import importlib.util
import os
import shutil
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.visualization import VideoPicture
from tests.clips import encode, translating


@pytest.fixture
def draw(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in a folder with a clip; gives what it said."""
    spec = importlib.util.spec_from_file_location('draw', tool('visualizations/vis_motion.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / 'clip.mp4', translating(8, 3, 0, 64, 96))

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['vis_motion.py', *map(str, arguments)])
        module.main()
        return capsys.readouterr().out

    return run


def test_without_arguments_a_choice_of_frames(draw):
    said = draw('clip.mp4')
    with VideoPicture('clip.mp4') as video:
        chosen = video.choose_frames()
        expected = video.still(chosen)
    np.testing.assert_array_equal(cv2.imread('motion.png')[..., ::-1], expected)
    height, width = expected.shape[:2]
    frames = ' '.join(map(str, chosen))
    assert said == f'wrote motion.png: {width}x{height} px, clip.mp4: frames {frames} of 8\n'


def test_options_and_several_videos(draw):
    options = ['--side', '96', '--frame', '5', '2', '2', '--step', '3', '--gain', '2']
    options += ['--flow', 'farneback', '--motion', 'estimate']
    said = draw('clip.mp4', 'clip.mp4', *options, '--out', 'new/x.png')
    with VideoPicture('clip.mp4', 'estimate', 'farneback', 96, 3, 2) as video:
        one = video.still([2, 5])
    picture = cv2.imread('new/x.png')[..., ::-1]
    np.testing.assert_array_equal(picture[: len(one)], one)
    np.testing.assert_array_equal(picture[len(one) + 24 :], one)
    assert said.count('clip.mp4: frames 2 5 of 8') == 2


@pytest.mark.parametrize(
    'given, count, words',
    [
        ([], 8, 'frames 0 to 7 of 8'),
        (['--frames', '5', '2'], 4, 'frames 2 to 5 of 8'),
        (['--frames', '3'], 1, 'frames 3 to 3 of 8'),
    ],
)
def test_animations_play_through(draw, given, count, words):
    said = draw('clip.mp4', *given, '--out', 'x.mp4', '--side', '64', '--fps', '4')
    with av.open('x.mp4') as container:
        assert container.streams.video[0].average_rate == 4
        frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert len(frames) == count and words in said
    assert all(frame.std() > 10 for frame in frames)
    first, last = min(map(int, given[1:] or [0])), max(map(int, given[1:] or [7]))
    with VideoPicture('clip.mp4', side=64) as video:
        expected = next(video.animate(range(first, last + 1)))
    height, width = expected.shape[:2]
    close = np.abs(frames[0][:height, :width].astype(int) - expected)
    assert np.median(close) <= 2


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['none.mp4'], 'error: none.mp4: cannot be opened as a video: No such file'),
        (['text.mp4'], 'error: text.mp4: cannot be opened as a video'),
        (['.'], 'error: .: cannot be opened as a video: it is no regular file'),
        (['clip.mp4', '--frames', '8'], 'error: clip.mp4: there is no frame 8, it has 8 frames'),
        (['clip.mp4', '--out', 'x.txt'], 'error: x.txt does not end like a picture'),
        (['clip.mp4', 'b.mp4', '--out', 'x.gif'], 'error: an animation is of one video, got 2'),
        (['clip.mp4', '--frames', '8', '--out', 'x.gif'], 'error: clip.mp4: there is no frame 8'),
        (['clip.mp4', '--frames', '3', '900', '--out', 'x.mp4'], 'there is no frame 900, it has 8'),
        (
            ['vp8.webm', '--motion', 'codec'],
            'motion vectors of vp8; estimate motion (--motion estimate), or transcode the video '
            '(python -m ssvrl_mm.video transcode)',
        ),
        (['clip.mp4', '--side', '1000', '--out', 'x.mp4'], 'too large to be played'),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(draw, tmp_path, arguments, message):
    encode(tmp_path / 'vp8.webm', translating(3, 3, 0, 64, 96), 'libvpx')
    (tmp_path / 'text.mp4').write_text('no video\n' * 99)
    before = set(tmp_path.iterdir())
    with pytest.raises(SystemExit) as end:
        draw(*arguments)
    assert str(end.value.code).startswith('error: ') and message in end.value.code
    assert '\n' not in end.value.code and set(tmp_path.iterdir()) == before


def test_negative_frames_are_refused(draw, capsys):
    with pytest.raises(SystemExit) as end:
        draw('clip.mp4', '--frames', '-1')
    assert end.value.code == 2 and '--frames' in capsys.readouterr().err


@pytest.mark.skipif(shutil.which('make') is None, reason='there is no make')
def test_make_picture(repository, tmp_path):
    """With an environment that is there, `make picture` writes the picture and says where."""
    stamp, out = tmp_path / 'installed', tmp_path / 'out.png'
    clip = encode(tmp_path / '-my own (1).mp4', translating(4, 3, 0, 64, 96))
    stamp.touch()

    def make(**variables):
        return subprocess.run(
            ['make', 'picture', f'BIN={sys.prefix}/bin', f'STAMP={stamp}'],
            cwd=repository,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )

    done = make(VIDEO=str(clip), OUT=str(out))
    assert done.returncode == 0, done.stderr
    assert f'wrote {out}: ' in done.stdout and cv2.imread(str(out)).std() > 20
    for video, message in (
        ('', 'error: say which video: make picture VIDEO=my.mp4'),
        ('none.mp4', 'error: there is no file none.mp4'),
        ('docs', 'error: docs is a folder: name one video in it'),
        ('README.md', 'error: README.md: cannot be opened as a video'),
    ):
        failed = make(VIDEO=video)
        assert failed.returncode and message in failed.stderr
        assert 'Traceback' not in failed.stderr
