"""The picture of views, by a generator and a network of flow that are as small as can be."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.registry import MODELS
from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization import draw_views
from tests.clips import encode, translating

BACKBONE = dict(type='VideoResNet', arch='r3d', depth=10, width=0.0625)
START = dict(type='PretrainedBackbone', checkpoint='nowhere.pth', prefix='backbone_rgb.')
MODEL = dict(
    type='ViewSynthesizer',
    view_generator=dict(type='ViewAutoencoder', channels=(4, 4, 6), latent_channels=3),
    flow_estimator=dict(type='FlowEstimator', channels=(4, 6)),
    feature_extractor=dict(BACKBONE, init_cfg=START),
    data_preprocessor=dict(type='SSLDataPreprocessor'),
)
PIPELINE = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=4, num_clips=3, test_mode=True),
    dict(type='ClipCenterCrop', size=(32, 48)),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]


@pytest.fixture
def draw(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in a folder with a config, its checkpoint and videos; gives what it said."""
    spec = importlib.util.spec_from_file_location('draw', tool('visualizations/vis_views.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    for name in ('a', 'b', 'c'):
        encode(tmp_path / f'{name}.mp4', translating(10, 2, 1, 48, 64, seed=ord(name)))
    (tmp_path / 'list.txt').write_text('a.mp4 0\nb.mp4 0\nc.mp4 0\n')
    dataset = dict(
        type='CompressedVideoDataset', ann_file='list.txt', streams=('rgb',), pipeline=PIPELINE
    )
    cfg = Config(dict(model=MODEL, default_scope='ssvrl_mm', test_dataloader=dict(dataset=dataset)))
    cfg.dump('views.py')
    torch.manual_seed(0)
    model = MODELS.build(MODEL)
    # Both begin with next to nothing to be seen.
    torch.nn.init.normal_(model.flow_estimator.flow.weight, std=0.1)
    model.view_generator.decoder[-1].weight.data.mul_(10)
    torch.save(dict(state_dict=model.state_dict()), 'views.pth')

    def run(*arguments, config='views.py', checkpoint='views.pth'):
        monkeypatch.setattr(sys, 'argv', ['vis_views.py', config, checkpoint, *arguments])
        module.main()
        return capsys.readouterr().out

    return run


def test_frames_views_and_flows_of_some_held_out_videos(draw):
    said = draw('--out', 'out/x.png', '--number', '2', '--columns', '3', '--side', '48')
    picture = cv2.imread('out/x.png')
    one = 40 + 28 + 4 * (28 + 32)
    assert picture.shape == (2 * one + 24, 3 * 48 + 2 * 4, 3)
    assert 'a.mp4: SSIM' in said and 'c.mp4: SSIM' in said and '2 videos' in said
    for top in (0, one + 24):
        for row in range(4):
            start = top + 40 + 28 + row * 60 + 28
            tile = picture[start : start + 32, :48]
            assert tile.std() > 2, row
    # Frames of other times, and of the clip as it is.
    assert (picture[96:128, :48] != picture[96:128, 104:]).any()


def test_named_videos_are_drawn(draw):
    said = draw('--out', 'x.png', '--videos', 'b.mp4', '--columns', '1')
    assert 'b.mp4: SSIM' in said and 'a.mp4' not in said and '1 videos' in said
    assert cv2.imread('x.png').shape[1] == 112


def test_checkpoints_without_the_flow_are_refused(draw):
    state = torch.load('views.pth')['state_dict']
    torch.save({n: w for n, w in state.items() if not n.startswith('flow')}, 'part.pth')
    with pytest.raises(SystemExit, match='^error: part.pth: .* Nothing of flow_estimator is there'):
        draw('--out', 'x.png', checkpoint='part.pth')


def test_other_models_and_configs_without_videos_are_told(draw):
    cfg = Config.fromfile('views.py')

    cfg.test_dataloader = None
    cfg.dump('other.py')
    with pytest.raises(SystemExit, match='^error: .*tests with no videos: name some'):
        draw('--out', 'x.png', config='other.py')
    with pytest.raises(SystemExit, match='^error: .*nowhere.mp4'):
        draw('--out', 'x.png', '--videos', 'nowhere.mp4')
    with pytest.raises(SystemExit, match='^error: x.txt does not end like a picture'):
        draw('--out', 'x.txt')
    with pytest.raises(SystemExit, match='--cfg-options: model.view_generater'):
        draw('--out', 'x.png', '--cfg-options', 'model.view_generater.x=1')


def test_flow_is_coloured_by_the_scale_of_the_clip():
    clip = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), np.uint8)
    flow = np.zeros((2, 8, 8, 2), np.float32)
    flow[..., 0] = 4
    picture = draw_views(clip, clip // 2, flow, flow / 2, columns=2, width=8)
    starts = [28 + row * 36 + 28 for row in range(4)]
    rows = [picture[start : start + 8, :8] for start in starts]
    np.testing.assert_array_equal(rows[0], clip[0])
    np.testing.assert_array_equal(rows[1], clip[0] // 2)
    np.testing.assert_array_equal(picture[starts[0] : starts[0] + 8, 12:], clip[1])
    np.testing.assert_array_equal(rows[2], colour_code_flow(flow[0], 4))
    np.testing.assert_array_equal(rows[3], colour_code_flow(flow[0] / 2, 4))
    assert (rows[2] == [255, 0, 0]).all() and not (rows[3] == rows[2]).all()
    with pytest.raises(ValueError, match='has a view of this shape and flows'):
        draw_views(clip, clip, flow[:1], flow)


@pytest.mark.parametrize('argument', ['--number', '--columns', '--side'])
def test_wrong_arguments_are_told_at_once(call, tool, argument):
    command = [sys.executable, tool('visualizations/vis_views.py'), 'x.py', 'x.pth']
    process = call(*command, '--out', 'x.png', argument, '0', check=False)
    assert process.returncode == 2 and f'{argument}: must be' in process.stderr
