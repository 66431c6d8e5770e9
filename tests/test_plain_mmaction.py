"""Heads of two streams in a project of mmaction2's own: its recognizer, dataset and tool."""

import pytest
import torch

from tests.clips import encode, translating
from tests.interpreter import run_mmactions_tool

CONFIG = """
_base_ = ['mmaction::_base_/default_runtime.py']
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(type='ssvrl_mm.StackedStreamsPreprocessor', streams=('rgb', 'motion')),
    backbone=dict(
        type='ssvrl_mm.StackedStreamsBackbone',
        backbones=dict(
            rgb=dict(type='S3D', in_channels=3, width=0.0625),
            motion=dict(type='ResNet3d', depth=18, in_channels=2, base_channels=8,
                pretrained=None, pretrained2d=False, conv1_kernel=(3, 3, 3))),
        channels=dict(rgb=3, motion=2)),
    cls_head=dict(
        type='ssvrl_mm.MVCGCHead',
        projector=dict(
            rgb=dict(type='ProjectionHead', in_channels=64, hidden_channels=16, out_channels=8),
            motion=dict(type='ProjectionHead', in_channels=64, hidden_channels=16, out_channels=8)),
        criterion=dict(type='InfoNCELoss', temperature=0.07),
        queue_length=4, k=2, stage={stage!r}))
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='VideoDataset', ann_file='list.txt', data_prefix=dict(video='.'),
        pipeline=[
            dict(type='ssvrl_mm.OpenCompressedVideo'),
            dict(type='ssvrl_mm.SampleClips', clip_len=8, num_clips=2),
            dict(type='ssvrl_mm.ClipRandomResizedCrop', size=32),
            dict(type='ssvrl_mm.ClipFlip'),
            dict(type='ssvrl_mm.DecodeCompressedVideo'),
            dict(type='ssvrl_mm.PackSSLInputs')]))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
load_from = {load_from!r}
"""


@pytest.fixture
def project(tmp_path):
    for number in range(4):
        encode(tmp_path / f'{number}.mp4', translating(20, 2 - number, 1, height=48, width=64))
    (tmp_path / 'list.txt').write_text(''.join(f'{n}.mp4 0\n' for n in range(4)))
    return tmp_path


def train(project, repository, stage, load_from=None):
    """One run by mmaction2's tool; the weights that it leaves."""
    (project / f'{stage}.py').write_text(CONFIG.format(stage=stage, load_from=load_from))
    arguments = ['train.py', f'{stage}.py', '--no-validate', '--seed', '0', '--work-dir', stage]
    run_mmactions_tool(arguments, project, [repository])
    return torch.load(project / stage / 'epoch_2.pth', weights_only=False)['state_dict']


def test_mvcgc_one_stage_per_run(project, repository):
    alone = train(project, repository, 'init')
    guided = train(project, repository, 'cross', load_from='init/epoch_2.pth')
    assert alone.keys() == guided.keys()
    # The queue came along, so that the second stage found it full and mined from the start.
    assert int(alone['cls_head.queue.fill']) == int(guided['cls_head.queue.fill']) == 4
    steps = [int(w['cls_head.key_projector.rgb.step']) for w in (alone, guided)]
    assert steps == [4, 8]
    for stream in ('rgb', 'motion'):
        prefix = f'backbone.backbone_{stream}.'
        weights = [n for n in alone if n.startswith(prefix) and alone[n].is_floating_point()]
        moved = [n for n in weights if not torch.equal(alone[n], guided[n])]
        assert weights and len(moved) == len(weights), prefix
        assert all(guided[n].isfinite().all() for n in weights)
