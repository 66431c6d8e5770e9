"""Configs of trainings that take milliseconds a step."""

import time

import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import nn

from tests.test_models.tiny import info_nce, projector

HERE = 'tests.test_train_benchmark.configs'


def pipeline(num_clips=2, size=16):
    """Clips of four frames."""
    return [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=4, num_clips=num_clips),
        dict(type='ClipRandomResizedCrop', size=size),
        dict(type='DecodeCompressedVideo'),
        dict(type='PackSSLInputs'),
    ]


def config(model, batch_size=3, **kwargs):
    """A training of a model on videos that are not there."""
    return Config(
        dict(
            default_scope='ssvrl_mm',
            model=model,
            train_dataloader=dict(
                batch_size=batch_size,
                num_workers=2,
                persistent_workers=True,
                drop_last=True,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(
                    type='CompressedVideoDataset',
                    data_root='nowhere',
                    ann_file='list.txt',
                    streams=('rgb', 'motion'),
                    reader_options=dict(motion='codec'),
                    pipeline=pipeline(),
                ),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-2)),
            param_scheduler=[dict(type='MultiStepLR', milestones=[2])],
            default_hooks=dict(iteration_seed=dict(type='IterationSeedHook')),
            randomness=dict(seed=0),
            **kwargs,
        )
    )


def mvcgc(**kwargs):
    """MVCGC with backbones of one convolution: stage 2 from epoch 3 on."""
    return config(
        dict(
            type='ContrastiveRecognizer',
            backbones=dict(
                rgb=dict(type='tests.test_models.tiny.TinyBackbone', in_channels=3),
                motion=dict(type='tests.test_models.tiny.TinyBackbone', in_channels=2),
            ),
            head=dict(
                type='MVCGCHead',
                projector=projector(),
                criterion=info_nce(),
                queue_length=16,
                momentum=0.9,
                k=8,
                mining='union',
            ),
            stages=[(0, 'init'), (3, 'cross')],
            data_preprocessor=dict(
                type='SSLDataPreprocessor', augment=dict(color_jitter=dict(brightness=0.4, p=0.8))
            ),
        ),
        **kwargs,
    )


class SlowPreprocessor(BaseDataPreprocessor):
    """Takes 20 ms."""

    def forward(self, data, training=False):
        time.sleep(0.02)
        return super().forward(data, training)


class SlowGradient(torch.autograd.Function):
    """Takes 40 ms backward."""

    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        time.sleep(0.04)
        return gradient


class SlowSGD(torch.optim.SGD):
    """Takes 50 ms."""

    def step(self, closure=None):
        time.sleep(0.05)
        return super().step(closure)


class Slow(BaseModel):
    """Takes known times, and no streams."""

    def __init__(self):
        super().__init__(SlowPreprocessor())
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        time.sleep(0.03)
        return {'loss': SlowGradient.apply(self.layer(torch.stack(list(inputs)))).mean()}


class SlowDataset(torch.utils.data.Dataset):
    """Six vectors that take 5 ms each."""

    metainfo: dict = {}

    def __len__(self):
        return 6

    def __getitem__(self, index):
        time.sleep(0.005)
        return dict(inputs=torch.full((1, 4), float(index))[0])


def slow(batch_size=2, **kwargs):
    """The training that takes known times."""
    return Config(
        dict(
            model=dict(type=f'{HERE}.Slow'),
            train_dataloader=dict(
                batch_size=batch_size,
                dataset=dict(type=f'{HERE}.SlowDataset'),
                sampler=dict(type='DefaultSampler', shuffle=False),
                **kwargs,
            ),
            optim_wrapper=dict(optimizer=dict(type=f'{HERE}.SlowSGD', lr=0.1)),
        )
    )
