import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssvrl_mm.models.heads import MVCGCHead

from ..tiny import CRITERION, as_mask, nce_terms, nearest, projector, samples

LENGTH, N = 16, 4
STREAMS = ('rgb', 'motion')


def head(**kwargs):
    torch.manual_seed(0)
    arguments = dict(criterion=CRITERION, queue_length=LENGTH, stage='cross', **kwargs)
    return MVCGCHead(projector(), **arguments).double()


def features(seed, n=N):
    """Queries and keys; the streams share a part, so that their neighbours overlap."""
    generator = torch.Generator().manual_seed(seed)

    def draw():
        return torch.randn(n, 6, 2, 1, 1, generator=generator, dtype=torch.double)

    common = draw()
    return {s: common + draw() for s in STREAMS}, {s: common + draw() for s in STREAMS}


def run(model, batches, ids=None, **kwargs):
    """Feeds batches; returns the last losses."""
    for step in range(batches):
        query, key = features(step)
        videos = range(N * step, N * step + N) if ids is None else ids[step]
        losses = model.loss(query, samples(videos), key_feats=key, **kwargs)
    return losses


class Expected:
    """Loss terms of one batch in numpy, from the head's weights and its queue before it."""

    def __init__(self, model, query, key, ids):
        with torch.no_grad():
            self.z = {s: model(query)[s].numpy() for s in STREAMS}
            self.k = {
                s: F.normalize(model.key_projector[s](key[s]), dim=1).numpy() for s in STREAMS
            }
        self.queue = {s: model.queue[s].numpy() for s in STREAMS}
        filled = np.arange(LENGTH) < int(model.queue.fill)
        same = np.array(list(ids))[:, None] == model.queue.video_ids.numpy()
        self.siblings = filled & same
        self.usable = filled & ~same
        self.full = filled.all()

    def mined(self, k, mode):
        r, m = (nearest(self.k[s], self.queue[s], self.usable, k) for s in STREAMS)
        operation = set.intersection if mode == 'intersection' else set.union
        sets = [operation(a, b) for a, b in zip(r, m, strict=True)]
        return as_mask(sets, LENGTH) & self.full

    def terms(self, stream, other, positive):
        return nce_terms(self.z[stream], self.k[other], self.queue[other], positive, self.usable)


@pytest.mark.parametrize('k', [1, 5, 10])
@pytest.mark.parametrize('mining', ['intersection', 'union'])
@pytest.mark.parametrize('siblings', [False, True])
def test_cross_guidance_equals_equation_4(k, mining, siblings):
    model = head(k=k, mining=mining, sibling_positives=siblings)
    run(model, 5)
    query, key = features(77)
    ids = [6, 100, 101, 11]  # two of them have entries in the queue
    expected = Expected(model, query, key, ids)
    positive = expected.mined(k, mining)
    assert positive.any()
    if siblings:
        positive |= expected.siblings
    losses = model.loss(query, samples(ids), key_feats=key)
    for stream, other in (STREAMS, STREAMS[::-1]):
        value = expected.terms(stream, other, positive).mean()
        np.testing.assert_allclose(losses[f'loss_{stream}'].item(), value, rtol=1e-10)
    assert losses['num_positives'].item() == pytest.approx(positive.sum(1).mean())


@pytest.mark.parametrize('batches', [1, 3])
def test_mining_waits_for_a_full_queue(batches):
    model = head()
    run(model, batches)
    query, key = features(77)
    expected = Expected(model, query, key, range(100, 104))
    losses = model.loss(query, samples(range(100, 104)), key_feats=key)
    assert losses['num_positives'] == 0
    nothing = np.zeros((N, LENGTH), bool)
    value = expected.terms('rgb', 'motion', nothing).mean()
    np.testing.assert_allclose(losses['loss_rgb'].item(), value, rtol=1e-10)


def test_without_mining_it_is_infonce_between_the_streams():
    model = head(mining='none')
    run(model, 5)
    query, key = features(77)
    expected = Expected(model, query, key, range(100, 104))
    losses = model.loss(query, samples(range(100, 104)), key_feats=key)
    nothing = np.zeros((N, LENGTH), bool)
    for stream, other in (STREAMS, STREAMS[::-1]):
        value = expected.terms(stream, other, nothing).mean()
        np.testing.assert_allclose(losses[f'loss_{stream}'].item(), value, rtol=1e-10)


def test_initialisation_trains_each_stream_alone():
    model = head(sibling_positives=True)
    run(model, 5, stage='init')
    query, key = features(77)
    ids = [6, 100, 101, 11]
    expected = Expected(model, query, key, ids)
    losses = model.loss(query, samples(ids), key_feats=key, stage='init')
    nothing = np.zeros((N, LENGTH), bool)
    for stream in STREAMS:
        value = expected.terms(stream, stream, nothing).mean()
        np.testing.assert_allclose(losses[f'loss_{stream}'].item(), value, rtol=1e-10)
    assert losses['num_positives'] == 0


def test_no_gradient_reaches_keys_or_the_other_streams_query():
    model = head()
    run(model, 5)
    query, key = features(77)
    leaves = [t.requires_grad_() for t in (*query.values(), *key.values())]
    losses = model.loss(query, samples(range(100, 104)), key_feats=key)
    losses['loss_rgb'].backward()
    assert [leaf.grad is not None for leaf in leaves] == [True, False, False, False]
    assert all(p.grad is None for p in model.key_projector.parameters())
    assert all(p.grad is None for p in model.projector['motion'].parameters())


