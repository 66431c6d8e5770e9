import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import ContextMatchingHead
from ssvrl_mm.registry import MODELS

from ..in_batch import context_matching, perceptron
from ..tiny import info_nce, samples


def head(**kwargs):
    torch.manual_seed(0)
    settings = dict(
        in_channels=6,
        context_channels=5,
        hidden_channels=8,
        out_channels=4,
        criterion=info_nce(0.1),
    )
    return ContextMatchingHead(**{**settings, **kwargs}).double().eval()


def features(n, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return {
        'rgb': torch.randn(n, 6, 2, 3, 3, generator=rng, dtype=torch.double),
        'iframe': torch.randn(n, 5, 4, 4, generator=rng, dtype=torch.double),
    }


@pytest.mark.parametrize('n', [1, 2, 5])
@pytest.mark.parametrize('temperature, loss_weight', [(0.1, 1.0), (0.5, 0.3)])
def test_equals_equation_1(n, temperature, loss_weight):
    model, feats = head(criterion=info_nce(temperature), loss_weight=loss_weight), features(n)
    x, z = (
        perceptron(model.projector[s].layers, f.flatten(2).mean(dim=2).numpy())
        for s, f in feats.items()
    )
    losses = model.loss(feats, samples(range(n)))
    expected = loss_weight * context_matching(z, x, temperature)
    np.testing.assert_allclose(losses['loss_context'].item(), expected, rtol=1e-10, atol=1e-14)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, z)]
    nearest = (unit[0] @ unit[1].T).argmax(axis=1)
    assert losses['top1_context'].item() == pytest.approx((nearest == np.arange(n)).mean())
    spread = {f'{name}_{s}' for name in ('effective_rank', 'mean_cosine') for s in feats}
    assert set(losses) == {'loss_context', 'top1_context', *(spread if n > 1 else ())}
    for stream, rows in zip(('rgb', 'iframe'), unit, strict=True):
        if n > 1:
            cosines = (rows @ rows.T)[~np.eye(n, dtype=bool)]
            assert losses[f'mean_cosine_{stream}'].item() == pytest.approx(cosines.mean())


def test_equal_embeddings_give_the_number_of_candidates():
    model, feats = head(), features(4)
    same = {stream: maps[:1].expand(4, *maps.shape[1:]) for stream, maps in feats.items()}
    assert model.loss(same)['loss_context'].item() == pytest.approx(np.log(4))


def test_order_of_the_batch_does_not_matter_and_that_of_the_pairs_does():
    model, feats, order = head().train(), features(5), [3, 0, 4, 1, 2]
    loss = model.loss(feats)['loss_context']
    permuted = model.loss({stream: maps[order] for stream, maps in feats.items()})
    torch.testing.assert_close(permuted['loss_context'], loss, rtol=1e-10, atol=0)
    torn = model.loss({**feats, 'iframe': feats['iframe'][order]})['loss_context']
    assert not torch.isclose(torn, loss)


def test_pooled_features_serve_as_well_and_other_streams_are_left_alone():
    model, feats = head(), features(3)
    pooled = {stream: maps.flatten(2).mean(dim=2) for stream, maps in feats.items()}
    given = model.loss({**feats, 'motion': torch.zeros(3, 1)}, loss_aux={})
    torch.testing.assert_close(model.loss(pooled), given)


def test_both_networks_learn_to_match():
    model, feats = head().train(), features(4)
    feats = {stream: maps.requires_grad_() for stream, maps in feats.items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(40):
        losses = model.loss(feats)
        optimizer.zero_grad()
        losses['loss_context'].backward()
        if step == 0:
            assert all(p.grad.isfinite().all() for p in model.parameters())
            assert all(maps.grad.flatten(1).any(dim=1).all() for maps in feats.values())
        optimizer.step()
    assert losses['top1_context'] == 1
    assert losses['loss_context'] < 0.05


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    model, feats = head().float(), {s: maps.to(dtype) for s, maps in features(4).items()}
    plain = model.loss({s: maps.float() for s, maps in feats.items()})['loss_context']
    with torch.autocast('cpu', dtype):
        losses = model.loss(feats)
    assert losses['loss_context'].dtype == torch.float32
    torch.testing.assert_close(losses['loss_context'], plain, rtol=0.05, atol=0)
    losses['loss_context'].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_predict_writes_the_pooled_features():
    model, feats = head(), features(4)
    results = model.predict(feats, samples([7, 8]))
    for stream, maps in feats.items():
        expected = (
            maps.numpy().mean(axis=tuple(range(2, maps.dim()))).reshape(2, 2, -1).mean(axis=1)
        )
        found = torch.cat([sample.features[stream] for sample in results])
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    [sample] = model.predict(feats['rgb'], samples([7]), average_clips=False)
    assert sample.features['rgb'].shape == (4, 6)


def test_refuses_features_that_do_not_fit():
    model, feats = head(), features(4)
    with pytest.raises(KeyError, match=r"'rgb', 'iframe'.*got \('rgb',\)"):
        model.loss(feats['rgb'], samples(range(4)))
    with pytest.raises(ValueError, match='3 clips do not pair with 4 I-frames'):
        model.loss({**feats, 'rgb': feats['rgb'][:3]})
    with pytest.raises(ValueError, match=r'iframe: features of 5 channels.*\(4, 6, 2, 3, 3\)'):
        model.loss({**feats, 'iframe': feats['rgb']})
    with pytest.raises(ValueError, match='two streams'):
        head(streams=('rgb',))


def test_the_papers_sizes_are_the_defaults():
    built = MODELS.build(
        dict(
            type='ssvrl_mm.ContextMatchingHead',
            in_channels=2048,
            context_channels=512,
            criterion=info_nce(0.1),
        )
    )
    assert built.projector['rgb'].layers.conv1.weight.shape == (2048, 2048, 1)
    assert built.projector['iframe'].layers.conv1.weight.shape == (2048, 512, 1)
    assert all(mlp.out_channels == 512 for mlp in built.projector.values())
