"""MSCL's terms against the paper's equations, and against what its released code does."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssvrl_mm.models.heads import MoCoHead, MSCLHead
from ssvrl_mm.registry import MODELS

from ..mscl import FRAMES, LENGTH, LOCAL, STREAMS, TIMES, head, lmcl
from ..tiny import CRITERION, nce_terms, projector, samples

N = 4
WIDTHS = dict(rgb=6, flow=5)


def build(local=None, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(head(local, **kwargs)).double()


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def features(seed, augmented=False):
    """Arguments of ``loss``: queries, keys, local features."""
    queries, keys = (
        {s: draw(10 * seed + i, N, WIDTHS[s], 2, 1, 1) for s in STREAMS} for i in (0, 1)
    )
    local = dict(rgb=draw(10 * seed + 2, N, 7, TIMES), flow=draw(10 * seed + 3, N, 5, FRAMES))
    if augmented:
        local['augmented'] = [draw(10 * seed + 4, N, 5, FRAMES)]
        keys['augmented'] = draw(10 * seed + 5, N, 5)
    return queries, keys, local


def run(model, seed, ids, augmented=False):
    queries, keys, local = features(seed, augmented)
    return model.loss(queries, samples(ids), key_feats=keys, local_feats=local)


def filled(**kwargs):
    """A head whose queue is full, of videos 2 to 7."""
    model = build(**kwargs)
    for step in range(2):
        run(model, step, range(4 * step, 4 * step + 4))
    assert model.queue.video_ids.tolist() == [6, 7, 2, 3, 4, 5]
    return model


def unit(projection, x):
    with torch.no_grad():
        return F.normalize(projection(x), dim=1).numpy()


def expected_terms(model, seed, ids, same_modality=True):
    """Name -> loss and accuracy, from the head's weights and its queue before the batch."""
    queries, keys, local = features(seed, augmented=True)
    flow, key_flow = model.projector['flow'], model.key_projector['flow']
    q = {s: unit(model.projector[s], queries[s]) for s in STREAMS}
    k = {s: unit(model.key_projector[s], keys[s]) for s in STREAMS}
    # Of the mean over space and time of the maps.
    q['augmented'] = unit(flow, local['augmented'][0].mean(dim=2))
    k['augmented'] = unit(key_flow, keys['augmented'])
    memory = {s: model.queue[s].numpy() for s in STREAMS}
    usable = np.array(list(ids))[:, None] != model.queue.video_ids.numpy()
    nothing = np.zeros_like(usable)

    def term(query, key):
        source = (key if same_modality else query).replace('augmented', 'flow')
        own = (q[query] * k[key]).sum(axis=1)
        others = np.where(usable, q[query] @ memory[source].T, -np.inf).max(axis=1)
        terms = nce_terms(q[query], k[key], memory[source], nothing, usable)
        return terms.mean(), (own >= others).mean()

    intra = {s: term(s, s) for s in (*STREAMS, 'augmented')}
    pairs = [('rgb', 'flow'), ('flow', 'rgb'), ('rgb', 'augmented'), ('augmented', 'rgb')]
    return intra, {f'{a}_{b}': term(a, b) for a, b in pairs}


@pytest.mark.parametrize('option', [{}, dict(same_modality=True), dict(same_modality=False)])
@pytest.mark.parametrize('augmented', [True, False])
def test_terms_within_and_between_the_modalities(option, augmented):
    model = filled(**option)
    ids = [6, 100, 101, 3]  # two of them have entries in the queue
    for stream in STREAMS:  # keys come from the projections after their move
        model.key_projector[stream].momentum = 1.0
    intra, inter = expected_terms(model, 7, ids, **option)
    terms = {n: t for n, t in {**intra, **inter}.items() if augmented or 'augmented' not in n}
    losses = run(model, 7, ids, augmented)
    assert {name for name in losses if name.startswith('loss')} == {f'loss_{n}' for n in terms}
    for name, (loss, share) in terms.items():
        assert losses[f'loss_{name}'].item() == pytest.approx(loss, rel=1e-10)
        assert losses[f'top1_{name}'].item() == pytest.approx(share)


