import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from ssvrl_mm.models.heads import ClassificationHead


def head(**kwargs):
    torch.manual_seed(0)
    made = ClassificationHead(5, 8, **{'dropout_ratio': 0, **kwargs})
    made.init_weights()
    return made


def labelled(*labels):
    return [ActionDataSample().set_gt_label(label) for label in labels]


def test_equals_a_transcription():
    model, features = head(feature_norm=('l2', 'batch')), torch.randn(6, 8, 2, 3, 3)
    pooled = features.double().numpy().mean(axis=(2, 3, 4))
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    weight, bias = (p.detach().double().numpy() for p in model.fc_cls.parameters())
    mean, var = pooled.mean(axis=0), pooled.var(axis=0)
    expected = (pooled - mean) / np.sqrt(var + 1e-5) @ weight.T + bias
    np.testing.assert_allclose(model(features).detach().numpy(), expected, atol=1e-5)
    # Tests take the running statistics, one step of momentum 0.1 from (0, 1).
    mean, var = 0.1 * mean, 0.9 + 0.1 * pooled.var(axis=0, ddof=1)
    expected = (pooled - mean) / np.sqrt(var + 1e-5) @ weight.T + bias
    np.testing.assert_allclose(model.eval()(features).detach().numpy(), expected, atol=1e-5)
    assert {n for n, _ in model.named_parameters()} == {'fc_cls.weight', 'fc_cls.bias'}


def test_plain_one_equals_mmaction2s():
    from mmaction.models import I3DHead

    theirs, ours = I3DHead(5, 8, dropout_ratio=0, average_clips='prob'), head()
    ours.load_state_dict(theirs.state_dict())
    features = torch.randn(6, 8, 2, 3, 3)
    torch.testing.assert_close(ours(features), theirs(features))
    for ours_, theirs_ in zip(
        ours.predict(features, labelled(0, 1)),
        theirs.predict(features, labelled(0, 1)),
        strict=True,
    ):
        torch.testing.assert_close(ours_.pred_score, theirs_.pred_score)


def test_probabilities_of_clips_are_averaged():
    model, features = head(), torch.randn(6, 8, 1, 1, 1)
    [first, second] = model.eval().predict(features, labelled(0, 1))
    scores = model(features).detach().double().numpy()
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(first.pred_score.detach(), probabilities[:3].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        second.pred_score.detach(), probabilities[3:].mean(axis=0), atol=1e-6
    )


def test_loss_and_accuracy_under_autocast():
    model, features = head(), torch.randn(6, 8, 2, 3, 3)
    samples = labelled(*range(5), 0)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(features.bfloat16(), samples)
        assert model(features.bfloat16()).dtype == torch.float32
    plain = model.loss(features.bfloat16().float(), samples)
    torch.testing.assert_close(losses['loss_cls'], plain['loss_cls'])
    assert losses['top5_acc'] == 1


def test_unknown_normalisation():
    with pytest.raises(ValueError, match="'l2', 'batch'.*'layer'"):
        head(feature_norm=('layer',))


def test_streams_are_classified_side_by_side():
    model = head(feature_norm=('l2',)).eval()
    maps = {'iframe': torch.randn(4, 5, 2, 3, 3), 'motion': torch.randn(4, 3, 6, 2, 2)}
    pooled = torch.cat([x.mean(dim=(2, 3, 4)) for x in maps.values()], dim=1)
    torch.testing.assert_close(model(maps), model(pooled[..., None, None, None]))
    with torch.autocast('cpu', torch.bfloat16):
        assert model(maps).dtype == torch.float32
