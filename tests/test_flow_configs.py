"""The configs on optical flow and on re-encoded videos: what they read of real bitstreams."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from ssvrl_mm.registry import DATASETS, MODELS
from ssvrl_mm.video import FlowFileError
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.encoding import EncoderSettings
from ssvrl_mm.video.tools.flow_extraction import extract_flow
from ssvrl_mm.video.tools.transcode import transcode_video
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'mvcgc'
# As UCF101 names the recording, too.
NAME = 'v_Toy_g{:02d}_c01.mp4'
SIZE = 48, 64
VELOCITY = 2, -1
FLOW = ('s3d_ucf101_flow', 's3d_ucf101_flow_moco', 's3d_ucf101_flow-low_moco')


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: `ucf101` with three videos, their flow, and their MPEG-4 copies."""
    root = tmp_path_factory.mktemp('data') / 'ucf101'
    for folder in ('videos', 'gop12'):
        (root / folder).mkdir(parents=True)
    for number in range(3):
        name = NAME.format(number)
        # Either half of the picture moves its own way.
        halves = [translating(12, *v, SIZE[0], SIZE[1] // 2, number) for v in (VELOCITY, (-1, 2))]
        video = encode(root / 'videos' / name, np.concatenate(halves, axis=2))
        transcode_video(video, root / 'gop12' / name, EncoderSettings('mpeg4-gop12'))
        for folder, cell in (('tvl1', 1), ('tvl1_low', 2)):
            extract_flow(video, root / folder / f'{name}.flow', FlowOptions('tvl1', cell=cell))
    (root / 'train_list.txt').write_text(''.join(f'{NAME.format(n)} {n}\n' for n in range(2)))
    (root / 'test_list.txt').write_text(f'{NAME.format(2)} 0\n')
    return root.parent


@pytest.fixture(autouse=True)
def environment(root, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    monkeypatch.delenv('SSVRL_FLOW', raising=False)


def load(name):
    """A config with clips of 8 frames and 32 px, in which nothing else is changed."""
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    small = dict(clip_len=8, size=32, short_side=36)
    for split in ('train', 'test'):
        for step in cfg[f'{split}_dataloader'].dataset.pipeline:
            step.update({key: value for key, value in small.items() if key in step})
    settings = cfg.model.data_preprocessor
    for stream in ('motion', 'flow'):
        if settings[stream].size == 128:
            settings[stream].size = 32
    return cfg


def training_sample(cfg, epoch=0):
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, seed=0))
    dataset.set_epoch(epoch)
    return dataset[0]


@pytest.mark.parametrize('name', ['coclr_s3d_ucf101_flow', 's3d_ucf101_flow-low_moco'])
def test_stored_flow_is_what_is_computed_up_to_a_sixteenth(name, monkeypatch):
    stored = training_sample(load(name))['inputs']
    monkeypatch.setenv('SSVRL_FLOW', 'tvl1')
    computed = training_sample(load(name))['inputs']
    assert set(stored) == set(computed) == {'flow', *(() if 'moco' in name else ('rgb',))}
    cells = 16 if '-low' in name else 32
    assert stored['flow'].shape == computed['flow'].shape == (2, 2, 8, cells, cells)
    # A crop of a fifth of the frame makes what moves in it larger by so much, in px.
    largest = 32 / np.sqrt(0.2 * 3 / 4 * SIZE[0] * SIZE[1])
    differences = (stored['flow'].float() - computed['flow'].float()).abs()
    assert 0 < differences.max() <= max(1, largest) / 16 + 0.01
    assert all(torch.equal(stored[key], computed[key]) for key in stored if key != 'flow')


def whole_frames(name):
    """The flow (2, T, h, w) of frames of a video, neither cropped nor scaled."""
    dataset = dict(load(name).train_dataloader.dataset)
    [sampling, decode, pack] = (
        dict(type='SampleClips', clip_len=8, num_clips=1, test_mode=True),
        dict(type='DecodeCompressedVideo'),
        dict(type='PackSSLInputs'),
    )
    dataset['pipeline'] = [dict(type='OpenCompressedVideo'), sampling, decode, pack]
    return DATASETS.build(dataset)[0]['inputs']['flow'][0].float().numpy()


def test_low_flow_is_the_mean_of_blocks_of_the_dense_one(monkeypatch):
    monkeypatch.setenv('SSVRL_FLOW', 'dis')
    dense, low = (whole_frames(f's3d_ucf101_{name}_moco') for name in ('flow', 'flow-low'))
    blocks = dense.reshape(2, 8, SIZE[0] // 2, 2, SIZE[1] // 2, 2).mean(axis=(3, 5))
    assert low.shape == blocks.shape and low[:, 4].std() > 0
    np.testing.assert_allclose(low, blocks, atol=0.01)


@pytest.mark.parametrize('name, is_low', [('flow', False), ('flow-low', True)])
def test_networks_see_low_flow_as_blocks_of_2_x_2(name, is_low):
    cfg = load(f's3d_ucf101_{name}_moco')
    preprocess = MODELS.build(cfg.model.data_preprocessor)
    for split in ('train', 'test'):
        videos = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        flow = preprocess(pseudo_collate([videos[0]]))['inputs']['flow']
        assert flow.shape[-2:] == (32, 32) and flow.abs().max() <= 1
        places = [(0, 1), (1, 0), (1, 1)]
        alike = [torch.equal(flow[..., ::2, ::2], flow[..., y::2, x::2]) for y, x in places]
        assert alike == [is_low] * 3


def test_flow_is_cut_off_and_scaled_like_motion_vectors():
    cfg = load('s3d_ucf101_flow')
    assert cfg.model.data_preprocessor.flow == cfg.model.data_preprocessor.motion
    sample = training_sample(cfg)
    found = MODELS.build(cfg.model.data_preprocessor)(pseudo_collate([sample]))['inputs']['flow']
    expected = np.clip(sample['inputs']['flow'].float().numpy(), -20, 20) / 20
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize('name', FLOW)
def test_missing_flow_is_told_with_the_command_that_makes_it(name, root, tmp_path, monkeypatch):
    (tmp_path / 'ucf101').mkdir()
    for kept in ('videos', 'train_list.txt', 'test_list.txt'):
        (tmp_path / 'ucf101' / kept).symlink_to(root / 'ucf101' / kept)
    monkeypatch.setenv('SSVRL_DATA', str(tmp_path))
    cell, folder = (2, 'tvl1_low') if '-low' in name else (1, 'tvl1')
    command = f'extract_flow.py .*/videos --out .*/{folder} --method tvl1 --scale 1 --cell {cell} '
    for split in ('train', 'test'):
        with pytest.raises(FlowFileError, match=command):
            DATASETS.build(load(name)[f'{split}_dataloader'].dataset)


@pytest.mark.parametrize('name, steps', [('mv-coviar', 3), ('mv-coviar-per-frame', 1)])
def test_motion_of_re_encoded_videos(name, steps, root):
    dataset = dict(load(f's3d_ucf101_{name}_moco').train_dataloader.dataset)
    dataset['pipeline'] = [dict(type='OpenCompressedVideo'), lambda results: results]
    results = DATASETS.build(dataset).pipeline(
        dict(filename=str(root / 'ucf101' / 'gop12' / NAME.format(0)), data_root='', video_root='')
    )
    with results['video_reader'] as reader:
        assert reader.metadata.codec == 'mpeg4' and reader.metadata.keyframes == (0,)
        motion = reader.get_frames_at([3], ('motion',)).motion[0]
        found = np.median(motion[:, 1:3], axis=(0, 1))
    # Since the I-frame, or since the frame before.
    np.testing.assert_allclose(found, steps * np.array(VELOCITY), atol=0.3 * steps)


def test_a_run_trains_on_stored_flow(root, tmp_path):
    cfg = load('s3d_ucf101_flow')
    for backbone in cfg.model.backbones.values():
        backbone.update(width=0.125, spatial_strides=(2, 1, 2, 2, 1))
    cfg.model.head.projector.update(in_channels=128, hidden_channels=16, out_channels=8)
    cfg.model.head.queue_length = 4
    cfg.model.stages = [(0, 'init'), (1, 'cross')]
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(max_epochs=2)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.work_dir = str(tmp_path)
    runner = Runner.from_cfg(cfg)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    changed = {
        name.partition('.')[0]
        for name, value in runner.model.state_dict().items()
        if name.endswith('.weight') and not torch.equal(value, before[name])
    }
    assert changed >= {'backbone_rgb', 'backbone_flow', 'head'}
    history = runner.message_hub.log_scalars
    for stream in ('rgb', 'flow'):
        losses, _ = history[f'train/loss_{stream}'].data
        assert len(losses) == 2 and np.isfinite(losses).all()
