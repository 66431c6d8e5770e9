"""The configs of CoViAR: numbers of the released code, pipelines, starting weights."""

import math
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper

from ssvrl_mm.registry import DATASETS, METRICS, MODELS
from tests.test_imrnet_configs import (  # noqa: F401 - our_scope and root are fixtures
    COVIAR,
    SIZE,
    load,
    name_of,
    our_scope,
    rates,
    root,
    steps_of,
)

SUPERVISED = sorted(COVIAR.glob('*_supervised.py'))
BENCHMARKS = sorted(COVIAR.glob('benchmarks/*.py'))
# Rate, epochs, falls to a tenth, batch.
RELEASED = {
    ('iframe', 'ucf101'): (3e-4, 510, [150, 270, 390], 80),
    ('motion', 'ucf101'): (1e-2, 510, [150, 270, 390], 80),
    ('residual', 'ucf101'): (5e-3, 510, [150, 270, 390], 80),
    ('iframe', 'hmdb51'): (3e-4, 220, [55, 110, 165], 40),
    ('motion', 'hmdb51'): (5e-3, 360, [120, 200, 280], 80),
    ('residual', 'hmdb51'): (1e-3, 300, [120, 180, 240], 80),
}
# Flow is trained as motion vectors are: of it there is nothing released.
RELEASED |= {('flow', d): RELEASED['motion', d] for d in ('ucf101', 'hmdb51')}
CHANNELS = dict(iframe=3, motion=2, residual=3, flow=2)
STARTS = ('scratch', 'imagenet', 'k400', 'finetune')


def parts_of(path):
    """Stream, dataset and start in the name of a benchmark."""
    return re.fullmatch('coviar_([a-z]+)_([a-z0-9]+)_([a-z0-9]+)', path.stem).groups()


def test_there_is_one_of_each():
    expected = {(s, d, start) for s, d in RELEASED for start in STARTS if s != 'flow'}
    expected |= {('flow', d, 'imagenet') for d in ('ucf101', 'hmdb51')}
    assert {parts_of(path) for path in BENCHMARKS} == expected


@pytest.mark.parametrize('path', BENCHMARKS, ids=name_of)
def test_numbers_of_the_released_code(path, monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_PRETRAINED'):
        monkeypatch.delenv(variable, raising=False)
    (stream, data, start), cfg = parts_of(path), Config.fromfile(path)
    lr, epochs, falls, batch = RELEASED[stream, data]
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=lr, weight_decay=1e-4, eps=1e-3)
    assert cfg.train_cfg.max_epochs == epochs
    assert rates(cfg, 1) == pytest.approx(
        [lr * 0.1 ** sum(epoch >= fall for fall in falls) for epoch in range(epochs)]
    )
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    assert cfg.model.cls_head.num_classes == dict(ucf101=101, hmdb51=51)[data]
    backbone = cfg.model.backbone
    depth = 152 if stream == 'iframe' else 18
    assert (backbone.depth, backbone.in_channels) == (depth, CHANNELS[stream])
    assert backbone.get('input_norm', False) is (stream != 'iframe')
    assert cfg.model.data_preprocessor.stream == stream
    for split, segments in (('train', 3), ('val', 3), ('test', 25)):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert (dataset.streams, dataset.data_root) == ((stream,), f'data/{data}')
        assert dataset.data_prefix.video == 'gop12' and dataset.reader_options.accumulate
        steps = steps_of(cfg, split)
        assert (steps['SampleSegments'].num_segments, steps['SampleSegments'].gop_size) == (
            segments,
            12,
        )
        assert ('ClipTenCrop' in steps) is (split == 'test')
    scales = (1.0, 0.875, 0.75, *([0.66] if stream == 'iframe' else []))
    assert tuple(steps_of(cfg)['ClipMultiScaleCrop'].scales) == scales
    pretrained, checkpoint = backbone.pretrained, backbone.get('init_cfg')
    if start == 'imagenet':
        assert pretrained == f'torchvision://resnet{depth}'
    else:
        assert pretrained is None
    runs = dict(
        k400=(f'coviar_{stream}_k400_supervised', 'backbone.'),
        finetune=('coviar_k400_ctp', f'backbone.networks.{stream}.'),
    )
    if start in runs:
        run, prefix = runs[start]
        assert checkpoint.checkpoint == f'work_dirs/coviar/{run}/epoch_20.pth'
        assert (checkpoint.type, checkpoint.prefix) == ('PretrainedBackbone', prefix)
    else:
        assert checkpoint is None