def test_permuting_the_batch_permutes_the_gradients_and_nothing_else():
    order = torch.tensor([2, 0, 3, 1])
    found = []
    for model, rows in ((head(), torch.arange(N)), (head(), order)):
        run(model, 5)
        query, key = features(77)
        query = {s: q[rows].requires_grad_() for s, q in query.items()}
        ids = torch.tensor([6, 100, 101, 11])[rows]
        losses = model.loss(query, samples(ids), key_feats={s: k[rows] for s, k in key.items()})
        (losses['loss_rgb'] + losses['loss_motion']).backward()
        found.append((losses, {s: q.grad for s, q in query.items()}))
    (losses, gradients), (moved_losses, moved) = found
    for name, value in losses.items():
        torch.testing.assert_close(moved_losses[name], value, rtol=1e-12, atol=1e-14)
    for stream, gradient in gradients.items():
        torch.testing.assert_close(moved[stream], gradient[order], rtol=1e-12, atol=1e-14)


def test_state_round_trip_continues_alike():
    model, resumed = head(), head()
    run(model, 5)
    for parameter in resumed.parameters():
        parameter.data.zero_()
    resumed.load_state_dict(model.state_dict())
    first, second = (run(m, 7) for m in (model, resumed))
    assert first.keys() == second.keys()
    for name, value in first.items():
        # The spread of the keys is looked at now and then, and is no state.
        if not name.startswith(('effective_rank', 'mean_cosine')):
            assert torch.equal(value, second[name]), name


def test_autocast_keeps_the_contrast_in_float32():
    model = head().float()
    with torch.autocast('cpu', torch.bfloat16):
        for step in range(5):
            query, key = features(step)
            query, key = ({s: x.bfloat16() for s, x in f.items()} for f in (query, key))
            videos = samples(range(N * step, N * step + N))
            losses = model.loss(query, videos, key_feats=key)
    assert model.queue['rgb'].dtype == torch.float32
    norms = model.queue['motion'].norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(LENGTH))
    assert losses['loss_rgb'].dtype == torch.float32
    assert losses['num_positives'] > 0


def test_projections_may_differ_between_streams():
    torch.manual_seed(0)
    model = MVCGCHead(dict(rgb=projector(6), motion=projector(3)), CRITERION)
    feats = {'rgb': torch.rand(2, 6), 'motion': torch.rand(2, 3)}
    assert {s: tuple(z.shape) for s, z in model(feats).items()} == {'rgb': (2, 4), 'motion': (2, 4)}


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(mining='both'), 'mining'),
        (dict(k=0), 'k must'),
        (dict(streams=('rgb',)), 'two streams'),
    ],
)
def test_refuses_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        head(**arguments)


def test_refuses_unknown_streams_and_missing_keys():
    query, key = features(0)
    with pytest.raises(KeyError, match='flow'):
        head().loss({'flow': query['rgb']}, samples(range(N)), key_feats=key)
    with pytest.raises(KeyError, match='keys of'):
        head().loss(query, samples(range(N)), key_feats={'rgb': key['rgb']})


def test_a_head_of_several_stages_has_to_be_told_one():
    query, key = features(0)
    torch.manual_seed(0)
    untold = MVCGCHead(projector(), CRITERION, queue_length=LENGTH).double()
    for stage in (None, 'third'):
        with pytest.raises(ValueError, match=r"one of \('init', 'cross'\), got"):
            untold.loss(query, samples(range(N)), key_feats=key, stage=stage)
    with pytest.raises(ValueError, match='MVCGCHead: stage must be one of'):
        MVCGCHead(projector(), CRITERION, stage='third')
    told = untold.loss(query, samples(range(N)), key_feats=key, stage='init')
    asked = head().loss(query, samples(range(N)), key_feats=key, stage='init')
    assert all(torch.equal(told[name], asked[name]) for name in told)


class NegativeDistance(torch.nn.Module):
    """Minus the Euclidean distance, for whatever axes lead."""

    def forward(self, queries, keys):
        return -torch.cdist(queries, keys)


def test_another_similarity_takes_the_place_of_the_cosine():
    model = head(similarity=dict(type=NegativeDistance), k=3)
    run(model, 5)
    query, key = features(77)
    ids = [100, 101, 102, 103]
    expected = Expected(model, query, key, ids)

    def distances(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))

    # Of unit vectors the nearest are those of the largest cosine: the positives stay the same.
    positive = expected.mined(3, 'intersection')
    losses = model.loss(query, samples(ids), key_feats=key)
    for stream, other in (STREAMS, STREAMS[::-1]):
        z, k, queue = expected.z[stream], expected.k[other], expected.queue[other]
        own = np.exp(-np.diag(distances(z, k)) / 0.07)
        others = np.exp(-distances(z, queue) / 0.07)
        numerator = own + (others * positive).sum(1)
        terms = -np.log(numerator / (numerator + (others * ~positive).sum(1)))
        np.testing.assert_allclose(losses[f'loss_{stream}'].item(), terms.mean(), rtol=1e-6)
