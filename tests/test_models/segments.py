"""Labels of shuffled segments and clips, and a generator of views, for the tests of their parts."""

from itertools import permutations

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from torch import nn


def segment_labels(seed, num_clips=1, num_segments=3, max_rate=8):
    """What the sampler writes for one video."""
    rng = np.random.default_rng(seed)
    orders = len(list(permutations(range(num_segments))))
    return dict(
        segment_order=rng.integers(0, orders, num_clips),
        segment_lengths=np.full((num_clips, num_segments), 5),
        sampling_rates=rng.integers(1, max_rate + 1, (num_clips, num_segments)),
    )


def segment_samples(n, num_clips=1, num_segments=3, first=0, **fields):
    """Data samples as the pipelines pack them; further fields are of all of them."""
    given = []
    for i in range(first, first + n):
        sample = ActionDataSample(metainfo=dict(video_id=i, filename=f'{i}.mp4'))
        labels = segment_labels(i, num_clips, num_segments)
        for name, value in {**labels, 'clip_order': np.array([i % 6]), **fields}.items():
            sample.set_field(torch.as_tensor(value), name)
        given.append(sample)
    return given


def stacked(samples, name):
    """The labels of all clips, as numpy has them."""
    return np.concatenate([np.asarray(getattr(sample, name)) for sample in samples])


def linear(layer, rows):
    """A linear layer, from its weights, in numpy."""
    return rows @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def cross_entropy(logits, classes):
    """Of each row: Eqs. (3) and (4) with one-hot y."""
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array([-np.log(row[c]) for row, c in zip(shares, classes, strict=True)])


class TinyGenerator(nn.Module):
    """Makes views that are the clips times 2, and keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm3d(3)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.shown = []

    def synthesise(self, clips):
        assert not torch.is_grad_enabled() and not self.training and not self.norm.training
        self.shown.append(clips.clone())
        return clips * self.scale
