"""MSCL's configs that finetune and probe: the protocols they refer to, pipelines, weights."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import DATASETS, HOOKS, METRICS, MODELS
from tests.clips import encode, translating
from tests.test_downstream import RUN, flat, save_pretrained

BENCHMARKS = Path(__file__).resolve().parents[1] / 'configs/mscl/benchmarks'
CLASSIFIERS = sorted(
    path
    for path in BENCHMARKS.glob('*.py')
    if not any(word in path.stem for word in ('_retrieval_', '_demo_'))
)
FRAMES = 72


def name_of(path):
    return path.stem


@pytest.fixture(autouse=True)
def our_scope(monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_PRETRAINED', 'SSVRL_TEST_PROTOCOL'):
        monkeypatch.delenv(variable, raising=False)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos and a test video."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101' / 'videos').mkdir(parents=True)
    for number in range(3):
        frames = translating(FRAMES, 2 - number, 1, height=40, width=48, seed=number)
        encode(root / 'ucf101' / 'videos' / f'{number}.mp4', frames)
    (root / 'ucf101' / 'train_list.txt').write_text('0.mp4 0\n1.mp4 1\n')
    (root / 'ucf101' / 'test_list.txt').write_text('2.mp4 0\n')
    (root / 'ucf101' / 'val_list.txt').symlink_to('test_list.txt')
    (root / 'sthv2').symlink_to('ucf101')
    return root


def steps_of(cfg, split):
    return {step.type: step for step in cfg[f'{split}_dataloader'].dataset.pipeline}


def settings(name):
    cfg = Config.fromfile(BENCHMARKS / f'{name}.py').to_dict()
    return flat({key: value for key, value in cfg.items() if key in RUN})


def test_a_config_for_every_row():
    """Table 6 with 8 and 16 frames, and from Kinetics-400; Table 7."""
    rows = [
        f'mscl_r3d18_rgb_{data}_{protocol}{row}'
        for data in ('ucf101', 'hmdb51')
        for protocol in ('finetune', 'linear')
        for row in ('', '_8', '_k400')
    ]
    assert {path.stem for path in CLASSIFIERS} == {*rows, 'mscl_r3d18_rgb_sthv2_finetune'}


@pytest.mark.parametrize('path', CLASSIFIERS, ids=name_of)
def test_numbers(path):
    cfg, stem = Config.fromfile(path), path.stem
    data = stem.split('_')[3]
    assert cfg.model.cls_head.num_classes == dict(ucf101=101, hmdb51=51, sthv2=174)[data]
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert (dataset.data_root, tuple(dataset.streams)) == (f'data/{data}', ('rgb',))
    run = 'mscl_r3d18_ucf101/epoch_600.pth'
    if data == 'sthv2' or stem.endswith('_k400'):
        run = 'mscl_r3d18_k400/epoch_200.pth'
    start = cfg.model.backbone.pop('init_cfg')
    assert start.checkpoint == f'work_dirs/mscl/{run}' and start.prefix == 'backbone_rgb.'
    assert cfg.model.backbone == dict(type='VideoResNet', arch='r3d', depth=18)
    assert cfg.train_dataloader.batch_size == 32
    schedule = [cfg.train_cfg.max_epochs, cfg.param_scheduler[0].milestones]
    optimizer = cfg.optim_wrapper.optimizer
    batch = cfg.auto_scale_lr.base_batch_size
    if data == 'sthv2':
        # The released code.
        assert (schedule, batch) == ([22, [14, 18]], 32)
        assert optimizer == dict(type='SGD', lr=0.12, momentum=0.9, weight_decay=1e-6)
        assert cfg.optim_wrapper.clip_grad == dict(max_norm=40, norm_type=2)
        assert cfg.model.cls_head.dropout_ratio == 0.5
        assert cfg.model.data_preprocessor.augment is None
        return
    # CoCLR: command lines of its README, defaults of its options.
    jitter = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.3)
    assert cfg.model.data_preprocessor.augment == dict(color_jitter=jitter)
    assert cfg.param_scheduler[0].gamma == 0.1 and batch == 2 * 32
    if '_linear' in stem:
        assert schedule == [100, [60, 80]] and cfg.model.type == 'LinearProbe'
        assert optimizer == dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-3)
        head = cfg.model.cls_head
        assert (head.feature_norm, head.dropout_ratio) == (('l2', 'batch'), 0)
    else:
        assert schedule == [500, [400, 450]] and cfg.model.cls_head.dropout_ratio == 0.9
        assert optimizer == dict(type='Adam', lr=1e-3, weight_decay=1e-3)
        assert cfg.optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult == 0.1


@pytest.mark.parametrize('path', [p for p in CLASSIFIERS if 'sthv2' not in p.stem], ids=name_of)
def test_clips(path):
    cfg = Config.fromfile(path)
    clip = dict(clip_len=8, frame_interval=8)
    if not path.stem.endswith('_8'):
        clip = dict(clip_len=16, frame_interval=4)
    # Either shows 64 frames.
    assert clip['clip_len'] * clip['frame_interval'] == 64
    train, val, test = (steps_of(cfg, split) for split in ('train', 'val', 'test'))
    assert train['SampleClips'] == dict(type='SampleClips', num_clips=1, **clip)
    assert (train['ClipRandomResizedCrop'].size, train['ClipFlip'].flip_ratio) == (112, 0.5)
    assert val['SampleClips'] == dict(train['SampleClips'], test_mode=True)
    # A window moved by half of what it shows; 224 of 256 px.
    assert test['SampleClips'] == dict(type='SampleClips', test_mode=True, stride=32, **clip)
    assert test['ClipTenCrop'].size / test['ClipResize'].short_side == 224 / 256
    assert cfg.test_dataloader.batch_size == 1


def test_something_something_is_sampled_as_the_released_code_does(monkeypatch):
    path = BENCHMARKS / 'mscl_r3d18_rgb_sthv2_finetune.py'
    cfg = Config.fromfile(path)
    train, val, test = (steps_of(cfg, split) for split in ('train', 'val', 'test'))
    assert train['SampleSparseClips'] == dict(type='SampleSparseClips', clip_len=16)
    crop = train['ClipRandomResizedCrop']
    assert (crop.size, tuple(crop.area_range)) == (112, (0.08, 1.0)) and 'ClipFlip' not in train
    assert test == val
    assert test['SampleSparseClips'] == dict(train['SampleSparseClips'], test_mode=True)
    assert (test['ClipResize'].short_side, test['ClipCenterCrop'].size) == (128, 128)
    monkeypatch.setenv('SSVRL_TEST_PROTOCOL', 'eight_frames')
    cfg = Config.fromfile(path)
    assert steps_of(cfg, 'test')['SampleSparseClips'].clip_len == 8
    assert steps_of(cfg, 'val') == val


@pytest.mark.parametrize('path', [p for p in CLASSIFIERS if '_hmdb51_' in p.stem], ids=name_of)
def test_hmdb51_differs_in_folder_and_classes_alone(path):
    found, other = settings(path.stem), settings(path.stem.replace('hmdb51', 'ucf101'))
    differ = {key: value for key, value in found.items() if value != other[key]}
    assert found.keys() == other.keys()
    assert differ == {
        '.model.cls_head.num_classes': 51,
        **{f'.{split}_dataloader.dataset.data_root': 'data/hmdb51' for split in ROLES},
    }


ROLES = ('train', 'val', 'test')


@pytest.mark.parametrize('name', ['ucf101_finetune', 'ucf101_linear'])
def test_rows_from_kinetics_differ_in_their_weights_alone(name):
    found, other = (settings(f'mscl_r3d18_rgb_{name}{row}') for row in ('_k400', ''))
    assert [key for key in found if found[key] != other[key]] == [
        '.model.backbone.init_cfg.checkpoint'
    ]
    assert found.keys() == other.keys()


def load(name, root, monkeypatch):
    """A config on the small videos, with a narrow network and few pixels; else as it is."""
    monkeypatch.setenv('SSVRL_DATA', str(root))
    cfg = Config.fromfile(BENCHMARKS / f'{name}.py')
    cfg.model.backbone.width = 0.125
    cfg.model.cls_head.in_channels = 64
    for split in ROLES:
        for step in cfg[f'{split}_dataloader'].dataset.pipeline:
            small = dict(size=32, short_side=36)
            step.update({key: value for key, value in small.items() if key in step})
    return cfg


@pytest.mark.parametrize(
    'name, frames, views',
    [
        # Windows from 0, and from 11 so that it reaches the end; corners and centre, mirrored.
        ('ucf101_finetune', 16, 2 * 10),
        ('ucf101_linear_8', 8, 2 * 10),
        ('sthv2_finetune', 16, 1),
    ],
)
def test_trains_from_pretrained_weights_and_tests(name, frames, views, root, tmp_path, monkeypatch):
    cfg = load(f'mscl_r3d18_rgb_{name}', root, monkeypatch)
    parts = save_pretrained(cfg, tmp_path / 'pretrained.pth')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in cfg.custom_hooks:
        HOOKS.build(hook)
    for key, value in parts['backbone_rgb.'].state_dict().items():
        assert torch.equal(model.backbone.state_dict()[key], value)
    train = DATASETS.build(cfg.train_dataloader.dataset)
    data = pseudo_collate([train[0], train[1]])
    assert data['inputs']['rgb'][0].shape == (1, 3, frames, 32, 32)
    model.train()
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    loss, log = model.parse_losses(losses)
    loss.backward()
    classes = cfg.model.cls_head.num_classes
    assert log['loss_cls'].item() == pytest.approx(math.log(classes), rel=0.2)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
    assert (len(trained) == 2) is ('linear' in name)
    [sample] = DATASETS.build(cfg.test_dataloader.dataset)
    assert sample['inputs']['rgb'].shape == (views, 3, frames, 32, 32)
    [result] = model.eval().test_step(pseudo_collate([sample]))
    assert result.pred_score.sum().item() == pytest.approx(1, abs=1e-4)
    metric = METRICS.build(cfg.test_evaluator)
    metric.process(None, [result.to_dict()])
    assert 'acc/top1' in metric.evaluate(1)
