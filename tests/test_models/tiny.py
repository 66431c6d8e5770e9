"""Small models and batches, and independent transcriptions, for the tests of contrastive parts."""

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from torch import nn


def info_nce(temperature=0.07):
    """Config of the loss."""
    return dict(type='ssvrl_mm.InfoNCELoss', temperature=temperature)


CRITERION = info_nce()


class TinyBackbone(nn.Module):
    """One convolution; nothing depends on the company a clip has in its batch."""

    def __init__(self, in_channels=3, out_channels=6, seed=0):
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, 3, stride=2, padding=1)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3

    def forward(self, clips):
        return self.conv(clips).relu()


def projector(in_channels=6, out_channels=4):
    """Config of a small projection."""
    return dict(type='ssvrl_mm.ProjectionHead', in_channels=in_channels, out_channels=out_channels)


def samples(video_ids):
    """Data samples of the given videos."""
    return [ActionDataSample(metainfo=dict(video_id=int(i))) for i in video_ids]


def unit(rng, *shape):
    """Random unit vectors, float64."""
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def nce_terms(query, key, queue, positive, usable, temperature=0.07):
    """Multi-instance InfoNCE, one query at a time, in float64."""
    terms = []
    for i in range(len(query)):
        own = np.exp(query[i] @ key[i] / temperature)
        others = np.exp(queue @ query[i] / temperature)
        numerator = own + others[positive[i]].sum()
        terms.append(-np.log(numerator / (numerator + others[usable[i] & ~positive[i]].sum())))
    return np.array(terms)


def nearest(key, queue, usable, k):
    """The sets of the k most similar usable entries, one key at a time."""
    sets = []
    for i in range(len(key)):
        ranked = sorted(np.flatnonzero(usable[i]), key=lambda j: -(key[i] @ queue[j]))
        sets.append(set(ranked[:k]))
    return sets


def as_mask(sets, length):
    """(N, length) bool from sets of indices."""
    return np.array([[j in chosen for j in range(length)] for chosen in sets])
