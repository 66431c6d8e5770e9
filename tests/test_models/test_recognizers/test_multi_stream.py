"""Inputs that are transformed before a backbone: in training, for keys and for features alike."""

import pytest
import torch
from torch import nn

from ssvrl_mm.models.recognizers import ContrastiveRecognizer, PretextRecognizer
from ssvrl_mm.models.utils.global_batch import GlobalBatch

from ..tiny import samples
from ..two_streams import STREAMS, build, clips


class Halved(nn.Module):
    def forward(self, clips):
        assert clips.dim() == 5
        return clips / 2


@pytest.mark.parametrize('stream', STREAMS)
def test_a_transform_is_what_halved_inputs_are(stream):
    transformed = build([(0, 'cross')], input_transforms={stream: dict(type=Halved)})
    plain = build([(0, 'cross')])
    assert transformed.state_dict().keys() == plain.state_dict().keys()
    for step in range(2):
        inputs = clips(step)
        halved = {**inputs, stream: inputs[stream] / 2}
        first = transformed(inputs, samples(range(4)), mode='loss')
        second = plain(halved, samples(range(4)), mode='loss')
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(transformed.extract_feat(inputs, stream), plain.extract_feat(halved, stream))
    bare = transformed(inputs[stream], stream=stream)
    assert torch.equal(bare, plain(halved[stream], stream=stream))
    assert not torch.equal(bare, plain(inputs[stream], stream=stream))


def test_keys_are_transformed_before_they_are_dealt_out(monkeypatch):
    """What is sent to other processes is rounded under autocast, and rounded flow has edges."""
    sent = []
    monkeypatch.setattr(GlobalBatch, 'shuffle', lambda self, clips: sent.append(clips) or clips)
    monkeypatch.setattr(GlobalBatch, 'unshuffle', lambda self, *feats: feats)
    first, second = STREAMS
    model = build([(0, 'cross')], input_transforms={first: dict(type=Halved)})
    inputs = clips(0)
    model(inputs, samples(range(4)), mode='loss')
    assert torch.equal(sent[0], inputs[first][:, 1] / 2)
    assert torch.equal(sent[1], inputs[second][:, 1])


def test_other_recognizers_of_streams_transform_too():
    class Kept(nn.Module):
        streams = ('rgb',)

        def loss(self, feats, data_samples):
            return feats

    class Same(nn.Module):
        def forward(self, clips):
            return clips

    model = PretextRecognizer(
        dict(rgb=dict(type=Same)), dict(type=Kept), input_transforms=dict(rgb=dict(type=Halved))
    )
    inputs = clips(0)
    maps = model(inputs, samples(range(4)), mode='loss')['rgb']
    assert torch.equal(maps, inputs['rgb'].flatten(0, 1) / 2)


@pytest.mark.parametrize(
    'transforms, message',
    [
        (dict(flow=dict(type=Halved)), r"input_transforms of \['flow'\], but streams"),
        (
            dict(rgb=dict(type=nn.Conv3d, in_channels=3, out_channels=3, kernel_size=1)),
            'parameters',
        ),
    ],
)
def test_refuses_transforms_that_cannot_be(transforms, message):
    with pytest.raises(ValueError, match=message):
        build(input_transforms=transforms)
    assert isinstance(build(), ContrastiveRecognizer)