@pytest.mark.parametrize('path', SUPERVISED, ids=name_of)
def test_supervised_pretraining(path):
    cfg = Config.fromfile(path)
    stream = path.stem.split('_')[1]
    assert (cfg.train_cfg.max_epochs, cfg.model.cls_head.num_classes) == (20, 400)
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (25, 100)
    optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper == dict(type='OptimWrapper', optimizer=optimizer)
    assert cfg.model.backbone.pretrained is None
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.streams == (stream,)
    assert cfg.test_dataloader.dataset.ann_file == 'val_list.txt'


@pytest.mark.parametrize(
    'start, multipliers',
    [('imagenet', (0.1, 0.01, 1)), ('k400', (0.1, 0.01, 1)), ('scratch', (1, 1, 1))],
)
@pytest.mark.parametrize('stream', ['iframe', 'motion'])
def test_layers_learn_at_rates_of_their_own(stream, start, multipliers):
    cfg = Config.fromfile(COVIAR / f'benchmarks/coviar_{stream}_ucf101_{start}.py')
    if stream == 'iframe':
        multipliers = (multipliers[1], *multipliers[1:])
        cfg.model.backbone.depth, cfg.model.cls_head.in_channels = 18, 512
    cfg.model.backbone.update(pretrained=None, init_cfg=None)
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    found = {id(p): group['lr'] for group in optimizer.param_groups for p in group['params']}
    lr = cfg.optim_wrapper.optimizer.lr
    for name, parameter in model.named_parameters():
        kind = 2 if 'cls_head' in name else 1
        if name.startswith(('backbone.conv1', 'backbone.input_norm')):
            kind = 0
        assert found[id(parameter)] == pytest.approx(lr * multipliers[kind]), name


@pytest.mark.parametrize('stream', ['iframe', 'motion', 'residual', 'flow'])
def test_each_network_trains_and_tests(stream, root, tmp_path, monkeypatch):  # noqa: F811
    start = 'imagenet' if stream == 'flow' else 'finetune'
    monkeypatch.setenv('SSVRL_PRETRAINED', str(tmp_path / 'pretext.pth'))
    cfg = load(COVIAR / f'benchmarks/coviar_{stream}_ucf101_{start}.py', root, monkeypatch)
    cfg.model.backbone.pretrained = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    if start == 'finetune':
        weights = {
            n: w + 0.01 for n, w in model.backbone.state_dict().items() if w.is_floating_point()
        }
        saved = {f'backbone.networks.{stream}.{name}': w for name, w in weights.items()}
        # A pretext task saves all three networks, and its head.
        saved['backbone.networks.other.weight'] = saved['heads.ctp.weight'] = torch.ones(1)
        torch.save(dict(state_dict=saved), tmp_path / 'pretext.pth')
        model.init_weights()
        for name, weight in weights.items():
            assert torch.equal(model.backbone.state_dict()[name], weight)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    data = model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), True)
    # Videos, segments, channels.
    assert tuple(data['inputs'].shape) == (2, 3, CHANNELS[stream], SIZE, SIZE)
    loss, log = model.train().parse_losses(model(**data, mode='loss'))
    loss.backward()
    # Scores of six frames through an untrained network spread by themselves.
    assert log['loss_cls'].item() == pytest.approx(math.log(101), rel=0.3)
    assert all(p.grad is not None for p in model.parameters())
    if stream == 'flow':
        return  # its test differs in nothing
    steps_of(cfg, 'test')['SampleSegments'].num_segments = 2
    [sample] = DATASETS.build(cfg.test_dataloader.dataset)
    assert len(sample['inputs'][stream]) == 2 * 10
    [result] = model.eval().test_step(pseudo_collate([sample]))
    assert result.pred_score.sum().item() == pytest.approx(1, abs=1e-4)
    metric = METRICS.build(cfg.test_evaluator)
    metric.process(None, [result.to_dict()])
    assert 'acc/top1' in metric.evaluate(1)


def test_a_pretext_task_saves_what_each_network_starts_from():
    with torch.device('meta'):
        pretrained = MODELS.build(dict(type='CoViAR'))
        for stream in ('iframe', 'motion', 'residual'):
            cfg = Config.fromfile(COVIAR / f'benchmarks/coviar_{stream}_ucf101_finetune.py')
            network = MODELS.build(dict(cfg.model.backbone, init_cfg=None))
            prefix = cfg.model.backbone.init_cfg.prefix.removeprefix('backbone.')
            part = {n: w.shape for n, w in pretrained.state_dict().items() if n.startswith(prefix)}
            own = {prefix + name: w.shape for name, w in network.state_dict().items()}
            assert part == own
            assert network.feat_dim == cfg.model.cls_head.in_channels
