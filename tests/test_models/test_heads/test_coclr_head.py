import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssvrl_mm.models.heads import CoCLRHead
from ssvrl_mm.models.utils import GlobalBatch

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


def released_loss(q, k, kf, queue, queue_second, source, queue_source, drop_own, topk, t=0.07):
    """CoCLR's forward pass and loss (model/pretrain.py, main_coclr.py), row by row in float64."""
    total = 0.0
    for i in range(len(q)):
        logits = np.concatenate([[q[i] @ k[i]], queue @ q[i]]) / t
        siblings = queue_source == source[i]
        similarity = np.where(siblings, -np.inf, queue_second @ kf[i])
        mask = siblings.copy()
        mask[np.argsort(-similarity)[:topk]] = True
        mask = np.concatenate([[True], mask])
        if drop_own and mask.sum() != 1:
            mask[0] = False
        share = np.exp(logits - logits.max())
        share /= share.sum()
        total -= np.log(share[mask].sum())
    return total / len(q)


@pytest.mark.parametrize('own_key_p, drop', [(0.0, True), (1.0, False)])
@pytest.mark.parametrize('stream, guide', [STREAMS, STREAMS[::-1]])
def test_loss_and_dropped_own_key_equal_the_released_code(stream, guide, own_key_p, drop):
    model = head(k=3, sibling_positives=True, fixed_guide=True, own_key_p=own_key_p)
    for step in range(5):
        query, key = features(step)
        videos = range(N * step, N * step + N)
        model.loss({stream: query[stream]}, samples(videos), key_feats=key, stage=stream)
    query, key = features(77)
    ids = np.array([6, 100, 11, 101])
    with torch.no_grad():
        q = model({stream: query[stream]})[stream].numpy()
        k = F.normalize(model.key_projector[stream](key[stream]), dim=1).numpy()
        # The sampler is the trained network of the other stream, not its momentum copy.
        kf = model({guide: key[guide]})[guide].numpy()
    queues = [model.queue[s].numpy() for s in (stream, guide)]
    known = model.queue.video_ids.numpy().copy()
    losses = model.loss({stream: query[stream]}, samples(ids), key_feats=key, stage=stream)
    expected = released_loss(q, k, kf, *queues, ids, known, drop, topk=3)
    np.testing.assert_allclose(losses[f'loss_{stream}'].item(), expected, rtol=1e-10)
    assert losses['num_positives'] == pytest.approx(3 + np.isin(ids, known).mean())
    other = released_loss(q, k, kf, *queues, ids, known, not drop, topk=3)
    assert abs(other - expected) > 1e-3


def test_the_own_key_stays_where_nothing_else_is_positive():
    # While the queue fills nothing is mined.
    losses = []
    for own_key_p in (0.0, 1.0):
        model = head(own_key_p=own_key_p)
        run(model, 2)
        query, key = features(77)
        losses.append(
            model.loss({'rgb': query['rgb']}, samples(range(4)), key_feats=key, stage='rgb')
        )
    assert losses[0]['loss_rgb'].item() == losses[1]['loss_rgb'].item()
    assert losses[0]['loss_rgb'].isfinite()


def test_the_own_key_counts_in_the_given_share_of_iterations():
    model = head(k=3, own_key_p=0.3)
    run(model, 5)
    positives = torch.ones(N, LENGTH, dtype=torch.bool)
    torch.manual_seed(0)
    batch = GlobalBatch(N, torch.device('cpu'))
    draws = torch.stack([model._own_positive(positives, batch) for _ in range(1000)])
    # One draw for the whole batch; binomial: standard deviation 14.
    assert (draws == draws[:, :1]).all()
    assert 250 < draws[:, 0].sum() < 350
    with pytest.raises(ValueError, match=r'own_key_p must lie in \[0, 1\], got 1.1'):
        head(own_key_p=1.1)


def test_top1_counts_the_own_key_whether_the_loss_does_or_not():
    found = []
    for own_key_p in (0.0, 1.0):
        model = head(k=1, own_key_p=own_key_p)
        run(model, 5)
        query, _ = features(77)
        losses = model.loss(
            {'rgb': query['rgb']}, samples(range(90, 94)), key_feats=query, stage='rgb'
        )
        found.append(losses['top1_rgb'].item())
    # The query is its own key: nothing is nearer.
    assert found == [1, 1]


def test_a_fixed_guide_is_evaluated_and_its_copy_rests():
    model = head(fixed_guide=True)
    assert [model.fixed_streams(s) for s in model.stages] == [(), ('motion',), ('rgb',)]
    assert head().fixed_streams('rgb') == ()
    model.train()
    run(model, 1)
    query, key = features(5)
    before = {s: int(model.key_projector[s].step) for s in STREAMS}
    model.loss({'rgb': query['rgb']}, samples(range(4)), key_feats=key, stage='rgb')
    after = {s: int(model.key_projector[s].step) for s in STREAMS}
    assert after == {'rgb': before['rgb'] + 1, 'motion': before['motion']}
    assert all(module.training for module in model.modules())
