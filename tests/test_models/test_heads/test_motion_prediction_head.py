import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import MotionPredictionHead
from ssvrl_mm.registry import MODELS

from ..tiny import info_nce, samples

PREDICTORS = {
    'transformer': dict(
        type='TransformerPredictor', num_heads=2, feedforward_channels=10, dropout=0
    ),
    'gru': dict(type='ConvGRUPredictor', dropout=0),
}
CONTRAST = dict(
    type='PointwiseContrast',
    motion_channels=5,
    hidden_channels=16,
    out_channels=4,
    criterion=info_nce(0.1),
)
VALUES = dict(target_size=(4, 4, 4))
OBJECTIVES = {
    'contrast': CONTRAST,
    'regression': dict(type='MotionRegression', **VALUES),
    'classification': dict(type='MotionClassification', num_bins=5, **VALUES),
}


def head(objective=CONTRAST, predictor='transformer', **kwargs):
    torch.manual_seed(0)
    sizes = dict(in_channels=6, in_size=(2, 3, 3), out_size=(1, 2, 2), channels=8)
    return MotionPredictionHead(PREDICTORS[predictor] | sizes, objective, **kwargs)


def features(model, n=3, num_clips=4):
    rng = torch.Generator().manual_seed(0)
    clips = torch.randn(n, 6, 2, 3, 3, generator=rng)
    if model.needs_features:
        return {'rgb': clips, 'motion': torch.randn(n, num_clips, 5, 1, 2, 2, generator=rng)}
    # Everything in a video moves alike.
    motion = 2 * torch.rand(n, num_clips, 2, 1, 1, 1, generator=rng) - 1
    return {'rgb': clips, 'motion': motion.repeat(1, 1, 1, 4, 8, 8)}


@pytest.mark.parametrize('predictor', PREDICTORS)
@pytest.mark.parametrize('objective', OBJECTIVES)
def test_learns_with_every_predictor_and_objective(predictor, objective):
    model = head(OBJECTIVES[objective], predictor, loss_weight=0.5)
    assert model.needs_features == (objective == 'contrast')
    feats = {stream: x.requires_grad_() for stream, x in features(model).items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    values = []
    for _ in range(60):
        losses = model.loss(feats, samples(range(3)))
        optimizer.zero_grad()
        losses['loss_motion'].backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        values.append(losses['loss_motion'].item())
    assert values[-1] < 0.5 * values[0]
    assert feats['rgb'].grad.flatten(1).any(dim=1).all()
    assert (feats['motion'].grad is not None) == model.needs_features
    if objective == 'contrast':
        assert losses['top1_motion'] > 0.8  # dropout keeps some from it


def test_loss_is_the_objectives_of_the_prediction_times_the_weight():
    model = head(loss_weight=0.2).double().eval()
    feats = {stream: x.double() for stream, x in features(model).items()}
    value, log = model.objective(model.predictor(feats['rgb']), feats['motion'])
    losses = model.loss({**feats, 'iframe': torch.zeros(1)}, loss_aux={})
    assert losses['loss_motion'].item() == pytest.approx(0.2 * value.item(), rel=1e-12)
    assert losses['top1_motion'] == log['top1_motion']
    assert sorted(losses) == ['loss_motion', 'top1_motion']


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('objective', OBJECTIVES)
def test_autocast(objective, dtype):
    model = head(OBJECTIVES[objective]).eval()
    feats = {stream: x.to(dtype) for stream, x in features(model).items()}
    plain = model.loss({stream: x.float() for stream, x in feats.items()})['loss_motion']
    with torch.autocast('cpu', dtype):
        loss = model.loss(feats)['loss_motion']
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, plain, rtol=0.05, atol=0)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_predict_writes_the_pooled_features():
    model = head()
    maps = torch.randn(4, 6, 2, 3, 3)
    expected = maps.numpy().mean(axis=(2, 3, 4)).reshape(2, 2, 6).mean(axis=1)
    for feats in (maps, [torch.zeros(1), maps], {'rgb': maps}):
        results = model.predict(feats, samples([7, 8]))
        found = torch.cat([sample.features['rgb'] for sample in results])
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_refuses_features_that_do_not_fit():
    model = head()
    feats = features(model)
    with pytest.raises(KeyError, match=r"'rgb', 'motion'.*got \('rgb',\)"):
        model.loss(feats['rgb'], samples(range(4)))
    for motion in (feats['motion'][:2], feats['motion'][:, 0], feats['motion'][:, :0]):
        with pytest.raises(
            ValueError, match=r'motion: 3 clips need motion of shape \(3, V, C, T, H, W'
        ):
            model.loss({**feats, 'motion': motion})
    with pytest.raises(ValueError, match=r'\(6, 2, 3, 3\), got \(6, 1, 3, 3\)'):
        model.loss({**feats, 'rgb': feats['rgb'][:, :, :1]})
    with pytest.raises(ValueError, match='two streams'):
        head(streams=('rgb',))


def test_the_papers_sizes():
    model = MODELS.build(
        dict(
            type='ssvrl_mm.MotionPredictionHead',
            predictor=dict(type='TransformerPredictor', in_channels=512),
            objective=dict(type='PointwiseContrast', criterion=info_nce(0.1)),
        )
    )
    feats = {'rgb': torch.rand(1, 512, 2, 7, 7), 'motion': torch.rand(1, 4, 512, 1, 7, 7)}
    assert model.loss(feats)['loss_motion'].isfinite()
    for mlp in (model.objective.prediction_mlp, model.objective.motion_mlp):
        assert mlp.layers.conv1.weight.shape == (2048, 512, 1)
        assert mlp.out_channels == 512
