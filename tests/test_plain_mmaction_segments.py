"""Order and rates of segments in a project of mmaction2's own: its dataset, network and tool."""

import json

import pytest
import torch

from tests.clips import encode, translating
from tests.interpreter import run_mmactions_tool

CONFIG = """
_base_ = ['mmaction::_base_/default_runtime.py']
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(type='ActionDataPreprocessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], format_shape='NCTHW'),
    backbone=dict(type='ResNet3d', depth=18, base_channels=4, pretrained=None, pretrained2d=False,
        conv1_kernel=(3, 3, 3), conv1_stride_t=1, pool1_stride_t=1),
    cls_head=dict(
        type='ssvrl_mm.MultiTaskHead',
        heads=dict(
            order=dict(type='SegmentOrderHead', in_channels=32, num_segments=3),
            rate=dict(type='SamplingRateHead', in_channels=32, num_segments=3, max_rate=4))))
labels = ('segment_order', 'segment_lengths', 'sampling_rates')
segments = dict(type='ssvrl_mm.SampleShuffledSegments', clip_len=12, num_segments=3, max_rate=4)
shape = [
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=labels, meta_keys=('filename',))]
videos = dict(type='VideoDataset', ann_file='list.txt', data_prefix=dict(video='.'))
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(videos, pipeline=[dict(type='DecordInit'), segments, *shape]))
val_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(videos, test_mode=True,
        pipeline=[dict(type='DecordInit'), dict(segments, test_mode=True), *shape]))
val_evaluator = [dict(type='ssvrl_mm.PretextAccuracy'), dict(type='ssvrl_mm.SamplingRateError')]
# mmaction2's runtime says 'auto', which knows no other names than its own.
default_hooks = dict(checkpoint=dict(save_best='pretext/order', rule='greater'))
val_cfg = dict(type='ValLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
"""


def test_order_and_rate_train_and_are_evaluated(tmp_path, repository):
    pytest.importorskip('decord')  # which mmaction2's pipelines read videos by
    for number in range(6):
        encode(tmp_path / f'{number}.mp4', translating(60, 2 - number, 1, height=32, width=32))
    (tmp_path / 'list.txt').write_text(''.join(f'{n}.mp4 0\n' for n in range(6)))
    (tmp_path / 'config.py').write_text(CONFIG)
    arguments = ['train.py', 'config.py', '--seed', '0', '--work-dir', 'run']
    run_mmactions_tool(arguments, tmp_path, [repository])

    weights = torch.load(tmp_path / 'run' / 'epoch_2.pth', weights_only=False)['state_dict']
    assert weights['cls_head.heads.order.mlp.fc2.weight'].shape == (6, 512)
    assert weights['cls_head.heads.rate.mlp.fc1.weight'].shape == (3, 32)
    before = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=False)['state_dict']
    trained = [name for name in weights if 'fc' in name or name.endswith('conv.weight')]
    assert all(weights[name].isfinite().all() for name in trained)
    assert all(not torch.equal(weights[name], before[name]) for name in trained)

    (scalars,) = tmp_path.glob('run/*/vis_data/scalars.json')
    logged = [json.loads(line) for line in scalars.read_text().splitlines()]
    found = {name: value for line in logged for name, value in line.items()}
    assert found['pretext/order'] in [pytest.approx(n / 6) for n in range(7)]
    assert found['pretext/order_chance'] == pytest.approx(1 / 6)
    assert 1 <= found['rates/mean'] <= 4 and found['rates/num_videos'] == 6
    assert found['rates/mse'] >= found['rates/mae'] ** 2 > 0
    assert list(tmp_path.glob('run/best_pretext_order_epoch_*.pth'))
