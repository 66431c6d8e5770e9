"""The picture of where networks look, by the tool."""

import importlib.util
import sys
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.apis.loading import build_model
from tests.clips import encode, translating

BACKBONE = dict(type='VideoResNet', arch='r3d', depth=10, width=0.0625)
PIPELINE = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=4, num_clips=3, test_mode=True),
    dict(type='ClipCenterCrop', size=32),
    dict(type='DecodeCompressedVideo', streams=('rgb',)),
    dict(type='PackSSLInputs'),
]
PRETEXT = dict(
    type='ClipOrderRecognizer',
    backbones=dict(rgb=BACKBONE),
    head=dict(type='ClipOrderHead', in_channels=32, num_clips=3),
    data_preprocessor=dict(type='SSLDataPreprocessor'),
)
CLASSIFIER = dict(
    type='Recognizer3D',
    backbone=BACKBONE,
    cls_head=dict(type='I3DHead', num_classes=2, in_channels=32, average_clips='prob'),
    data_preprocessor=dict(type='SingleStreamPreprocessor'),
)


@pytest.fixture
def draw(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in a folder with configs, checkpoints and videos; gives what it said."""
    spec = importlib.util.spec_from_file_location('draw', tool('visualizations/vis_attention.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'videos').mkdir()
    for name in ('a', 'b', 'c'):
        encode(f'videos/{name}.mp4', translating(6, 2, 1, 48, 64, seed=ord(name)))
    (tmp_path / 'list.txt').write_text('a.mp4 0\nb.mp4 0\nc.mp4 0\n')
    dataset = dict(
        type='CompressedVideoDataset',
        ann_file='list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        pipeline=PIPELINE,
    )
    for name, settings in (('pretext', PRETEXT), ('classifier', CLASSIFIER)):
        cfg = dict(model=settings, default_scope='ssvrl_mm', test_dataloader=dict(dataset=dataset))
        cfg = Config(dict(cfg, randomness=dict(seed=3)))
        cfg.dump(f'{name}.py')
        model = build_model(cfg)
        with torch.no_grad():
            torch.nn.init.normal_(next(model.parameters()))
        torch.save(dict(state_dict=model.state_dict()), f'{name}.pth')

    def run(*arguments, name='pretext', checkpoint=None):
        command = ['vis_attention.py', f'{name}.py', checkpoint or f'{name}.pth', *arguments]
        monkeypatch.setattr(sys, 'argv', command)
        module.main()
        return capsys.readouterr().out.splitlines()[-1]

    return run


def test_before_and_after_training_is_the_default(draw):
    said = draw('--side', '64', '--frames', '4')
    width, row = 4 * 64 + 3 * 2, 24 + 64
    height = 2 * (3 * row + 2 * 2) + 16 + 2 + 24
    # What is said of the colours is wider than the frames.
    assert said == f'wrote attention.png: 430x{height} px, 2 videos, 2 maps each'
    picture = cv2.imread('attention.png')
    assert picture.shape == (height, 430, 3) and (picture[: height - 26, width:] == 255).all()
    picture = picture[:, :width]
    before, after = (
        picture[row + 2 + 24 : row + 2 + row]
        if number == 0
        else picture[2 * row + 28 : 3 * row + 4]
        for number in range(2)
    )
    assert before.std() > 10 and after.std() > 10 and np.abs(before - after.astype(int)).mean() > 5
    # Before is what `random` is.
    draw('--side', '64', '--frames', '4', '--also', 'pretext.py', 'random', '--out', 'x.png')
    swapped = cv2.imread('x.png')[:, :width]
    np.testing.assert_array_equal(swapped[row + 26 : 2 * row + 2], after)
    np.testing.assert_array_equal(swapped[2 * row + 28 : 3 * row + 4], before)


def test_a_network_that_began_elsewhere_is_not_drawn_with_random_weights(draw):
    start = 'model.backbones.rgb.init_cfg'
    options = [f'{start}.type=PretrainedBackbone', f'{start}.checkpoint=elsewhere.pth']
    assert draw('--cfg-options', *options).endswith('2 videos, 1 maps each')


def test_an_animation_of_own_videos(draw):
    said = draw('--videos', 'videos/b.mp4', '--out', 'x.mp4', checkpoint='random', name='pretext')
    assert said == 'wrote x.mp4: 430x162 px, 1 videos, 1 maps each, 4 frames'
    with av.open('x.mp4') as container:
        frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert len(frames) == 4 and frames[0].shape == (162, 430, 3)
    assert 0 < np.abs(frames[0] - frames[3].astype(int)).mean() < 60


def test_grad_cam_of_a_classifier(draw):
    # A classifier alone stays so, and with others by its side each has a name.
    options = ('--videos', 'videos', '--number', '1', '--grad-cam', '--out', 'x.gif')
    said = draw(*options, '--class', '1', name='classifier')
    assert said.endswith('1 videos, 1 maps each, 4 frames')
    still = ('--also', 'classifier.py', 'random', '--names', 'one', 'two', '--frames', '1')
    pictures = {}
    for kind in ((), ('--grad-cam', '--class', '0'), ('--grad-cam', '--class', '1')):
        said = draw(*still, *kind, name='classifier')
        assert said.endswith('2 videos, 2 maps each')
        pictures[kind] = cv2.imread('attention.png')
    # Each kind of map, and each class, has a picture of its own.
    shown = [picture[24 + 112 + 2 + 24 :, :112].astype(int) for picture in pictures.values()]
    assert all(np.abs(one[:112] - other[:112]).mean() > 5 for one, other in pairwise(shown))


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--class', '3'], '--class needs --grad-cam'),
        (['--names', 'a', 'b'], '2 --names for 1 models'),
        (['--frames', '0'], 'must be 1 or more, got 0'),
    ],
)
def test_wrong_arguments(arguments, message, draw, capsys):
    with pytest.raises(SystemExit):
        draw(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments, options, message',
    [
        (['--grad-cam'], {}, 'pretext, pretext: Grad-CAM .* has no classifier'),
        (['--grad-cam', '--class', '2'], dict(name='classifier'), '--class must be from 0 to 1'),
        (['--layer', 'layers3'], {}, "no layer 'layers3' .*; did you mean layer3"),
        (['--out', 'x.txt'], {}, 'x.txt does not end like a picture'),
        (['--videos', 'gone.mp4'], {}, 'gone.mp4'),
        (['--videos', 'list.txt'], {}, 'list.txt'),
        (['--cfg-options', 'modle.x=1'], {}, 'modle'),
        ([], dict(checkpoint='classifier.pth'), 'classifier.pth: 0 of the '),
        ([], dict(checkpoint='gone.pth'), 'gone.pth'),
        ([], dict(name='gone', checkpoint='random'), 'gone.py'),
    ],
)
def test_what_cannot_be_drawn_says_so(arguments, options, message, draw, tmp_path):
    with pytest.raises(SystemExit, match=f'^error: (?s:.*){message}'):
        draw(*arguments, **options)
    assert not list(tmp_path.glob('*.png'))
