"""The configs that finetune networks of segment order and VCOP, and ask what they learned."""

import math
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ssvrl_mm.apis import init_model
from ssvrl_mm.registry import DATASETS, HOOKS, METRICS, MODELS
from tests.clips import encode, translating
from tests.test_downstream import save_pretrained

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
FOLDERS = [CONFIGS / method / 'benchmarks' for method in ('segment_order', 'vcop')]
CLASSIFIERS = sorted(
    path
    for folder in FOLDERS
    for path in folder.glob('*.py')
    if '_finetune' in path.stem or '_scratch' in path.stem
)
SIZES = dict(
    r3d10=('32x112', '64x112', '16x152', '16x224'),
    s3dg=('32x112', '64x112', '16x152', '16x224', '64x152'),
)
CUT_FROM = {112: (128, 171), 152: (174, 232), 224: (256, 342)}
SPLITS = ('train', 'val', 'test')


def name_of(path):
    return path.stem


@pytest.fixture(autouse=True)
def our_scope(monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_PRETRAINED', 'SSVRL_TEST_PROTOCOL'):
        monkeypatch.delenv(variable, raising=False)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def steps_of(cfg, split):
    return {step.type: step for step in cfg[f'{split}_dataloader'].dataset.pipeline}


def parts_of(path):
    """Method, network, dataset, protocol and size in the name of a config."""
    found = re.fullmatch(
        r'(segment_order|vcop)_(\w+)_rgb_(ucf101|hmdb51)_(finetune|scratch)(?:_(\d+)x(\d+))?',
        path.stem,
    )
    *names, frames, size = found.groups()
    return *names, int(frames or 16), int(size or 112)


def test_a_config_for_every_row():
    """Tables II, IX and X of segment order; VCOP's rows in them."""
    rows = [('vcop', network, 'finetune') for network in ('c3d', 'r3d10', 'r2plus1d10')]
    rows += [('segment_order', n, 'scratch') for n in ('c3d', 'r3d10', 'r2plus1d10')]
    rows += [('segment_order', n, 'finetune') for n in ('c3d', 'r3d10', 'r2plus1d10', 's3dg')]
    rows += [('segment_order', n, f'finetune_{s}') for n, sizes in SIZES.items() for s in sizes]
    assert {path.stem for path in CLASSIFIERS} == {
        f'{method}_{network}_rgb_{data}_{protocol}'
        for method, network, protocol in rows
        for data in ('ucf101', 'hmdb51')
    }


@pytest.mark.parametrize('path', CLASSIFIERS, ids=name_of)
def test_numbers(path):
    """Of the paper, Sec. IV-E, and where it says nothing of VCOP's code."""
    cfg = Config.fromfile(path)
    method, network, data, protocol, frames, size = parts_of(path)
    assert (cfg.train_cfg.max_epochs, cfg.get('param_scheduler')) == (150, None)
    optimizer = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.optimizer == optimizer
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 8
    keeps = cfg.default_hooks.checkpoint
    assert (keeps.save_best, keeps.rule) == ('acc/loss', 'less')
    head = cfg.model.cls_head
    assert head.num_classes == dict(ucf101=101, hmdb51=51)[data]
    assert (head.in_channels, head.dropout_ratio) == (1024 if network == 's3dg' else 512, 0)
    # The pretrained network, as its config has it.
    stem = path.stem.split('_rgb_')[0] + '_ucf101'
    suffix = '' if (frames, size) == (16, 112) else f'_{frames}x{size}'
    trained = Config.fromfile(CONFIGS / method / f'{stem}{suffix}.py')
    start = cfg.model.backbone.pop('init_cfg')
    assert cfg.model.backbone == trained.model.backbones.rgb
    if protocol == 'scratch':
        assert start is None
    else:
        assert start.checkpoint == f'work_dirs/{method}/{stem}{suffix}/epoch_300.pth'
        assert start.prefix == 'backbone_rgb.'
    # Augmented as in pretraining.
    settings = {k: v for k, v in cfg.model.data_preprocessor.items() if k not in ('type', 'stream')}
    # Which labels stay on the host is a matter of the task.
    of_training = trained.model.data_preprocessor.items()
    assert settings == {k: v for k, v in of_training if k not in ('type', 'host_fields')}
    train, val, test = (steps_of(cfg, split) for split in SPLITS)
    assert ('ClipFlip' in train) is (method == 'segment_order')
    clip = dict(type='SampleClips', clip_len=frames)
    assert train['SampleClips'] == dict(clip, num_clips=1)
    assert val['SampleClips'] == dict(clip, num_clips=1, test_mode=True)
    assert test['SampleClips'] == dict(clip, num_clips=10, test_mode=True)
    for steps in (train, val, test):
        crop = steps['ClipRandomCrop' if steps is train else 'ClipCenterCrop']
        assert (crop.size, tuple(steps['ClipResize'].size)) == (size, CUT_FROM[size])
    for split in SPLITS:
        assert cfg[f'{split}_dataloader'].dataset.data_root == f'data/{data}'
    parts = [cfg[f'{split}_dataloader'].dataset.get('held_out') for split in SPLITS]
    assert parts == [False, True, None]


@pytest.mark.parametrize('protocol, places', [('ten_crops', None), ('three_crops', 1)])
def test_other_protocols_of_tests(protocol, places, monkeypatch):
    monkeypatch.setenv('SSVRL_TEST_PROTOCOL', protocol)
    name = 'segment_order_r3d10_rgb_ucf101_finetune_32x112.py'
    steps = steps_of(Config.fromfile(FOLDERS[0] / name), 'test')
    sample = steps['SampleClips']
    if protocol == 'ten_crops':
        # A window moves by half of what it shows.
        assert (sample.stride, steps['ClipTenCrop'].size) == (16, 112)
    else:
        assert (sample.num_clips, steps['ClipThreeCrop'].size) == (1, 112)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos, of which one is held out, and a test video."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101/videos').mkdir(parents=True)
    names = [f'v_Toy_g{number:02d}_c01.mp4' for number in range(3)]
    for number, name in enumerate(names):
        frames = translating(40, 2 - number, 1, height=40, width=48, seed=number)
        encode(root / 'ucf101/videos' / name, frames)
    (root / 'ucf101/train_list.txt').write_text(f'{names[0]} 0\n{names[1]} 1\n')
    (root / 'ucf101/test_list.txt').write_text(f'{names[2]} 0\n')
    return root


def shrink(pipelines):
    for pipeline in pipelines:
        for step in pipeline:
            if 'size' in step:
                step.size = 32 if 'Crop' in step.type else (36, 44)


def test_trains_from_pretrained_weights_and_tests(root, tmp_path, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    cfg = Config.fromfile(FOLDERS[0] / 'segment_order_r2plus1d10_rgb_ucf101_finetune.py')
    cfg.model.backbone.width = 0.125
    cfg.model.cls_head.in_channels = 64
    shrink(cfg[f'{split}_dataloader'].dataset.pipeline for split in SPLITS)
    parts = save_pretrained(cfg, tmp_path / 'pretrained.pth')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in (*cfg.custom_hooks, *cfg.default_hooks.values()):
        HOOKS.build(hook)
    for key, value in parts['backbone_rgb.'].state_dict().items():
        assert torch.equal(model.backbone.state_dict()[key], value)
    train, val, test = (DATASETS.build(cfg[f'{s}_dataloader'].dataset) for s in SPLITS)
    assert [len(train), len(val), len(test)] == [1, 1, 1]
    assert train[0]['data_samples'].gt_label != val[0]['data_samples'].gt_label
    data = model.data_preprocessor(pseudo_collate([train[0], train[0]]), True)
    model.train()
    loss, log = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    assert log['loss_cls'].item() == pytest.approx(math.log(101), rel=0.2)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert test[0]['inputs']['rgb'].shape == (10, 3, 16, 32, 32)
    [result] = model.eval().test_step(pseudo_collate([test[0]]))
    metric = METRICS.build(cfg.test_evaluator)
    metric.process(None, [result.to_dict()])
    # What the best checkpoint is chosen by.
    assert set(metric.evaluate(1)) >= {'acc/top1', cfg.default_hooks.checkpoint.save_best}


def test_features_of_a_finetuned_network(tmp_path, monkeypatch):
    """Figure 4(c): a recognizer with the backbone of a classifier's checkpoint."""
    folder = FOLDERS[0]
    trained = Config.fromfile(folder / 'segment_order_r2plus1d10_rgb_ucf101_finetune.py').model
    trained.backbone.update(width=0.125, init_cfg=None)
    trained.cls_head.in_channels = 64
    backbone = MODELS.build(trained)
    torch.save(dict(state_dict=backbone.state_dict(), meta={}), tmp_path / 'best.pth')
    monkeypatch.setenv('SSVRL_PRETRAINED', str(tmp_path / 'best.pth'))
    cfg = Config.fromfile(folder / 'segment_order_r2plus1d10_rgb_retrieval_ucf101_supervised.py')
    cfg.model.backbones.rgb.width = 0.125
    cfg.model.order.in_channels = cfg.model.rate.in_channels = 64
    cfg.model.head.projector.in_channels = 64
    model, _ = init_model(cfg, None, 'cpu')
    weights = model.backbone_rgb.state_dict()
    for name, value in backbone.backbone.state_dict().items():
        assert torch.equal(weights[name], value)


ASKED = {
    'pretext': {'pretext/order', 'rates/mse', 'retrieval/vcop/rgb_R@1'},
    'pretext_order': {'pretext/order', 'retrieval/vcop/rgb_R@1'},
    'pretext_rate': {'rates/mse', 'retrieval/vcop/rgb_R@1'},
}


@pytest.mark.parametrize('name', ASKED)
def test_videos_are_asked_for_order_and_rates(name, root, monkeypatch):
    """Tables III, IV and VII, beside the retrieval of the same pass."""
    monkeypatch.setenv('SSVRL_DATA', str(root))
    cfg = Config.fromfile(FOLDERS[0] / f'segment_order_r2plus1d10_ucf101_{name}.py')
    model_cfg = cfg.model
    model_cfg.backbones.rgb.width = 0.125
    for part in ('order', 'rate'):
        if model_cfg.get(part):
            model_cfg[part].in_channels = 64
    if model_cfg.get('head'):
        model_cfg.head.projector.in_channels = 64
    shrink([cfg.test_dataloader.dataset.pipeline])
    model = MODELS.build(model_cfg).eval()
    evaluator = Evaluator(cfg.test_evaluator)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator.dataset_meta = dataset.metainfo
    assert dataset[0]['inputs']['rgb'].shape == (1 + 10, 3, 16, 32, 32)
    for sample in dataset:
        evaluator.process(model.test_step(pseudo_collate([sample])))
    found = evaluator.evaluate(len(dataset))
    assert set(found) >= ASKED[name]
    assert ('pretext/order' in found) is ('pretext/order' in ASKED[name])
    assert ('rates/mse' in found) is ('rates/mse' in ASKED[name])
