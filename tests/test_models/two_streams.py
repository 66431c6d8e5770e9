"""Small contrastive recognizers of RGB and motion, and batches for them."""

import torch

from ssvrl_mm.models.recognizers import ContrastiveRecognizer

from .tiny import CRITERION, TinyBackbone, projector

STREAMS = ('rgb', 'motion')
CHANNELS = dict(rgb=3, motion=2)
LENGTH = 6
CROSS_FROM_2 = [(0, 'init'), (2, 'cross')]


def backbones(streams=STREAMS, seed=1):
    return {
        stream: dict(type=TinyBackbone, in_channels=CHANNELS[stream], seed=seed + i)
        for i, stream in enumerate(streams)
    }


def build(stages=((0, 'init'),), head='MVCGCHead', **kwargs):
    """Two streams in double precision, nothing random but what the seed says."""
    torch.manual_seed(0)
    return ContrastiveRecognizer(
        backbones=backbones(),
        head=dict(
            type=f'ssvrl_mm.{head}',
            projector=projector(),
            criterion=CRITERION,
            queue_length=LENGTH,
            momentum=0.9,
        ),
        stages=stages,
        **kwargs,
    ).double()


def moco(stream, **kwargs):
    """One stream."""
    torch.manual_seed(3)
    return ContrastiveRecognizer(
        backbones=backbones([stream], seed=4),
        head=dict(
            type='ssvrl_mm.MoCoHead',
            stream=stream,
            projector=projector(),
            criterion=CRITERION,
            queue_length=LENGTH,
        ),
        **kwargs,
    ).double()


def clips(seed, n=4, num_clips=2):
    """A batch of both streams."""
    generator = torch.Generator().manual_seed(seed)
    return {
        stream: torch.randn(
            n, num_clips, channels, 4, 6, 6, generator=generator, dtype=torch.double
        )
        for stream, channels in CHANNELS.items()
    }