def test_keys_of_augmented_flow_are_never_remembered():
    plain, rotated = filled(), filled()
    run(plain, 7, range(8, 12))
    run(rotated, 7, range(8, 12), augmented=True)
    for (name, value), other in zip(
        plain.queue.state_dict().items(), rotated.queue.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name


def test_without_the_terms_between_them_each_stream_is_moco():
    model = build(weights=dict(inter=0))
    torch.manual_seed(0)
    moco = MoCoHead(projector(6), CRITERION, queue_length=LENGTH).double()
    moco.projector.load_state_dict(
        {k: v for k, v in model.projector.state_dict().items() if 'rgb' in k}
    )
    for step in range(3):
        queries, keys, _ = features(step)
        videos = samples(range(4 * step, 4 * step + 4))
        both = model.loss(queries, videos, key_feats=keys)
        alone = moco.loss(queries['rgb'], videos, key_feats=keys['rgb'])
        assert torch.equal(both['loss_rgb'], alone['loss_rgb'])
        assert torch.equal(both['top1_rgb'], alone['top1_rgb'])
    assert not any('_flow_' in name or name.endswith('_rgb_flow') for name in both)


def test_weights_multiply_their_groups():
    plain = run(filled(local=LOCAL), 7, range(8, 12), augmented=True)
    weights = dict(intra=2, inter=3, local=5)
    weighted = run(filled(local=LOCAL, weights=weights), 7, range(8, 12), augmented=True)
    groups = {
        'intra': ('rgb', 'flow', 'augmented'),
        'inter': ('rgb_flow', 'flow_rgb', 'rgb_augmented', 'augmented_rgb'),
        'local': ('local',),
    }
    for group, names in groups.items():
        for name in names:
            value = weights[group] * plain[f'loss_{name}']
            torch.testing.assert_close(weighted[f'loss_{name}'], value, rtol=1e-12, atol=0)
            assert torch.equal(weighted[f'top1_{name}'], plain[f'top1_{name}'])
    assert sum(name.startswith('loss_') for name in plain) == 8
    none = build(local=LOCAL, weights=dict(inter=0, local=0))
    assert none.local is None
    losses = run(none, 0, range(4))
    assert {n for n in losses if n.startswith('loss')} == {'loss_rgb', 'loss_flow'}


def test_the_local_term_is_that_of_the_queries_and_reaches_both():
    model = build(local=LOCAL)
    queries, keys, local = features(3, augmented=True)
    leaves = [local['rgb'], local['flow'], *local['augmented']]
    for leaf in leaves:
        leaf.requires_grad_()
    losses = model.loss(queries, samples(range(4)), key_feats=keys, local_feats=local)
    conv = model.local.projections['flow']
    with torch.no_grad():
        rgb, *flows = leaves[0].numpy(), *(conv(x)[:, :, ::2].numpy() for x in leaves[1:])
    loss = lmcl(rgb, flows[0], flows[1:])[2]
    assert losses['loss_local'].item() == pytest.approx(loss, rel=1e-10)
    losses['loss_local'].backward()
    assert all(leaf.grad.any() for leaf in leaves)
    assert conv.weight.grad.any()


def test_gradients_of_the_terms_between_modalities_reach_both_queries_and_no_key():
    model = filled()
    queries, keys, _ = features(7)
    leaves = [x.requires_grad_() for x in (*queries.values(), *keys.values())]
    losses = model.loss(queries, samples(range(8, 12)), key_feats=keys)
    (losses['loss_rgb_flow'] + losses['loss_flow_rgb']).backward()
    assert [leaf.grad is not None for leaf in leaves] == [True, True, False, False]
    assert all(p.grad is None for p in model.key_projector.parameters())


def test_the_similarity_and_criterion_of_the_local_term_are_the_heads():
    class Twice(torch.nn.Module):
        def forward(self, queries, keys):
            return 2 * queries @ keys.mT

    model = build(local=LOCAL, similarity=dict(type=Twice))
    assert isinstance(model.local.similarity, Twice)
    warmer = dict(LOCAL, criterion=dict(type='ssvrl_mm.InfoNCELoss', temperature=0.5))
    model = build(local=warmer)
    assert model.local.criterion.temperature == 0.5 and model.criterion.temperature == 0.07


def test_older_keys_count_less():
    model, ids = filled(age_decay=0.5), [100, 101, 102, 103]
    for stream in STREAMS:
        model.key_projector[stream].momentum = 1.0
    # Written in the step before, but for two of the step before that.
    ages = np.array([1, 1, 2, 2, 1, 1])
    assert [model.queue.video_ids.tolist()[i] for i in (2, 3)] == [2, 3]
    for stream in STREAMS:
        memory = model.queue[stream] * torch.from_numpy(0.5**ages)[:, None]
        torch.testing.assert_close(model._memory(stream), memory, rtol=1e-12, atol=0)
    resumed = build(age_decay=0.5)
    resumed.load_state_dict(model.state_dict())
    for stream in STREAMS:
        assert torch.equal(resumed._memory(stream), model._memory(stream))
        resumed.key_projector[stream].momentum = 1.0
    first, second = (run(m, 9, ids) for m in (model, resumed))
    assert all(torch.equal(first[n], second[n]) for n in first if n.startswith(('loss', 'top1')))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(streams=('rgb',)), 'an RGB and a flow stream'),
        (dict(weights=dict(lmcl=1)), r"weights are of .*'local'\), got \['lmcl'\]"),
        (dict(weights=dict(inter=-1)), 'must not be negative'),
        (dict(weights=dict(intra=0, inter=0)), 'nothing to learn'),
        (dict(age_decay=1.5), r'age_decay must lie in \(0, 1\], got 1.5'),
        (dict(age_decay=0), r'age_decay must lie in \(0, 1\], got 0'),
        (dict(age_decay=0.9, similarity=dict(type='NegativeDistance')), 'dot products tell alone'),
        (dict(same_modality=False, weights=dict(inter=0)), 'inter, whose weight is 0'),
    ],
)
def test_refuses_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        MSCLHead(projector(), CRITERION, **options)


def test_says_what_features_are_missing():
    queries, keys, local = features(0, augmented=True)
    with pytest.raises(ValueError, match='local term needs local_feats .* MSCLRecognizer'):
        own = {stream: keys[stream] for stream in STREAMS}
        build(local=LOCAL).loss(queries, samples(range(4)), key_feats=own)
    del local['augmented']
    with pytest.raises(ValueError, match='queries of one augmentation'):
        build().loss(queries, samples(range(4)), key_feats=keys, local_feats=local)
