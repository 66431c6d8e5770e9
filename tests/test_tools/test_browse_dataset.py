"""What a config's network sees, by the tool."""

import importlib.util
import sys

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.apis.browsing import browse_dataset
from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.visualization.dataset_sheet import draw_sheet


@pytest.fixture
def browse(tool, tiny_config, data_root, tmp_path, monkeypatch, capsys):
    """Runs the tool in an empty folder; gives what it said."""
    spec = importlib.util.spec_from_file_location('b', tool('visualizations/browse_dataset.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, config=tiny_config):
        monkeypatch.setattr(sys, 'argv', ['browse_dataset.py', str(config), *arguments])
        module.main()
        return capsys.readouterr().out.splitlines()[-1]

    return run


def test_a_sheet_of_training(browse, tiny_config):
    said = browse('--number', '3', '--seed', '5', '--side', '48', '--frames', '2', '--shuffle')
    samples = browse_dataset(read_config(tiny_config), 'train', 3, True, 5)
    expected = draw_sheet(samples, 48, 2)
    np.testing.assert_array_equal(cv2.imread('dataset.png')[..., ::-1], expected)
    height, width = expected.shape[:2]
    size = f'{width}x{height} px'
    assert said == f'wrote dataset.png: {size}, 3 samples of train, streams rgb, motion'


def test_an_animation_of_the_test(browse, tiny_config):
    said = browse('--split', 'test', '--number', '1', '--out', 'x.mp4', '--fps', '5')
    length = max(
        (getattr(stream, 'vectors', stream)).shape[1]
        for stream in browse_dataset(read_config(tiny_config), 'test', 1)[0].streams.values()
    )
    with av.open('x.mp4') as container:
        assert container.streams.video[0].average_rate == 5
        frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert len(frames) == length and said.endswith(f', {length} frames')
    assert all(frame.std() > 10 for frame in frames)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--cfg-options', 'train_dataloader.dataset.ann_file=none.txt'], 'none.txt'),
        (['--cfg-options', 'modle.x=1'], 'modle.x: the config has no modle'),
        (['--out', 'x.txt'], 'x.txt does not end like a picture'),
    ],
)
def test_what_cannot_be_shown_is_told(browse, arguments, message, tmp_path):
    with pytest.raises(SystemExit) as end:
        browse(*arguments)
    assert end.value.code.startswith('error: ') and message in end.value.code
    assert not list(tmp_path.iterdir())


def test_missing_data_and_configs_are_one_line(browse, monkeypatch, tmp_path):
    monkeypatch.setenv('SSVRL_DATA', str(tmp_path / 'nowhere'))
    with pytest.raises(SystemExit) as end:
        browse()
    assert end.value.code.startswith('error: ') and 'nowhere' in end.value.code
    assert '\n' not in end.value.code
    with pytest.raises(SystemExit, match='^error: .*none.py'):
        browse(config='none.py')
    (tmp_path / 'empty.py').write_text('')
    with pytest.raises(SystemExit, match='^error: .*empty.py has no train_dataloader'):
        browse(config='empty.py')
