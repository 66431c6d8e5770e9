import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import CoCLRHead

from ..tiny import CRITERION, as_mask, nearest, projector, samples
from .test_mvcgc_head import LENGTH, STREAMS, Expected, N, features, run


def head(**kwargs):
    torch.manual_seed(0)
    arguments = dict(criterion=CRITERION, queue_length=LENGTH, stage='init', **kwargs)
    return CoCLRHead(projector(), **arguments).double()


@pytest.mark.parametrize('stream, guide', [STREAMS, STREAMS[::-1]])
def test_positives_of_a_stream_are_mined_in_the_other_alone(stream, guide):
    model = head(k=3)
    run(model, 5)
    query, key = features(77)
    ids = [6, 100, 101, 11]
    expected = Expected(model, query, key, ids)
    guided = nearest(expected.k[guide], expected.queue[guide], expected.usable, 3)
    positive = as_mask(guided, LENGTH)
    losses = model.loss({stream: query[stream]}, samples(ids), key_feats=key, stage=stream)
    value = expected.terms(stream, stream, positive).mean()
    np.testing.assert_allclose(losses[f'loss_{stream}'].item(), value, rtol=1e-10)
    assert losses['num_positives'] == 3
    assert f'loss_{guide}' not in losses


def test_both_streams_start_alone():
    model = head()
    run(model, 5)
    query, key = features(77)
    expected = Expected(model, query, key, range(100, 104))
    losses = model.loss(query, samples(range(100, 104)), key_feats=key)
    nothing = np.zeros((N, LENGTH), bool)
    for stream in STREAMS:
        value = expected.terms(stream, stream, nothing).mean()
        np.testing.assert_allclose(losses[f'loss_{stream}'].item(), value, rtol=1e-10)


def test_trained_streams():
    model = head()
    assert [model.trained_streams(s) for s in model.stages] == [STREAMS, ('rgb',), ('motion',)]
