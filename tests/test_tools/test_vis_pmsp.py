"""The picture of PMSP's labels, of videos whose motion is known."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from ssvrl_mm.visualization.pmsp import COLOURS
from tests.clips import encode, texture


@pytest.fixture
def draw(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in an empty folder; gives what it said."""
    spec = importlib.util.spec_from_file_location('draw', tool('visualizations/vis_pmsp.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['vis_pmsp.py', *arguments])
        module.main()
        return capsys.readouterr().out

    return run


def test_boxes_are_where_something_moves(draw, tmp_path):
    frames = np.stack([texture(96, 96)] * 60)
    patch = texture(40, 200, seed=1)
    for number, frame in enumerate(frames):
        # Lower left: a hole behind which something moves to the left by 2 px a frame.
        frame[52:92, 4:44] = patch[:, 2 * number : 2 * number + 40]
    encode(tmp_path / 'moves.avi', frames, 'mpeg4', gop=12)
    arguments = ['--side', '96', '--mode', 'real', '--out', 'out/x.png']
    said = draw('moves.avi', 'moves.avi', *arguments)
    picture = cv2.imread(str(tmp_path / 'out/x.png'))[..., ::-1]
    one = 40 + 2 * 28 + 3 * (28 + 96)
    assert picture.shape == (2 * one + 24, 5 * 96 + 4 * 4, 3) and '2 videos' in said
    np.testing.assert_array_equal(picture[:one], picture[-one:])
    for row in range(3):
        top = 40 + 3 * 28 + row * (28 + 96)
        for number in range(5):
            tile = picture[top : top + 96, 100 * number : 100 * number + 96]
            rows, cols = np.nonzero((tile == COLOURS[0]).all(axis=-1))
            # The lower left quarter, at every scale of time.
            assert (rows.min(), rows.max(), cols.min(), cols.max()) == (48, 95, 0, 47)


def test_videos_that_cannot_be_read_are_named(draw, tmp_path):
    encode(tmp_path / 'b.mp4', np.stack([texture(64, 64)] * 60), gop=10)
    with pytest.raises(SystemExit, match='^error: b.mp4: '):
        draw('b.mp4', '--out', 'x.png', '--mode', 'real')


def test_options_that_nothing_reads_are_told(draw, repository):
    config = repository / 'configs/imrnet/benchmarks/imrnet_r18_retrieval_ucf101.py'
    arguments = ['--config', str(config), '--checkpoint', 'x.pth', '--out', 'x.png']
    with pytest.raises(SystemExit, match=r'^error: --cfg-options: model.heds.x: the config has no'):
        draw('b.mp4', *arguments, '--cfg-options', 'model.heds.x=1')


def test_what_is_no_picture_is_not_written(draw):
    with pytest.raises(SystemExit, match='^error: x.txt does not end like a picture'):
        draw('b.mp4', '--out', 'x.txt')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--config', 'x.py'], '--config and --checkpoint go together'),
        (['--config', 'x.py', '--checkpoint', 'x.pth', '--mode', 'real'], "are the config's"),
        (['--cfg-options', 'model.x=1'], '--cfg-options changes a config: give --config'),
        (['--side', '20'], '--side: must be 48 to 4096'),
    ],
)
def test_wrong_arguments_are_told_at_once(call, tool, arguments, message):
    command = [sys.executable, tool('visualizations/vis_pmsp.py'), 'x.avi', '--out', 'x.png']
    process = call(*command, *arguments, check=False)
    assert process.returncode == 2 and message in process.stderr
