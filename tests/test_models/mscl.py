"""A small MSCL, batches for it, and its equations one clip and one time at a time in numpy."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ssvrl_mm.models.recognizers import MSCLRecognizer

from .tiny import CRITERION, projector

STREAMS = ('rgb', 'flow')
FRAMES, TIMES = 8, 4
LENGTH = 6
TAU = 0.07
TO_RGB = dict(type='Conv1d', in_channels=5, out_channels=7, kernel_size=1)
LOCAL = dict(type='ssvrl_mm.LocalMotionContrast', projections=dict(flow=TO_RGB))


def _seeded(module, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return module


class TinyStages(nn.Module):
    """Two stages of a 3D network, the second with half the times of the first."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv3d(4, 6, 3, stride=2, padding=1)
        _seeded(self, 1)

    def forward(self, clips):
        first = self.first(clips).relu()
        return first, self.second(first).relu()


class TinyFrames(nn.Module):
    """A 2D network, map by map."""

    def __init__(self, in_channels=3):
        super().__init__()
        self.conv = nn.Conv3d(in_channels, 5, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        _seeded(self, 2)

    def forward(self, clips):
        return self.conv(clips).relu()


class TinyNeck(nn.Module):
    """Both stages in the size of the first."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(4, 7, 1)
        self.second = nn.Conv3d(6, 7, 1)
        _seeded(self, 3)

    def forward(self, maps):
        return self.first(maps[0]) + F.interpolate(self.second(maps[1]), maps[0].shape[2:])


class Turn(nn.Module):
    """Turns vectors by an angle, which without one is drawn for every clip by the host."""

    def __init__(self, angle=None):
        super().__init__()
        self.angle = angle

    def forward(self, flow):
        angles = torch.full((len(flow),), self.angle or 0.0, dtype=flow.dtype, device='cpu')
        if self.angle is None:
            angles = torch.pi / 3 + torch.rand(len(flow), dtype=flow.dtype, device='cpu')
        turns = torch.stack([angles.cos(), angles.sin()], dim=1).to(flow.device, non_blocking=True)
        cos, sin = turns.T[:, :, None, None, None]
        u, v = flow.unbind(dim=1)
        return torch.stack([cos * u - sin * v, sin * u + cos * v], dim=1)


class Colour(nn.Module):
    """Three channels of two, not linear in them."""

    def forward(self, flow):
        return torch.cat([flow, flow.norm(dim=1, keepdim=True)], dim=1)


def head(local=LOCAL, **kwargs):
    """Config of the head."""
    return dict(
        type='ssvrl_mm.MSCLHead',
        projector=dict(rgb=projector(6), flow=projector(5)),
        criterion=CRITERION,
        queue_length=LENGTH,
        local=local,
        **kwargs,
    )


def build(local=LOCAL, angle=1.9, contrast_augmented=False, weights=None, **kwargs):
    """A recognizer in double precision; ``angle`` None: no augmentation."""
    torch.manual_seed(0)
    settings = dict(
        neck=None if local is None else dict(type=TinyNeck),
        flow_augment=None if angle is None or local is None else dict(type=Turn, angle=angle),
        contrast_augmented=contrast_augmented,
    )
    of_head = ('same_modality', 'age_decay', 'momentum')
    options = dict(momentum=0.9, weights=weights)
    options.update({name: kwargs.pop(name) for name in of_head if name in kwargs})
    return MSCLRecognizer(
        dict(rgb=dict(type=TinyStages), flow=dict(type=TinyFrames)),
        head(local, **options),
        **{**settings, 'input_transforms': dict(flow=dict(type=Colour)), **kwargs},
    ).double()


def clips(seed, n=4, num_clips=2):
    """A batch of both streams."""
    generator = torch.Generator().manual_seed(seed)
    shapes = dict(rgb=3, flow=2)
    return {
        s: torch.randn(n, num_clips, c, FRAMES, 6, 6, generator=generator, dtype=torch.double)
        for s, c in shapes.items()
    }


def lmcl(rgb, flow, augmented=(), negatives='times', temperature=TAU):
    """Exponents, labels and loss of LMCL; features (N, C, T') of one width, as numpy."""

    def h(a, b):
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        return a @ b / temperature

    exponents, labels, terms = [], [], []
    for n in range(len(rgb)):
        for i in range(rgb.shape[2]):
            query = rgb[n, :, i]
            if negatives == 'times':
                shown = [flow[n, :, j] for j in range(flow.shape[2])]
                shown += [x[n, :, j] for x in augmented for j in range(x.shape[2])]
                label = i
            else:
                shown = [flow[n, :, i], *(x[n, :, i] for x in augmented)]
                label = 0
            row = np.array([h(query, candidate) for candidate in shown])
            others = sum(np.exp(x) for j, x in enumerate(row) if j != label)
            terms.append(-np.log(np.exp(row[label]) / (np.exp(row[label]) + others)))
            exponents.append(row)
            labels.append(label)
    return np.array(exponents), np.array(labels), np.mean(terms)
