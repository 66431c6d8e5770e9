"""A small network over three streams, and batches and transcriptions for the tests of its heads."""

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from torch import nn

from ssvrl_mm.motion_pyramid import GRIDS

from .tiny import TinyBackbone

INPUTS = dict(iframe=3, motion=2, residual=3)
CHANNELS = dict(iframe=6, motion=4, residual=5)
LENGTHS = dict(iframe=5, motion=25, residual=25)
#: Windows (first group, end) in the order of the labels.
WINDOWS = [(0, 5), (0, 3), (1, 4), (2, 5), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


class TinyJoint(nn.Module):
    """A frame-by-frame convolution per stream; I-frames steer the others and are steered."""

    def __init__(self, out_channels=None):
        super().__init__()
        self.streams = tuple(INPUTS)
        self.out_channels = dict(out_channels or CHANNELS)
        self.parts = nn.ModuleDict()
        self.gates = nn.ModuleDict()
        torch.manual_seed(7)
        for i, (stream, channels) in enumerate(INPUTS.items()):
            part = TinyBackbone(channels, self.out_channels[stream], seed=i)
            part.conv.stride = (1, 2, 2)
            self.parts[stream] = part
            self.gates[stream] = nn.Linear(sum(self.out_channels.values()), part.conv.out_channels)

    def forward(self, clips):
        maps = {s: self.parts[s](clips[s]) for s in self.streams}
        seen = torch.cat([x.mean(dim=(2, 3, 4)) for x in maps.values()], dim=1)
        gates = {s: self.gates[s](seen).tanh()[:, :, None, None, None] for s in self.streams}
        return {s: x * (1 + gates[s]) for s, x in maps.items()}


def clips(seed, n=4, num_clips=1, size=6, dtype=torch.double):
    """A batch of all streams."""
    generator = torch.Generator().manual_seed(seed)
    return {
        s: torch.randn(n, num_clips, c, LENGTHS[s], size, size, generator=generator).to(dtype)
        for s, c in INPUTS.items()
    }


def maps(seed, n, size=(4, 6), channels=None):
    """Features of all streams, of sizes of their own."""
    rng = torch.Generator().manual_seed(seed)
    return {
        s: torch.randn(n, c, LENGTHS[s], *size, generator=rng, dtype=torch.double)
        for s, c in (channels or CHANNELS).items()
    }


def pyramid(seed, num_clips=1, ignored=0.2):
    """Labels (V, 9, 3) of one video, some of them ignored."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.integers(0, s * s, (num_clips, 9)) for s in GRIDS], axis=2)
    labels[rng.random(labels.shape) < ignored] = -1
    return torch.from_numpy(labels)


def labelled(n, num_clips=1, first=0, **fields):
    """Data samples with labels of the pyramid, and other fields: name -> (n, V)."""
    given = []
    for i in range(first, first + n):
        sample = ActionDataSample(metainfo=dict(video_id=i))
        sample.set_field(pyramid(i, num_clips), 'pmsp_labels')
        for name, values in fields.items():
            sample.set_field(torch.as_tensor(values[i]), name)
        given.append(sample)
    return given


def mlp(layers, x):
    """The two-layer perceptron, in numpy: (C,) -> (K,)."""
    weights = [p.detach().numpy() for p in (layers.fc1.weight, layers.fc1.bias)]
    hidden = np.maximum(weights[0] @ x + weights[1], 0)
    return layers.fc2.weight.detach().numpy() @ hidden + layers.fc2.bias.detach().numpy()


def log_softmax(logits):
    """In float64, of one row."""
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())
