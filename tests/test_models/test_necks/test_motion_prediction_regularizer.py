from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from ssvrl_mm.models.necks import MotionPredictionRegularizer
from tests.clips import encode, translating

from ..tiny import TinyBackbone

SIZE = (2, 2, 2)
PREDICTOR = dict(
    type='TransformerPredictor',
    in_size=SIZE,
    out_size=SIZE,
    channels=8,
    num_heads=2,
    feedforward_channels=16,
    num_encoder_layers=1,
    num_decoder_layers=1,
)
CONTRAST = dict(
    type='PointwiseContrast',
    motion_channels=6,
    hidden_channels=8,
    out_channels=4,
    criterion=dict(type='InfoNCELoss', temperature=0.1),
)


def build(objective=CONTRAST, **kwargs):
    torch.manual_seed(0)
    head = dict(
        type='ssvrl_mm.MotionPredictionHead',
        predictor=dict(PREDICTOR, in_channels=5),
        objective=objective,
        loss_weight=0.2,
    )
    backbone = dict(type=TinyBackbone, in_channels=2)
    return MotionPredictionRegularizer(
        **{**dict(head=head, backbone_motion=backbone, size=None), **kwargs}
    )


def samples(n=3, num_clips=2, size=(4, 4, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(n):
        sample = ActionDataSample()
        motion = 30 * torch.randn(num_clips, 2, *size, generator=generator)
        sample.set_field(motion.half(), 'motion_target')
        made.append(sample)
    return made


def test_features_pass_and_the_head_adds_its_losses():
    neck, maps, videos = build(clip=5.0), torch.randn(3, 5, *SIZE, requires_grad=True), samples()
    others = torch.randn(3, 7, 4, 4, 4)
    torch.manual_seed(1)  # dropout
    passed, losses = neck((others, maps), videos)
    assert passed is maps
    motion = torch.stack([v.motion_target.float().clamp(-5, 5) / 5 for v in videos])
    fields = neck.backbone_motion(motion.flatten(0, 1)).unflatten(0, (3, 2))
    torch.manual_seed(1)
    expected = neck.head.loss({'rgb': maps, 'motion': fields})
    assert losses.keys() == expected.keys() == {'loss_motion', 'top1_motion'}
    torch.testing.assert_close(losses['loss_motion'], expected['loss_motion'])
    losses['loss_motion'].backward()
    assert maps.grad.abs().max() > 0
    assert all(p.grad is not None for p in neck.parameters())

    passed, losses = neck.eval()(maps)
    assert passed is maps and losses == {}


def test_vectors_as_target_need_no_network():
    neck = build(
        dict(type='MotionRegression', target_size=(4, 4, 4)), backbone_motion=None, clip=7.0
    )
    _, losses = neck(torch.zeros(3, 5, *SIZE), samples())
    assert losses['loss_motion'] > 0


@pytest.mark.parametrize('size', [4, np.int64(4)])
def test_motion_is_brought_to_a_size(size):
    neck = build(size=size)
    given = samples(size=(4, 2, 2))
    grown = samples(size=(4, 2, 2))
    for sample in grown:
        motion = sample.motion_target.numpy().repeat(2, axis=3).repeat(2, axis=4)
        sample.set_field(torch.from_numpy(motion), 'motion_target')
    maps = torch.randn(3, 5, *SIZE)
    losses = []
    for videos in (given, grown):
        torch.manual_seed(1)
        losses.append(neck(maps, videos)[1]['loss_motion'].item())
    assert losses[0] == losses[1]


def test_segments_are_averaged_for_a_2d_recognizer():
    maps = torch.randn(3, 5, *SIZE)
    passed, _ = build(pool_time=True)([maps], samples())
    torch.testing.assert_close(passed, maps.mean(2, keepdim=True))


@pytest.mark.parametrize(
    'feats, videos, message',
    [
        (torch.zeros(3, 5, *SIZE), None, 'motion_target'),
        (torch.zeros(3, 5, *SIZE), [ActionDataSample()] * 3, 'motion_target'),
        (torch.zeros(6, 5, *SIZE), samples(), '6 clips of 3 videos'),
        (torch.zeros(3, 5, 2, 2), samples(), 'two or more out_indices'),
    ],
)
def test_unfit_input_is_refused(feats, videos, message):
    with pytest.raises(ValueError, match=message):
        build()(feats, videos)


def test_network_and_objective_fit_each_other():
    with pytest.raises(ValueError, match='backbone_motion is missing'):
        build(backbone_motion=None)
    with pytest.raises(ValueError, match='used by nobody'):
        build(dict(type='MotionRegression', target_size=(4, 4, 4)))


# A project of mmaction2's own: its recognizer, backbone, head, dataset and packing. Recognizer3D is
# regularised in projects/mmaction2_example.
CONFIG = """
_base_ = ['mmaction::_base_/models/tsn_r50.py', 'mmaction::_base_/default_runtime.py']
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)
model = dict(
    backbone=dict(depth=18, pretrained=None, out_indices=(2, 3)),
    cls_head=dict(num_classes=2, in_channels=512),
    neck=dict(
        type='ssvrl_mm.MotionPredictionRegularizer',
        backbone_motion=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2, width=0.125),
        head=dict(
            type='MotionPredictionHead',
            predictor=dict(
                type='TransformerPredictor', in_channels=512, in_size=(4, 1, 1),
                out_size=(1, 2, 2), channels=16, num_heads=2, feedforward_channels=32),
            objective=dict(
                type='PointwiseContrast', motion_channels=64, hidden_channels=16, out_channels=8,
                criterion=dict(type='InfoNCELoss', temperature=0.1)),
            loss_weight=0.2),
        size=32,
        pool_time=True))
videos = dict(
    type='VideoDataset', ann_file={ann_file!r}, data_prefix=dict(video={folder!r}))
train_dataloader = dict(
    batch_size=2, num_workers=0, drop_last=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**videos, pipeline=[
        dict(type='ssvrl_mm.OpenCompressedVideo'),
        dict(type='ssvrl_mm.SampleContextMotion', clip_len=4, frame_interval=2, iframe_window=None),
        dict(type='ssvrl_mm.DecodeCompressedVideo'),
        dict(type='ssvrl_mm.ClipRandomResizedCrop', size=32),
        dict(type='ssvrl_mm.ClipFlip'),
        dict(type='FormatShape', input_format='NCHW'),
        dict(type='ssvrl_mm.PackMotionTarget')]))
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**videos, test_mode=True, pipeline=[
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=1, num_clips=4, test_mode=True),
        dict(type='DecordDecode'), dict(type='Resize', scale=(32, 32), keep_ratio=False),
        dict(type='FormatShape', input_format='NCHW'), dict(type='PackActionInputs')]))
val_evaluator = dict(type='AccMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(checkpoint=None)
"""


def test_a_recognizer_2d_of_mmaction2_is_regularised(tmp_path):
    for number in range(4):
        encode(tmp_path / f'{number}.mp4', translating(30, 2 - number, 1, height=48, width=64))
    (tmp_path / 'list.txt').write_text(''.join(f'{n}.mp4 {n % 2}\n' for n in range(4)))
    path = Path(tmp_path, 'config.py')
    path.write_text(CONFIG.format(ann_file=str(tmp_path / 'list.txt'), folder=str(tmp_path)))
    with DefaultScope.overwrite_default_scope('mmaction'):
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = 'tsn'
        runner = Runner.from_cfg(cfg)
        assert type(runner.model).__module__.startswith('mmaction.')
        before = {n: p.detach().clone() for n, p in runner.model.named_parameters()}
        runner.train()
        assert np.isfinite(runner.message_hub.get_scalar('train/loss_motion').current())
        assert runner.message_hub.get_scalar('train/loss_cls').current() > 0
        assert 'acc/top1' in runner.val()
    moved = {n for n, p in runner.model.named_parameters() if not torch.equal(p, before[n])}
    for part in ('backbone.', 'neck.backbone_motion.', 'neck.head.predictor.', 'cls_head.'):
        assert any(n.startswith(part) for n in moved), part
