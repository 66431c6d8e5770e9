import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import DefaultScope
from torch import nn
from torch.nn import functional as F

from ssvrl_mm.models.heads import PretextHead
from ssvrl_mm.models.recognizers import PretextRecognizer

from ..tiny import TinyBackbone, samples
from ..two_streams import CHANNELS, backbones, clips


class Backwards(PretextHead):
    """Whether a clip runs backwards, as the sample says, from the maps of all streams."""

    def __init__(self, streams):
        super().__init__(streams)
        self.fc = nn.Linear(6 * len(streams), 2)

    def loss(self, feats, data_samples, **kwargs):
        assert list(feats) == list(self.streams)
        pooled = torch.cat([feats[s].mean(dim=(2, 3, 4)) for s in self.streams], dim=1)
        labels = torch.stack([sample.backwards for sample in data_samples]).flatten()
        return {'loss_order': F.cross_entropy(self.fc(pooled), labels)}


def build(streams, **kwargs):
    torch.manual_seed(0)
    head = dict(type=Backwards, streams=streams)
    return PretextRecognizer(backbones(streams), head, **kwargs).double()


def labelled(n=4, num_clips=2):
    given = samples(range(n))
    for i, sample in enumerate(given):
        sample.set_field(
            torch.arange(num_clips) % 2 if i % 2 else torch.zeros(num_clips).long(), 'backwards'
        )
    return given


@pytest.mark.parametrize('streams', [('rgb',), ('motion',), ('rgb', 'motion')])
def test_the_head_gets_the_maps_of_every_clip_of_every_stream(streams):
    model, inputs, given = build(streams), clips(0), labelled()
    losses = model(inputs, given, mode='loss')
    pooled = torch.cat(
        [
            model.backbone(s)(inputs[s].reshape(8, CHANNELS[s], 4, 6, 6)).mean(dim=(2, 3, 4))
            for s in streams
        ],
        dim=1,
    )
    logits = pooled @ model.head.fc.weight.T + model.head.fc.bias
    labels = torch.cat([sample.backwards for sample in given])
    expected = -logits.log_softmax(1)[range(8), labels].mean()
    assert losses['loss_order'].item() == pytest.approx(expected.item(), rel=1e-9)
    losses['loss_order'].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_predicts_what_the_backbones_give():
    model, inputs = build(('rgb', 'motion')).eval(), clips(0)
    (sample, *_) = model(inputs, samples(range(4)), mode='predict')
    expected = model.backbone_rgb(inputs['rgb'][0]).mean(dim=(0, 2, 3, 4))
    torch.testing.assert_close(sample.features['rgb'][0], expected.float())


def test_single_frames_are_clips_of_one_frame():
    class Frames(Backwards):
        def loss(self, feats, data_samples, **kwargs):
            assert feats['iframe'].shape == (6, 6, 1, 3, 3)
            return {'loss_shape': feats['iframe'].sum()}

    backbone = dict(iframe=dict(type=TinyBackbone))
    model = PretextRecognizer(backbone, dict(type=Frames, streams=('iframe',)))
    model(dict(iframe=torch.rand(3, 2, 3, 6, 6)), samples(range(3)), mode='loss')


def test_streams_of_backbones_and_head_are_the_same():
    with pytest.raises(ValueError, match=r"backbones of \('rgb',\), but a head of \('motion',\)"):
        PretextRecognizer(backbones(['rgb']), dict(type=Backwards, streams=('motion',)))


def test_built_by_name_in_other_projects():
    with DefaultScope.overwrite_default_scope('mmaction'):
        model = MODELS.build(
            dict(
                type='ssvrl_mm.PretextRecognizer',
                backbones=backbones(['rgb']),
                head=dict(type=Backwards, streams=('rgb',)),
            )
        )
    assert model.training_only == ('head.',)
