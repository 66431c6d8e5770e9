"""Several heads on the same features."""

import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.models.heads import MultiTaskHead, SamplingRateHead, SegmentOrderHead
from ssvrl_mm.registry import MODELS

from ..segments import segment_samples

ORDER = dict(type='SegmentOrderHead', in_channels=8, hidden_channels=4)
RATE = dict(type='SamplingRateHead', in_channels=8)


@pytest.fixture
def head():
    torch.manual_seed(0)
    return MultiTaskHead(dict(order=ORDER, rate=RATE))


def test_losses_are_those_of_each_head(head):
    features, samples = torch.rand(4, 8, 2, 3, 3), segment_samples(4)
    apart = {}
    for name, config in (('order', ORDER), ('rate', RATE)):
        alone = MODELS.build(config)
        alone.load_state_dict(head.heads[name].state_dict())
        apart.update(alone.loss(features, samples))
    together = head.loss(features, samples)
    assert together == apart
    assert {name for name in together if name.startswith('loss')} == {'loss_order', 'loss_rate'}
    sum(together[name] for name in ('loss_order', 'loss_rate')).backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())


def test_what_recognizers_pass_reaches_every_head(head):
    """``Recognizer3D`` hands all heads the losses of its neck."""
    seen = []
    for child in head.heads.values():
        child.loss = lambda feats, samples, **kwargs: seen.append(kwargs) or {}
        child.predict = lambda feats, samples, **kwargs: seen.append(kwargs) or samples
        child.forward = lambda feats, **kwargs: seen.append(kwargs)
    head.loss(None, [], loss_aux={})
    head.predict(None, [], average_clips=False)
    head(None, num_segs=2)
    assert (
        seen == [dict(loss_aux={})] * 2 + [dict(average_clips=False)] * 2 + [dict(num_segs=2)] * 2
    )


def test_answers_are_of_all_heads(head):
    samples = head.predict(torch.rand(4, 8, 2, 3, 3), segment_samples(4))
    for sample in samples:
        assert sample.predicted_rates.shape == (1, 3)
        assert sample.answer_order.shape == (1,)
        assert sample.features['rgb'].shape == (1, 8)


def test_outputs_by_name(head):
    features = torch.rand(2, 8)
    found = head(features)
    assert {name: tuple(out.shape) for name, out in found.items()} == dict(
        order=(2, 6), rate=(2, 3)
    )
    assert torch.equal(found['rate'], head.heads['rate'](features))


def test_with_a_head_of_mmaction():
    with DefaultScope.overwrite_default_scope('mmaction'):
        classes = dict(type='mmaction.I3DHead', num_classes=5, in_channels=8)
        head = MODELS.build(
            dict(type='ssvrl_mm.MultiTaskHead', heads=dict(classes=classes, order=ORDER))
        )
    samples = segment_samples(4)
    for number, sample in enumerate(samples):
        sample.set_gt_label(number)
    losses = head.loss(torch.rand(4, 8, 2, 3, 3), samples)
    assert {'loss_cls', 'loss_order'} <= losses.keys()
    head.eval()
    predicted = head.predict(torch.rand(4, 8, 2, 3, 3), samples)
    assert predicted[0].pred_score.shape[-1] == 5
    assert predicted[0].answer_order.shape == (1,)


def test_losses_of_one_name_are_refused():
    head = MultiTaskHead(dict(one=ORDER, other=ORDER))
    with pytest.raises(ValueError, match=r"'other' has \['loss_order', 'top1_order'\], as a head"):
        head.loss(torch.rand(2, 8), segment_samples(2))


@pytest.mark.parametrize('heads', [{}, None])
def test_no_heads_are_refused(heads):
    with pytest.raises(ValueError, match='name -> config of a head, got none'):
        MultiTaskHead(heads)


class LossAlone(torch.nn.Module):
    def loss(self, feats, samples):
        return {}


@pytest.mark.parametrize('kind', ['InfoNCELoss', LossAlone])
def test_what_is_no_head_is_refused(kind):
    name = getattr(kind, '__name__', kind)
    with pytest.raises(TypeError, match=f"'loss' is a {name}, which is no head"):
        MultiTaskHead(dict(order=ORDER, loss=dict(type=kind)))


def test_weights_carry_the_names(head):
    assert isinstance(head.heads['order'], SegmentOrderHead)
    assert isinstance(head.heads['rate'], SamplingRateHead)
    assert 'heads.rate.mlp.fc1.weight' in head.state_dict()
