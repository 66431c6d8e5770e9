"""The picture of where features lie, by the tool."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from ssvrl_mm.apis import FeatureTable
from ssvrl_mm.visualization.tiles import text_band


@pytest.fixture
def run(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in a folder with features of two models; gives what it said."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 3, 4], 5)
    paths = [f'{("walk", "run", "swim")[i // 5]}/{i}.mp4' for i in range(15)]
    clips = rng.standard_normal((15, 2, 6)).astype(np.float32)
    clips[0, 1] = np.nan  # a video of one clip
    times = np.zeros((15, 2, 2), np.float32)
    streams = dict(rgb=clips, motion=clips)
    FeatureTable(paths, labels, times, dict(rgb=clips)).save('clips.npz')
    FeatureTable(paths, labels, times, dict(rgb=clips[:, 0])).save('videos.npz')
    FeatureTable(paths, labels, times, streams).save('streams.npz')
    FeatureTable(paths, np.arange(15), times, dict(rgb=clips)).save('many.npz')
    FeatureTable(paths[::-1], labels, times, dict(rgb=clips)).save('others.npz')
    no_folders = [str(i) for i in range(15)]
    FeatureTable(no_folders, labels, times, dict(rgb=clips)).save('flat.npz')

    def call(*arguments):
        spec = importlib.util.spec_from_file_location(
            'tool', tool('visualizations/vis_embedding.py')
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', ['vis_embedding.py', *arguments])
        module.main()
        return capsys.readouterr().out

    return call


def assert_says(file, top, words):
    picture = cv2.imread(str(file))[..., ::-1]
    expected = text_band(words, picture.shape[1], 24)
    np.testing.assert_array_equal(picture[top : top + 24], expected)


def test_clips_or_videos_are_points(run, tmp_path):
    said = run('clips.npz', 'videos.npz', '--classes', '0', '4', '--out', 'out/x.png')
    width, height = 2 * (360 + 2) + 8, 24 + 362 + 8 + 3 * 24
    assert said == f'wrote out/x.png: {width}x{height} px, points: clips 19, videos 10\n'
    assert cv2.imread(str(tmp_path / 'out/x.png')).shape == (height, width, 3)
    assert_says(tmp_path / 'out/x.png', 394, 'a point: one video or one clip of a video')
    options = ('--stream', 'motion', '--names', 'both', '--side', '100', '--out', 'y.png')
    assert run('streams.npz', *options).endswith('points: both 29\n')
    assert_says(tmp_path / 'y.png', 24 + 102 + 8, 'a point: one clip of a video')
    # A panel for each stream, unless one is named.
    width = 2 * (100 + 2) + 8
    said = run('streams.npz', '--names', 'a', '--side', '100', '--out', 'y.png')
    assert said.startswith(f'wrote y.png: {width}x') and said.endswith('a: rgb 29, a: motion 29\n')
    # Classes without folders have numbers.
    assert run('flat.npz', 'videos.npz', '--out', 'z.png').endswith('flat 29, videos 15\n')


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['clips.npz', '--stream', 'flow'], r"no stream 'flow', but \['rgb'\]"),
        (['clips.npz', '--classes', '1'], r'no video of class \[1\], but of \[0, 3, 4\]'),
        (['clips.npz', 'many.npz', '--classes', '0', '99'], r'model 1 has no .* class \[99\]'),
        (['many.npz', 'clips.npz', '--classes', '0', '9'], r'model 2 has no video of class \[9\]'),
        (['many.npz'], r'15 classes, but there are 10 colours: choose by --classes'),
        (
            ['clips.npz', 'others.npz'],
            r"class 0 is 'walk' in the first model and 'swim' in model 2",
        ),
        (['nowhere.npz'], r'no file of features at nowhere\.npz'),
    ],
)
def test_what_cannot_be_drawn_says_so(arguments, said, run, monkeypatch):
    # Nobody waits for a layout before.
    monkeypatch.setattr('ssvrl_mm.visualization.embed', None)
    with pytest.raises(SystemExit, match=f'error: .*{said}'):
        run(*arguments, '--out', 'x.png')


def test_wrong_arguments(run, capsys):
    with pytest.raises(SystemExit, match='does not end like a picture'):
        run('clips.npz', '--out', 'x.nothing')
    with pytest.raises(SystemExit, match='x.mp4: this tool writes no .mp4, but a picture'):
        run('clips.npz', '--out', 'x.mp4')
    for wrong, said in (
        (['--names', 'a', 'b'], '2 --names for 1 files'),
        (['--side', '0'], 'must be 48 to 4096, got 0'),
        (['--perplexity', '0'], 'must be 1 or more, got 0'),
        (['--videos', 'x'], '--also, --videos and --cfg-options are for configs'),
    ):
        with pytest.raises(SystemExit):
            run('clips.npz', *wrong)
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run('x.py', 'a.pth', 'b.pth')
    assert "a config takes one checkpoint, got ['a.pth', 'b.pth']" in capsys.readouterr().err


def test_a_config_and_its_checkpoint_give_the_features(
    run, data_root, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.setenv('SSVRL_DATA', str(data_root))
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    # The same model twice lies the same, and one class alone has half of the points.
    options = ('--workers', '0', '--features', 'kept', '--side', '48', '--out', 'x.png')
    said = run(str(tiny_config), 'random', '--also', str(tiny_config), 'random', *options)
    for stream in ('rgb', 'motion'):
        assert said.count(f'tiny_mvcgc, random weights: {stream} ') == 2
    picture = cv2.imread(str(tmp_path / 'x.png'))
    panels = [picture[24:74, place : place + 50] for place in (0, 58, 116, 174)]
    assert (panels[0] == panels[2]).all() and (panels[1] == panels[3]).all()
    assert (panels[0] != panels[1]).any() and panels[0].std() > 10
    (file,) = (tmp_path / 'kept').glob('*.npz')
    clips = FeatureTable.load(file).features['rgb']
    assert clips.shape[0] == 4 and clips.ndim == 3 and said.count(f'rgb {4 * clips.shape[1]}') == 2
    options = ('--stream', 'rgb', '--classes', '1', *options)
    said = run(str(tiny_config), 'random', '--names', 'one', *options)
    assert said.endswith(f'points: one {2 * clips.shape[1]}\n')
    with pytest.raises(SystemExit, match=r'error: .* has no video of class \[7\], but of \[0, 1\]'):
        run(str(tiny_config), 'random', '--classes', '7', *options[4:])
