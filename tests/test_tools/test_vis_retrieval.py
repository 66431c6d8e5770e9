"""The picture of queries and what models find for them."""

import importlib.util
import sys

import cv2
import pytest


def test_test_videos_look_for_training_videos(call, tool, tiny_config, tmp_path):
    command = [sys.executable, tool('visualizations/vis_retrieval.py'), tiny_config, 'random']
    # The same model twice finds the same twice.
    command += ['--also', tiny_config, 'random', '--names', 'one', 'two', '--streams', 'motion']
    command += ['--number', '2', '-k', '2', '--frames', '2', '--side', '48', '--workers', '0']
    said = call(*command, '--out', 'pictures/x.png').stdout
    one, two, file = said.splitlines()[-3:]
    assert one.split(': ')[1] == two.split(': ')[1] and 'of 2 first neighbours right' in one
    picture = cv2.imread(str(tmp_path / 'pictures/x.png'))
    tile = 2 * 64 + 2 + 2 * 5
    row = 2 * 24 + 48 + 2 * 5
    block = 2 * row + 8
    assert picture.shape == (2 * block + 24, tile + 24 + 2 * tile + 8, 3)
    assert f'{picture.shape[1]}x{picture.shape[0]} px' in file
    neighbours = [picture[top + 24 : top + row, tile + 24 :] for top in (0, row + 8)]
    assert (neighbours[0] == neighbours[1]).all() and neighbours[0].std() > 20


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--names', 'one', 'two'], '2 --names for 1 models'),
        (['-k', '0'], 'argument -k: must be 1 or more, got 0'),
        (['--also', 'x.py', 'random', '--streams', 'a', 'b', 'c'], '3 --streams for 2 models'),
    ],
)
def test_wrong_arguments_are_told_at_once(call, tool, arguments, message):
    command = [sys.executable, tool('visualizations/vis_retrieval.py'), 'x.py', 'random']
    process = call(*command, '--out', 'x.png', *arguments, check=False)
    assert process.returncode == 2 and message in process.stderr


def test_what_cannot_be_drawn_ends_in_a_message(call, tool, tiny_config):
    command = [sys.executable, tool('visualizations/vis_retrieval.py'), tiny_config, 'random']
    process = call(*command, '--out', 'x.txt', check=False)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith('error: x.txt does not end like a picture')


def test_options_that_no_config_has_are_told(tool, repository, monkeypatch):
    file = tool('visualizations/vis_retrieval.py')
    spec = importlib.util.spec_from_file_location('retrieval', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = ('imrnet_r18_retrieval_ucf101', 'imrnet_imagenet_retrieval_ucf101')
    one, other = (repository / f'configs/imrnet/benchmarks/{name}.py' for name in names)
    command = [file, one, 'random', '--also', other, 'random', '--out', 'x.png']
    command += ['--cfg-options', 'modle.backbone.depth=18']
    monkeypatch.setattr(sys, 'argv', [str(word) for word in command])
    with pytest.raises(SystemExit, match='error: --cfg-options: modle.backbone.depth: .* model'):
        module.main()
