"""The picture of queries and what models find for them."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest


@pytest.fixture
def module(tool):
    """The tool, in this process."""
    spec = importlib.util.spec_from_file_location(
        'retrieval', tool('visualizations/vis_retrieval.py')
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(module, monkeypatch, tmp_path):
    """Runs it in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['vis_retrieval.py', *map(str, arguments)])
        module.main()

    return call


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
def test_wrong_arguments_are_told_at_once(run, capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        run('x.py', 'random', '--out', 'x.png', *arguments)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_what_cannot_be_drawn_ends_in_a_message(run):
    with pytest.raises(SystemExit, match='error: x.txt does not end like a picture'):
        run('x.py', 'random', '--out', 'x.txt')


@pytest.mark.parametrize(
    'chosen, drawn, wanted, said',
    [
        (['a/x.mp4', 'b/y.mp4'], ['a/x.mp4', 'b/y.mp4'], 2, ''),
        (['a/x.mp4'], ['a/x.mp4'], 6, '1 queries are drawn: there are but 1\n'),
        (
            ['/d/a/x.mp4', '/d/b/y.mp4', '/d/b/z.mp4'], ['b/y.mp4'], 3,
            '1 queries are drawn: cannot be read: /d/a/x.mp4, /d/b/z.mp4\n',
        ),
    ],
)  # fmt: skip
def test_queries_that_are_missing_are_told(module, capsys, chosen, drawn, wanted, said):
    module.say_what_is_missing(chosen, drawn, wanted)
    assert capsys.readouterr().out == said


def test_a_query_that_cannot_be_read_is_left_out_and_named(
    run, repository, tmp_path, monkeypatch, capsys
):
    """All of the way, but for the network: what was drawn is what could be read."""
    from ssvrl_mm.apis import retrieval_examples
    from ssvrl_mm.visualization.retrieval import Shown

    for name in ('a/x.mp4', 'a/y.mp4', 'b/z.mp4'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    query = Shown(np.zeros((1, 8, 8, 3), np.uint8), 'a/y.mp4')
    found = ([query], [('m', [[query._replace(right=True)]])])
    monkeypatch.setattr(retrieval_examples, 'find_examples', lambda *args, **kwargs: found)
    config = repository / 'configs/mvcgc/demo.py'
    run(config, 'random', '--videos', '.', '--queries', 'a/x.mp4', 'a/y.mp4', '--out', 'x.png')
    said = capsys.readouterr().out.splitlines()
    assert said[0] == '1 queries are drawn: cannot be read: a/x.mp4'
    assert said[1] == 'm: 1 of 1 first neighbours right' and said[2].startswith('wrote x.png')


def test_options_that_no_config_has_are_told(run, repository):
    names = ('imrnet_r18_retrieval_ucf101', 'imrnet_imagenet_retrieval_ucf101')
    one, other = (repository / f'configs/imrnet/benchmarks/{name}.py' for name in names)
    command = [one, 'random', '--also', other, 'random', '--out', 'x.png']
    with pytest.raises(SystemExit, match='error: --cfg-options: modle.backbone.depth: .* model'):
        run(*command, '--cfg-options', 'modle.backbone.depth=18')
