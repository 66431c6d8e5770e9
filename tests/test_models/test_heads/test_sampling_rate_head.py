"""The head that tells sampling rates, against transcriptions in numpy."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import SamplingRateHead, labelled_head

from ..segments import cross_entropy, linear, segment_samples, stacked


def head(**kwargs):
    torch.manual_seed(0)
    return SamplingRateHead(in_channels=4, **kwargs).double()


def maps(n):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 4, 2, 3, 3, generator=generator, dtype=torch.double)


def outputs(model, feats):
    rows = linear(model.mlp.fc1, feats.numpy().mean(axis=(2, 3, 4)))
    return linear(model.mlp.fc2, np.maximum(rows, 0)) if hasattr(model.mlp, 'fc2') else rows


@pytest.mark.parametrize('hidden_channels', [None, 7])
@pytest.mark.parametrize('num_segments', [2, 3, 5])
def test_regression_equals_equations_6_and_7(num_segments, hidden_channels):
    model = head(num_segments=num_segments, hidden_channels=hidden_channels)
    feats, samples = maps(4), segment_samples(2, num_clips=2, num_segments=num_segments)
    losses = model.loss(feats, samples)
    errors = outputs(model, feats) - stacked(samples, 'sampling_rates')
    terms = [(row**2).sum() / num_segments for row in errors]
    assert losses['loss_rate'].item() == pytest.approx(0.3 * np.mean(terms), rel=1e-9)
    assert losses['mse_rate'].item() == pytest.approx(np.mean(terms), rel=1e-9)
    assert losses['mae_rate'].item() == pytest.approx(np.abs(errors).mean(), rel=1e-9)
    assert not losses['mse_rate'].requires_grad and not losses['mae_rate'].requires_grad


def test_classification_is_of_each_segment():
    model = head(task='classification', max_rate=8, loss_weight=2.0)
    feats, samples = maps(4), segment_samples(4)
    losses = model.loss(feats, samples)
    logits = outputs(model, feats).reshape(12, 8)
    rates = stacked(samples, 'sampling_rates')
    expected = 2 * cross_entropy(logits, rates.ravel() - 1).mean()
    assert losses['loss_rate'].item() == pytest.approx(expected, rel=1e-9)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    errors = (shares @ np.arange(1, 9)).reshape(4, 3) - rates
    assert losses['mse_rate'].item() == pytest.approx(np.square(errors).mean(), rel=1e-9)
    assert losses['mae_rate'].item() == pytest.approx(np.abs(errors).mean(), rel=1e-9)


def test_sizes_are_the_papers():
    def count(**kwargs):
        return sum(p.numel() for p in SamplingRateHead(512, **kwargs).parameters())

    assert count() == 512 * 3 + 3
    assert count(hidden_channels=512) == 512 * 512 + 512 + 512 * 3 + 3
    assert count(task='classification') == 512 * 24 + 24


@pytest.mark.parametrize('task', ['regression', 'classification'])
def test_losses_are_computed_in_full_precision(task):
    model = head(task=task).float()
    feats, samples = maps(4).float(), segment_samples(4)
    expected = model.loss(feats, samples)
    with torch.autocast('cpu', torch.bfloat16):
        found = model.loss(feats, samples)
    assert all(found[name] == expected[name] for name in expected)
    assert found['loss_rate'].dtype == torch.float32


def test_regression_takes_any_rate_from_1_on():
    model, feats = head(max_rate=4), maps(1)
    samples = segment_samples(1, sampling_rates=torch.tensor([[1.0, 2.5, 30.0]]))
    errors = outputs(model, feats) - [[1, 2.5, 30]]
    assert model.loss(feats, samples)['mse_rate'].item() == pytest.approx(np.square(errors).mean())


@pytest.mark.parametrize(
    'rates, task, message',
    [
        ([[1, 2, 5]], 'classification', r'from 1 to 4, got \[5\].* max_rate 4; those of Sample'),
        ([[0, 2, 4]], 'classification', r'from 1 to 4, got \[0\]'),
        ([[1, 2.5, 4]], 'classification', r'whole numbers, got \[2.5, 2.5\]'),
        ([[1, 0, 4]], 'regression', r"'sampling_rates' must be at least 1, got \[0\]"),
        ([[1, float('nan'), 4]], 'regression', r'at least 1, got \[nan\]'),
        ([[-1, -1, -1]], 'regression', 'num_ordered=0'),
        ([[1, 2]], 'regression', r"\('clips', 3\) of each video, got \[\(1, 2\)\].*num_segments"),
        ([1, 2, 3], 'regression', r'got \[\(3,\)\]'),
    ],
)
def test_wrong_rates_are_told_with_what_to_do(rates, task, message):
    model = head(task=task, max_rate=4)
    with pytest.raises(ValueError, match=message):
        model.loss(maps(2), segment_samples(2, sampling_rates=torch.tensor(rates)))


def test_missing_rates_are_told_with_what_to_do():
    samples = segment_samples(2)
    del samples[0].sampling_rates
    with pytest.raises(KeyError, match="needs 'sampling_rates' in every data sample"):
        head().loss(maps(2), samples)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(task='ranking'), "('regression', 'classification'), got 'ranking'"),
        (dict(max_rate=0), 'max_rate must be at least 1, got 0'),
        (dict(num_segments=1), 'num_segments must lie between'),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError) as error:
        SamplingRateHead(**kwargs)
    assert message in str(error.value)


@pytest.mark.parametrize('task', ['regression', 'classification'])
def test_predicted_rates_are_written_for_queries(task):
    model, feats = head(task=task), maps(6)
    labels = torch.tensor([[1, 2, 3], [-1, -1, -1]])
    samples = segment_samples(3, num_clips=2, sampling_rates=labels)
    samples[0].set_metainfo(dict(role='gallery'))
    model.predict(feats, samples)
    assert not hasattr(samples[0], 'predicted_rates')
    found = outputs(model, feats)
    if task == 'classification':
        shares = np.exp(found.reshape(6, 3, 8))
        found = (shares / shares.sum(axis=2, keepdims=True)) @ np.arange(1, 9)
    for i in (1, 2):
        assert samples[i].predicted_rates.dtype == torch.float32
        np.testing.assert_allclose(samples[i].predicted_rates, found[2 * i : 2 * i + 2], rtol=1e-5)
        np.testing.assert_allclose(
            samples[i].features['rgb'][0], feats[2 * i + 1].mean(dim=(1, 2, 3)), rtol=1e-5
        )


def test_labels_on_a_device_are_looked_at_in_the_first_batch(monkeypatch):
    wrong, right = (segment_samples(2, sampling_rates=torch.tensor([[1, r, 3]])) for r in (0, 2))
    for sample in wrong:
        sample.set_metainfo(dict(role='gallery'))
    monkeypatch.setattr(labelled_head, '_on_host', lambda labels: False)
    model = head()
    for _ in range(2):  # a test looks at all of them, and says nothing of training
        with pytest.raises(ValueError, match='at least 1'):
            model.predict(maps(2), wrong)
        model.predict(maps(2), right)
    with pytest.raises(ValueError, match='at least 1'):
        model.loss(maps(2), wrong)
    model.loss(maps(2), right)
    model.loss(maps(2), wrong)  # looked at, it would hold up every step
